// Small things that entries of operators share: conversion and copying without history, saving, output resizing.
#pragma once

#include "autograd/meta.h"
#include "tensor/tensor.h"

namespace weft::ops {

/// out[...] = source[...], which must broadcast to out; any dtypes. Not recorded, advances no version.
void copy_elements(const Tensor& out, const Tensor& source);
/// A contiguous-as-source copy, not recorded.
Tensor clone_detached(const Tensor& source);
/// Sums over broadcast dimensions down to `sizes`; recorded when gradients are.
Tensor sum_to_size(const Tensor& t, const Dims& sizes);

std::vector<SavedTensor> save_all(TensorSpan tensors);
TensorList unpack_all(const std::vector<SavedTensor>& saved, Node* node);
/// The complex conjugate; a real or undefined tensor as it is.
Tensor conjugate(const Tensor& t);
/// `grad`, or zeros of the shape that was expected where none arrived.
Tensor gradient_or_zeros(const Tensor& grad, const OutputMeta& meta);

/// Raises as PyTorch does where an operator has no kernel for a dtype.
void check_implemented(bool has, const char* op, DType dtype);
/// Raises unless `dtype` can hold the number.
void check_fits(const Scalar& value, DType dtype);

/// Raises unless an `out=` tensor has the dtype of the result, for operators that do not cast.
void check_out_dtype(DType result, DType out, const char* op);
/// Raises if an `out=` tensor, once it has the result's `sizes`, shares memory with an input.
void check_apart(const Tensor& out, const Dims& sizes, const Tensor& input, const char* op);
/// Gives an `out=` tensor the shape of the result.
void resize_output(const Tensor& out, const Dims& shape);
/// Writes a finished result into an `out=` tensor or an in-place target.
void assign(const Tensor& out, const Tensor& result);
/// Stores a result in the tensor it was computed from, which must have its shape.
void assign_inplace(const Tensor& self, const Tensor& result);
/// Raises if two elements of `t` share memory: it cannot be written element by element.
void check_no_internal_overlap(const Tensor& t);
/// out= does not record: raises when one of the inputs asks for it.
void check_no_history_for_out(bool record, const char* op);

/// Gives autograd the arithmetic it needs. Called once when the module loads.
void install();

}  // namespace weft::ops
