// What operators are expected to cost: nanoseconds of native time on one thread, for the governor.
#pragma once

#include "tensor/tensor.h"

namespace weft::ops::cost {

inline int64_t elements(const Tensor& t) noexcept { return t.defined() ? t.numel() : 0; }
inline int64_t elements(TensorSpan tensors) noexcept {
  int64_t n = 0;
  for (const auto& t : tensors) n += elements(t);
  return n;
}

/// Optimizers: memory traffic, 0.15 ns a float read or written.
template <class... Options>
int64_t fused_sgd(TensorSpan params, TensorSpan, TensorSpan buffers, Options...) noexcept {
  return elements(params) * (buffers.empty() ? 4 : 7) / 10;
}
template <class... Options>
int64_t fused_adam(TensorSpan params, TensorSpan, TensorSpan, TensorSpan, TensorSpan, TensorSpan, Options...) noexcept {
  return elements(params) * 11 / 10;
}

}  // namespace weft::ops::cost
