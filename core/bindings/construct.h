// Tensors from Python data, and Python data from tensors.
#pragma once

#include <optional>

#include "bindings/tensor_object.h"

namespace weft::bindings {

/// A new tensor holding the numbers of `data`: nested sequences, a number, an object with the buffer protocol, or a
/// tensor (copied). Without a dtype it is inferred as in PyTorch.
Tensor tensor_from_data(PyObject* data, std::optional<DType> dtype);
/// NumPy's arrays and their like; bytes and memoryviews are sequences of integers instead, as in PyTorch.
bool is_array(PyObject* object) noexcept;
/// Frees a Py_buffer that a storage owns: the storage's `free`.
void release_buffer(void* buffer) noexcept;
/// A tensor over the memory of an object with the buffer protocol, which it keeps alive.
Tensor tensor_over_buffer(PyObject* object);

}  // namespace weft::bindings
