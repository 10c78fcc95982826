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

}  // namespace weft::ops::cost
