// Copies between dtypes and layouts, below autograd.
#pragma once

#include "tensor/tensor.h"

namespace weft::ops {

/// The same values in another dtype, laid out as the source is. Not recorded.
Tensor converted(const Tensor& source, DType dtype);
/// `t` itself when it is contiguous, else a contiguous copy. Not recorded.
Tensor packed(const Tensor& t);
/// `t` as `dtype` and contiguous, copied at most once. Not recorded.
Tensor packed_as(const Tensor& t, DType dtype);
/// A copy in the given layout. Not recorded.
Tensor copy_to_format(const Tensor& t, MemoryFormat format);

}  // namespace weft::ops
