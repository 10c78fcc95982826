// PyTorch's type promotion: tensors with dimensions outweigh 0-dim tensors, which outweigh Python numbers.
#pragma once

#include <initializer_list>

#include "tensor/tensor.h"

namespace weft::ops {

/// The dtype an operation on these tensors computes in. Undefined tensors are passed over.
DType result_type(TensorSpan tensors);
DType result_type(std::initializer_list<const Tensor*> tensors);

/// What floating-point results of integer inputs get: torch.get_default_dtype(). Process-wide, as in PyTorch.
DType default_dtype() noexcept;
void set_default_dtype(DType dtype);

/// `dtype` itself when it is floating or complex, else the default dtype.
inline DType float_type(DType dtype) noexcept { return is_integral(dtype) ? default_dtype() : dtype; }

/// The shape both broadcast to; raises with PyTorch's words.
Dims broadcast_shapes(IntList a, IntList b);

}  // namespace weft::ops
