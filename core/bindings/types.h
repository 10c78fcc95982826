// Small Python types of the C++ values: dtype, memory_format, Size, Generator.
#pragma once

#include <optional>

#include "bindings/python.h"
#include "runtime/random.h"
#include "tensor/tensor.h"

namespace weft::bindings {

/// Never freed, and from CPython 3.12 on never counted: every thread reads it all the time. (3.14 counts types for each
/// thread.)
void make_immortal(PyObject* object) noexcept;
/// An interned string for good: the name of an attribute that native code looks up.
PyObject* immortal_name(const char* name);
/// A type with its reference count out of the way, for each new object refers to it.
PyTypeObject* make_type(PyType_Spec& spec, PyTypeObject* base = nullptr);

/// Made once when the module loads; immortal, so that no thread ever writes their reference counts.
void init_types(PyObject* module);

/// From now on dtypes and sizes are shown as torch.float32 and torch.Size: the program calls weft so.
void show_as_torch() noexcept;
/// "weft" or "torch": the package's name in what users see.
const char* package_shown() noexcept;

PyObject* wrap_dtype(DType dtype) noexcept;  ///< a new reference
bool is_dtype(PyObject* object) noexcept;
/// Accepts weft dtypes and Python's float, int, bool and complex.
std::optional<DType> as_dtype(PyObject* object) noexcept;

PyObject* wrap_memory_format(MemoryFormat format) noexcept;
std::optional<MemoryFormat> as_memory_format(PyObject* object) noexcept;

/// weft.Size: a tuple of sizes.
PyObject* wrap_size(IntList sizes);

/// Null unless the object is a weft.Generator.
Generator* as_generator(PyObject* object) noexcept;

}  // namespace weft::bindings
