#include "ops/strided_loop.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <utility>

#include "kernels/table.h"
#include "runtime/error.h"

namespace weft::ops {

namespace {

/// The size of so many pieces: whole groups of the inner loops, where they are long.
int64_t pieces_of(int64_t n, int64_t pieces) noexcept {
  constexpr int64_t group = 64;
  const int64_t size = (n + pieces - 1) / pieces;
  return size < 16 * group ? size : (size + group - 1) / group * group;
}

}  // namespace

void parallel_elements(int64_t n, double nanoseconds, FunctionRef<void(int64_t begin, int64_t end)> f) {
  constexpr double piece = 16'000;  // nanoseconds: long against waking a worker, short against Ctrl-C
  constexpr double halved = 5'000;  // worth a worker that is awake
  const double all = static_cast<double>(n) * std::max(nanoseconds, 0.05);
  const auto wanted = static_cast<int64_t>(std::ceil(all / piece));
  const int64_t pieces = all < halved ? 1 : wanted < 8 ? wanted + wanted % 2 : wanted;
  parallel_for(n, pieces_of(n, pieces), f, all < piece ? Helpers::awake : Helpers::all);
}

StridedLoop::StridedLoop(IntList sizes) : ndim_(static_cast<int>(sizes.size())), numel_(product(sizes)) {
  check(ndim_ <= max_dims, "tensors have at most {} dimensions, got {}", max_dims, ndim_);
  std::copy(sizes.begin(), sizes.end(), sizes_);
}

void StridedLoop::add(char* data, IntList byte_strides, int64_t element_size) {
  data_[operands_] = data;
  element_sizes_[operands_] = element_size;
  std::copy(byte_strides.begin(), byte_strides.end(), strides_[operands_]);
  ++operands_;
}

void StridedLoop::add(const Tensor& tensor) {
  data_[operands_] = tensor.bytes();
  auto* strides = strides_[operands_];
  const int missing = ndim_ - tensor.dim();
  const auto element = element_sizes_[operands_] = tensor.element_size();
  std::fill(strides, strides + missing, 0);
  for (int d = 0; d < tensor.dim(); ++d)
    strides[missing + d] = tensor.sizes()[d] == 1 ? 0 : tensor.strides()[d] * element;
  ++operands_;
}

void StridedLoop::add_constant(char* data) {
  data_[operands_] = data;
  element_sizes_[operands_] = 0;
  std::fill(strides_[operands_], strides_[operands_] + ndim_, 0);
  ++operands_;
}

void StridedLoop::simplify() {
  simple_ = true;
  // Innermost first, by the strides of the output, then of the inputs; insertion sort keeps it stable.
  int order[max_dims];
  for (int d = 0; d < ndim_; ++d) order[d] = ndim_ - 1 - d;
  const auto inner_than = [&](int a, int b) {
    for (int k = 0; k < operands_; ++k) {
      const auto x = strides_[k][a], y = strides_[k][b];
      if (x == 0 || y == 0) continue;
      if (x != y) return x < y;
    }
    return false;
  };
  for (int i = 1; i < ndim_; ++i)
    for (int j = i; j > 0 && inner_than(order[j], order[j - 1]); --j) std::swap(order[j], order[j - 1]);

  int64_t sizes[max_dims];
  int64_t strides[max_operands][max_dims];
  int kept = 0;
  for (int i = 0; i < ndim_; ++i) {
    const int d = order[i];
    if (sizes_[d] == 1) continue;
    bool joins = kept > 0;
    for (int k = 0; joins && k < operands_; ++k) joins = strides_[k][d] == strides[k][kept - 1] * sizes[kept - 1];
    if (joins) {
      sizes[kept - 1] *= sizes_[d];
      continue;
    }
    sizes[kept] = sizes_[d];
    for (int k = 0; k < operands_; ++k) strides[k][kept] = strides_[k][d];
    ++kept;
  }
  if (kept == 0) {
    kept = 1;
    sizes[0] = 1;
    for (int k = 0; k < operands_; ++k) strides[k][0] = 0;
  }
  ndim_ = kept;
  std::copy(sizes, sizes + kept, sizes_);
  for (int k = 0; k < operands_; ++k) std::copy(strides[k], strides[k] + kept, strides_[k]);
}

namespace {

struct Sixteen {
  uint64_t low, high;
};

/// A plane of `rows` times `columns` elements, each at its strides.
struct Plane {
  char* data;
  int64_t rows, columns, row_stride, stride;
};

template <class T>
void copy_plane(const Plane& to, const Plane& from) {
  for (int64_t i = 0; i < to.rows; ++i) {
    char* out = to.data + i * to.row_stride;
    const char* in = from.data + i * from.row_stride;
    if (to.stride == sizeof(T) && from.stride == sizeof(T)) {
      std::memcpy(out, in, static_cast<std::size_t>(to.columns) * sizeof(T));
      continue;
    }
    for (int64_t k = 0; k < to.columns; ++k, out += to.stride, in += from.stride)
      *reinterpret_cast<T*>(out) = *reinterpret_cast<const T*>(in);
  }
}

constexpr int64_t spread_bytes = 16;

/// Each row is one value, again and again. Writes up to spread_bytes past the end of `to`.
template <class T>
void spread_rows(const Plane& to, const Plane& from) {
  const auto bytes = to.columns * int64_t{sizeof(T)};
  for (int64_t i = 0; i < to.rows; ++i) {
    T values[spread_bytes / sizeof(T)];
    for (auto& value : values) value = *reinterpret_cast<const T*>(from.data + i * from.row_stride);
    for (int64_t k = 0; k < bytes; k += spread_bytes)
      std::memcpy(to.data + i * to.row_stride + k, values, spread_bytes);
  }
}

template <class F>
void with_size(int64_t element_size, const F& f) {
  switch (element_size) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    case 8:
      return f(uint64_t{});
    default:
      return f(Sixteen{});
  }
}
void copy_plane(const Plane& to, const Plane& from, int64_t element_size) {
  with_size(element_size, [&]<class T>(T) { copy_plane<T>(to, from); });
}

// Elements: below, calling a loop for each row costs more than copying rows together.
constexpr int64_t short_row = 128;
// Bytes that are copied together: a row of the largest elements at least.
constexpr int64_t staged = short_row * static_cast<int64_t>(sizeof(Sixteen));

}  // namespace

void StridedLoop::run(kernels::InnerLoop loop, const kernels::Param* params, double cost) {
  run([&](char* const* data, const int64_t* strides, int64_t n) { loop(data, strides, n, params); }, cost);
}

void StridedLoop::run(Strip strip, double cost) {
  if (numel_ == 0) return;
  if (!simple_) simplify();
  if (ndim_ > 1 && sizes_[0] < short_row)
    run_short_rows(strip, cost);
  else
    run_strips(strip, cost);
}

/// Rows of few elements, such as those a bias of ten is added to: operands that do not run on from one row to the next
/// are copied together, so that the loop sees many rows as one.
void StridedLoop::run_short_rows(Strip strip, double cost) {
  const int64_t columns = sizes_[0], rows = sizes_[1];
  const int64_t widest = *std::max_element(element_sizes_, element_sizes_ + operands_);
  int64_t most = staged / (columns * std::max<int64_t>(widest, 1));
  // Whole groups of the loop's: what is left over costs it a copy.
  if (const int64_t whole = 64 / std::gcd(columns, int64_t{64}); most > whole) most -= most % whole;
  parallel_elements(numel_ / columns, cost * static_cast<double>(columns), [&](int64_t begin, int64_t end) {
    alignas(64) char buffers[max_operands][staged + spread_bytes];
    const char* repeated[max_operands] = {};  // where the same row, over and over, stands in the buffer already
    while (begin < end) {
      const int64_t row = begin % rows, count = std::min({most, rows - row, end - begin});
      char* at[max_operands];
      char* data[max_operands];
      int64_t strides[max_operands];
      for (int k = 0; k < operands_; ++k) {
        at[k] = data_[k] + row * strides_[k][1];
        int64_t rest = begin / rows;
        for (int d = 2; d < ndim_; ++d) {
          at[k] += rest % sizes_[d] * strides_[k][d];
          rest /= sizes_[d];
        }
        const int64_t size = element_sizes_[k];
        data[k] = at[k];
        strides[k] = strides_[k][0];
        if (strides_[k][1] == strides[k] * columns) continue;
        data[k] = buffers[k];
        strides[k] = size;
        if (k == 0 || repeated[k] == at[k]) continue;
        const bool repeats = strides_[k][1] == 0;
        const Plane to{buffers[k], repeats ? most : count, columns, columns * size, size};
        const Plane from{at[k], count, columns, strides_[k][1], strides_[k][0]};
        if (from.stride == 0)
          with_size(size, [&]<class T>(T) { spread_rows<T>(to, from); });
        else
          copy_plane(to, from, size);
        repeated[k] = repeats ? at[k] : nullptr;
      }
      strip(data, strides, count * columns);
      if (data[0] != at[0])
        copy_plane({at[0], count, columns, strides_[0][1], strides_[0][0]},
                   {buffers[0], count, columns, columns * element_sizes_[0], element_sizes_[0]}, element_sizes_[0]);
      begin += count;
    }
  });
}

/// Whether the output is one row that no cache would hold, and none of the inputs: a cache would read each line before
/// it is overwritten, and write it back later.
bool StridedLoop::is_past_caches() const noexcept {
  if (ndim_ != 1 || strides_[0][0] != element_sizes_[0] || numel_ * element_sizes_[0] < kernels::stream_from)
    return false;
  return std::find(data_ + 1, data_ + operands_, data_[0]) == data_ + operands_;
}

/// Computes a little at a time into a buffer in L1, which goes to memory past the caches while the next inputs arrive.
void StridedLoop::run_past_caches(Strip strip, int64_t begin, int64_t end) {
  constexpr int64_t line = 64, chunk_bytes = 1024;
  alignas(line) char buffer[chunk_bytes];
  const auto& cast = kernels::table().cast;
  char* data[max_operands];
  int64_t strides[max_operands];
  for (int k = 0; k < operands_; ++k) {
    strides[k] = strides_[k][0];
    data[k] = data_[k] + begin * strides[k];
  }
  for (int64_t n = 0; begin < end; begin += n) {
    char* const out = std::exchange(data[0], buffer);
    const int64_t before = reinterpret_cast<std::uintptr_t>(out) % line;
    n = std::min((chunk_bytes - before) / strides[0], end - begin);
    for (int k = 1; k < operands_; ++k) {
      if (strides[k] != element_sizes_[k]) continue;
      const char* const next = data[k] + n * strides[k];
      const int64_t bytes = std::min(n, end - begin - n) * strides[k];
      for (int64_t i = 0; i < bytes; i += line) __builtin_prefetch(next + i);
    }
    strip(data, strides, n);
    for (int k = 1; k < operands_; ++k) data[k] += n * strides[k];
    cast.stream(out, buffer, n * strides[0]);
    data[0] = out + n * strides[0];
  }
  cast.finish_streaming();
}

void StridedLoop::run_strips(Strip strip, double cost) {
  if (is_past_caches())
    return parallel_elements(numel_, cost, [&](int64_t begin, int64_t end) { run_past_caches(strip, begin, end); });
  int64_t inner[max_operands];
  for (int k = 0; k < operands_; ++k) inner[k] = strides_[k][0];

  parallel_elements(numel_, cost, [&](int64_t begin, int64_t end) {
    char* data[max_operands];
    if (ndim_ == 1) {
      for (int k = 0; k < operands_; ++k) data[k] = data_[k] + begin * inner[k];
      strip(data, inner, end - begin);
      return;
    }
    int64_t index[max_dims];
    int64_t rest = begin;
    std::copy(data_, data_ + operands_, data);
    for (int d = 0; d < ndim_; ++d) {
      index[d] = rest % sizes_[d];
      rest /= sizes_[d];
      for (int k = 0; k < operands_; ++k) data[k] += index[d] * strides_[k][d];
    }
    for (int64_t at = begin; at < end;) {
      const int64_t n = std::min(sizes_[0] - index[0], end - at);
      strip(data, inner, n);
      at += n;
      for (int k = 0; k < operands_; ++k) data[k] -= index[0] * inner[k];
      index[0] = 0;
      for (int d = 1; d < ndim_; ++d) {
        for (int k = 0; k < operands_; ++k) data[k] += strides_[k][d];
        if (++index[d] < sizes_[d]) break;
        for (int k = 0; k < operands_; ++k) data[k] -= sizes_[d] * strides_[k][d];
        index[d] = 0;
      }
    }
  });
}

}  // namespace weft::ops
