#include "ops/strided_loop.h"

#include <algorithm>

#include "runtime/error.h"

namespace weft::ops {

int64_t grain_for(double nanoseconds) noexcept {
  constexpr double piece = 16'000;  // nanoseconds: long against waking a worker, short against Ctrl-C
  return std::max<int64_t>(static_cast<int64_t>(piece / std::max(nanoseconds, 0.05)) & ~int64_t{1023}, 1024);
}

StridedLoop::StridedLoop(IntList sizes) : ndim_(static_cast<int>(sizes.size())), numel_(product(sizes)) {
  check(ndim_ <= max_dims, "tensors have at most {} dimensions, got {}", max_dims, ndim_);
  std::copy(sizes.begin(), sizes.end(), sizes_);
}

void StridedLoop::add(char* data, IntList byte_strides) {
  data_[operands_] = data;
  std::copy(byte_strides.begin(), byte_strides.end(), strides_[operands_]);
  ++operands_;
}

void StridedLoop::add(const Tensor& tensor) {
  data_[operands_] = tensor.bytes();
  auto* strides = strides_[operands_];
  const int missing = ndim_ - tensor.dim();
  const auto element = tensor.element_size();
  std::fill(strides, strides + missing, 0);
  for (int d = 0; d < tensor.dim(); ++d)
    strides[missing + d] = tensor.sizes()[d] == 1 ? 0 : tensor.strides()[d] * element;
  ++operands_;
}

void StridedLoop::add_constant(char* data) {
  data_[operands_] = data;
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

void StridedLoop::run(FunctionRef<void(char* const*, const int64_t*, int64_t)> strip, double cost) {
  if (numel_ == 0) return;
  if (!simple_) simplify();
  int64_t inner[max_operands];
  for (int k = 0; k < operands_; ++k) inner[k] = strides_[k][0];

  parallel_for(numel_, grain_for(cost), [&](int64_t begin, int64_t end) {
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

void StridedLoop::run(kernels::InnerLoop loop, const kernels::Param* params, double cost) {
  run([&](char* const* data, const int64_t* strides, int64_t n) { loop(data, strides, n, params); }, cost);
}

}  // namespace weft::ops
