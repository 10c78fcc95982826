#include "kernels/sparse.h"

#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t piece = 1 << 15;  // multiply-adds a parallel piece takes

/// Rows for a piece, if all were of the same length.
int64_t grain(CsrPattern a, int64_t width) {
  const int64_t work = (a.crow[a.rows] - a.crow[0]) * (width + 4) / (a.rows > 0 ? a.rows : 1) + 1;
  return work < piece ? piece / work : 1;
}

/// `block` neighbouring columns of one row of the product, held in registers.
template <class T, int block>
void product_block(CsrPattern a, int64_t row, const T* values, const int64_t* order, const T* dense, int64_t width,
                   T* out) {
  T sum[block] = {};
  for (int64_t p = a.crow[row]; p < a.crow[row + 1]; ++p) {
    const T value = values[order == nullptr ? p : order[p]];
    const T* const from = dense + a.col[p] * width;
    for (int k = 0; k < block; ++k) sum[k] += value * from[k];
  }
  for (int k = 0; k < block; ++k) out[k] = sum[k];
}

template <class T>
void product(CsrPattern a, const void* values, const int64_t* order, const void* dense, int64_t width, void* out) {
  constexpr int block = 256 / sizeof(T), small = 64 / sizeof(T);
  const auto* const v = static_cast<const T*>(values);
  const auto* const d = static_cast<const T*>(dense);
  auto* const o = static_cast<T*>(out);
  parallel_for(a.rows, grain(a, width), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      int64_t k = 0;
      for (; k + block <= width; k += block)
        product_block<T, block>(a, row, v, order, d + k, width, o + row * width + k);
      for (; k + small <= width; k += small)
        product_block<T, small>(a, row, v, order, d + k, width, o + row * width + k);
      for (; k < width; ++k) product_block<T, 1>(a, row, v, order, d + k, width, o + row * width + k);
    }
  });
}

template <class T>
T inner_product(const T* a, const T* b, int64_t n) {
  constexpr int lanes = 64 / sizeof(T);
  T sum[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int k = 0; k < lanes; ++k) sum[k] += a[i + k] * b[i + k];
  T total = 0;
  for (int k = 0; k < lanes; ++k) total += sum[k];
  for (; i < n; ++i) total += a[i] * b[i];
  return total;
}

template <class T>
void sample(CsrPattern pattern, const void* a, const void* b, int64_t width, void* out) {
  const auto* const x = static_cast<const T*>(a);
  const auto* const y = static_cast<const T*>(b);
  auto* const o = static_cast<T*>(out);
  parallel_for(pattern.rows, grain(pattern, width), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for (int64_t p = pattern.crow[row]; p < pattern.crow[row + 1]; ++p)
        o[p] = inner_product(x + row * width, y + pattern.col[p] * width, width);
  });
}

}  // namespace

void fill(SparseTable& t) {
  t.product[0] = product<float>;
  t.product[1] = product<double>;
  t.sample[0] = sample<float>;
  t.sample[1] = sample<double>;
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
