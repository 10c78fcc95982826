#include "bindings/storage.h"

#include <cstdint>
#include <memory>

#include "bindings/construct.h"
#include "bindings/dispatch.h"
#include "bindings/tensor_object.h"
#include "bindings/types.h"
#include "runtime/error.h"

namespace weft::bindings {

namespace {

/// All bytes of the storage behind a tensor, as a uint8 tensor that shares it.
PyObject* storage_view(PyObject*, PyObject* object) {
  return guarded([&] {
    check_type(is_tensor(object), "_storage_view: expected a Tensor, got {}", Py_TYPE(object)->tp_name);
    const Tensor& source = unwrap(object);
    auto bytes = alias(source);
    auto& impl = *bytes.impl();
    impl.dtype = DType::uint8;
    impl.offset = 0;
    impl.sizes = Dims{static_cast<int64_t>(source.storage()->bytes())};
    impl.strides = Dims{1};
    refresh_geometry(impl);
    return wrap(bytes);
  });
}

/// The last element's place in a storage; raises when sizes and strides leave the range of integers.
int64_t last_element(int64_t offset, const Dims& sizes, const Dims& strides) {
  int64_t last = offset;
  for (int d = 0; d < sizes.size(); ++d) {
    int64_t reach = 0;
    check(!__builtin_mul_overflow(sizes[d] - 1, strides[d], &reach) && !__builtin_add_overflow(last, reach, &last),
          "tensor of sizes {} and strides {} is too large", sizes, strides);
  }
  return last;
}

/// (bytes, dtype, offset, sizes, strides): a tensor over the memory of a uint8 tensor, counted from that tensor's
/// start.
PyObject* tensor_over_storage(PyObject*, PyObject* args) {
  PyObject *object, *type, *size_list, *stride_list;
  long long offset = 0;
  if (PyArg_ParseTuple(args, "OOLOO", &object, &type, &offset, &size_list, &stride_list) == 0) return nullptr;
  return guarded([&] {
    const auto dtype = as_dtype(type);
    check_type(is_tensor(object) && dtype.has_value(), "_tensor_over_storage: expected a Tensor and a dtype");
    const Tensor& bytes = unwrap(object);
    check(bytes.dtype() == DType::uint8 && bytes.dim() == 1 && bytes.is_contiguous(),
          "a storage is seen as a contiguous 1-dim uint8 tensor");
    const Dims sizes = to_dims(size_list), strides = to_dims(stride_list);
    check(sizes.size() == strides.size(), "{} sizes, but {} strides", sizes.size(), strides.size());
    check(offset >= 0, "storage offset must be non-negative, got {}", offset);
    bool empty = false;
    for (int d = 0; d < sizes.size(); ++d) {
      check(sizes[d] >= 0 && strides[d] >= 0, "sizes and strides must be non-negative, got {} and {}", sizes, strides);
      empty |= sizes[d] == 0;
    }
    const int64_t width = element_size(*dtype);
    const int64_t begin = bytes.offset();
    if (!empty)
      check(last_element(offset, sizes, strides) < bytes.numel() / width,
            "tensor of sizes {}, strides {} and offset {} is out of bounds for a storage of {} bytes", sizes, strides,
            offset, bytes.numel());
    check(begin % width == 0, "a storage that begins at byte {} cannot hold {}", begin, *dtype);
    auto tensor = alias(bytes);
    auto& impl = *tensor.impl();
    impl.dtype = *dtype;
    impl.offset = begin / width + offset;
    impl.sizes = sizes;
    impl.strides = strides;
    refresh_geometry(impl);
    return wrap(tensor);
  });
}

/// (tensor, buffer): moves the storage behind the tensor, and so all its views, to the memory of a writable buffer.
PyObject* move_storage(PyObject*, PyObject* args) {
  PyObject *object, *target;
  if (PyArg_ParseTuple(args, "OO", &object, &target) == 0) return nullptr;
  return guarded([&]() -> PyObject* {
    check_type(is_tensor(object), "_move_storage: expected a Tensor, got {}", Py_TYPE(object)->tp_name);
    auto buffer = std::make_unique<Py_buffer>();
    checked(PyObject_GetBuffer(target, buffer.get(), PyBUF_WRITABLE));
    Storage& storage = *unwrap(object).storage();
    try {
      check(static_cast<std::size_t>(buffer->len) >= storage.bytes(), "_move_storage: {} bytes do not fit into {}",
            storage.bytes(), buffer->len);
      storage.move_to(buffer->buf, buffer.get(), release_buffer);
    } catch (...) {
      PyBuffer_Release(buffer.get());
      throw;
    }
    buffer.release();
    Py_RETURN_NONE;
  });
}

/// The object whose buffer the storage behind a tensor is; None for memory of our own.
PyObject* storage_owner(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    check_type(is_tensor(object), "_storage_owner: expected a Tensor, got {}", Py_TYPE(object)->tp_name);
    auto* const buffer = static_cast<Py_buffer*>(unwrap(object).storage()->owner(release_buffer));
    return Py_NewRef(buffer == nullptr || buffer->obj == nullptr ? Py_None : buffer->obj);
  });
}

}  // namespace

PyMethodDef storage_functions[] = {{"_move_storage", move_storage, METH_VARARGS, nullptr},
                                   {"_storage_owner", storage_owner, METH_O, nullptr},
                                   {"_storage_view", storage_view, METH_O, nullptr},
                                   {"_tensor_over_storage", tensor_over_storage, METH_VARARGS, nullptr},
                                   {nullptr, nullptr, 0, nullptr}};

}  // namespace weft::bindings
