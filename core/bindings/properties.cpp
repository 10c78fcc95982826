#include "bindings/properties.h"

#include "autograd/meta.h"
#include "bindings/autograd.h"
#include "bindings/dispatch.h"
#include "bindings/overrides.h"
#include "bindings/types.h"
#include "generated/ops.h"
#include "runtime/error.h"

namespace weft::bindings {

namespace {

/// A getter from a function of the tensor.
template <auto function>
PyObject* get(PyObject* self, void*) {
  return guarded([&]() -> PyObject* { return function(unwrap(self)); });
}

/// The same for what is a tensor itself: subclasses may answer in its place. `name` is the attribute's.
template <auto function>
PyObject* get_tensor(PyObject* self, void* name) {
  return guarded([&]() -> PyObject* {
    if (is_overridden({self, nullptr, 0, nullptr})) [[unlikely]]
      return call_attribute_override(static_cast<const char*>(name), "__get__", self, nullptr);
    return function(unwrap(self));
  });
}

PyObject* get_shape(const Tensor& t) { return wrap_size(t.sizes()); }
PyObject* get_dtype(const Tensor& t) { return wrap_dtype(t.dtype()); }
PyObject* get_requires_grad(const Tensor& t) { return PyBool_FromLong(requires_grad(t)); }
PyObject* get_is_leaf(const Tensor& t) { return PyBool_FromLong(is_leaf(t)); }
PyObject* get_retains_grad(const Tensor& t) {
  const auto* meta = autograd_meta(t);
  return PyBool_FromLong(meta != nullptr && meta->retains_grad);
}
PyObject* get_grad(const Tensor& t) { return wrap(grad(t)); }
PyObject* get_grad_fn(const Tensor& t) { return wrap_node(grad_fn(t)); }
PyObject* get_output_nr(const Tensor& t) {
  const auto* meta = autograd_meta(t);
  return PyLong_FromLong(meta == nullptr ? 0 : static_cast<long>(meta->output));
}
PyObject* get_ndim(const Tensor& t) { return PyLong_FromLong(t.dim()); }
PyObject* get_itemsize(const Tensor& t) { return PyLong_FromLongLong(t.element_size()); }
PyObject* get_nbytes(const Tensor& t) { return PyLong_FromLongLong(t.numel() * t.element_size()); }
PyObject* get_version(const Tensor& t) {
  check(!t.impl()->inference, "Inference tensors do not track version counter.");
  return PyLong_FromUnsignedLong(t.version());
}
PyObject* get_base(const Tensor& t) {
  return t.impl()->view_base ? wrap(Tensor(t.impl()->view_base)) : Py_NewRef(Py_None);
}
PyObject* get_data(const Tensor& t) {
  auto data = alias(t);
  data.impl()->untracked_writes = true;
  return wrap(data);
}
PyObject* get_t(const Tensor& t) {
  Dims order(t.dim());
  for (int d = 0; d < t.dim(); ++d) order[d] = t.dim() - 1 - d;
  return wrap(ops::permute(t, order));
}
PyObject* get_mt(const Tensor& t) {
  check(t.dim() >= 2, "tensor.mT is only supported on matrices or batches of matrices. Got {}-D tensor.", t.dim());
  return wrap(ops::transpose(t, -2, -1));
}

template <auto function>
int set(PyObject* self, PyObject* value, void* name) {
  return guarded(
      [&] {
        if (value != nullptr && is_overridden({self, &value, 1, nullptr})) [[unlikely]] {
          const Object done = owned(call_attribute_override(static_cast<const char*>(name), "__set__", self, value));
          return 0;
        }
        function(unwrap(self), value);
        return 0;
      },
      -1);
}

void set_requires(const Tensor& t, PyObject* value) {
  check(value != nullptr && PyBool_Check(value), "requires_grad must be a bool");
  set_requires_grad(t, value == Py_True);
}

void set_gradient(const Tensor& t, PyObject* value) {
  if (value == nullptr || value == Py_None) return set_grad(t, {});
  check_type(is_tensor(value), "assigned grad expected to be a Tensor or None but got grad of type {}",
             Py_TYPE(value)->tp_name);
  const Tensor& g = unwrap(value);
  check(!(g == t), "can't assign Variable as its own grad");
  check(g.dtype() == t.dtype(), "assigned grad has data of a different type: expected {}, got {}", t.dtype(),
        g.dtype());
  check(
      g.sizes() == t.sizes(),
      "attempting to assign a gradient of size '{}' to a tensor of size '{}'. Please ensure that the gradient and the "
      "tensor are the same size",
      g.sizes(), t.sizes());
  set_grad(t, g);
}

void set_data(const Tensor& t, PyObject* value) {
  check_type(value != nullptr && is_tensor(value), "data must be a Tensor");
  const Tensor& source = unwrap(value);
  weft::set_data(t, source);
}

/// The only argument of size and stride, `dim`; null when not given.
PyObject* dim_argument(const char* method, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  const Py_ssize_t named = kwnames == nullptr ? 0 : PyTuple_GET_SIZE(kwnames);
  check_type(n + named <= 1, "{}() takes at most 1 argument ({} given)", method, n + named);
  check_type(named == 0 || PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, 0), "dim") == 0,
             "{}() got an unexpected keyword argument", method);
  return n + named == 0 || args[0] == Py_None ? nullptr : args[0];
}
int64_t at_dim(const Tensor& t, const Dims& values, PyObject* dim) {
  const int64_t d = to_int(dim);
  check_index(t.dim() > 0, "Dimension specified as {} but tensor has no dimensions", d);
  return values[normalize_dim(d, t.dim())];
}
PyObject* size(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = unwrap(self);
    PyObject* const dim = dim_argument("size", args, n, kwnames);
    return dim == nullptr ? wrap_size(t.sizes()) : PyLong_FromLongLong(at_dim(t, t.sizes(), dim));
  });
}
PyObject* stride(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = unwrap(self);
    PyObject* const dim = dim_argument("stride", args, n, kwnames);
    return dim == nullptr ? from_dims(t.strides()).release() : PyLong_FromLongLong(at_dim(t, t.strides(), dim));
  });
}
PyObject* same_size(PyObject* self, PyObject* other) {
  return guarded([&]() -> PyObject* {
    const CallArguments call{self, &other, 1, nullptr};
    if (is_overridden(call)) return call_override("is_same_size", call);
    check_type(is_tensor(other), "is_same_size(): expected a Tensor, got {}", Py_TYPE(other)->tp_name);
    return PyBool_FromLong(unwrap(self).sizes() == unwrap(other).sizes());
  });
}
PyObject* dim(PyObject* self, PyObject*) { return PyLong_FromLong(unwrap(self).dim()); }
PyObject* numel(PyObject* self, PyObject*) { return PyLong_FromLongLong(unwrap(self).numel()); }
PyObject* storage_offset(PyObject* self, PyObject*) { return PyLong_FromLongLong(unwrap(self).offset()); }
PyObject* own_element_size(PyObject* self, PyObject*) { return PyLong_FromLongLong(unwrap(self).element_size()); }
PyObject* data_ptr(PyObject* self, PyObject*) {
  const Tensor& t = unwrap(self);
  return PyLong_FromVoidPtr(t.numel() == 0 ? nullptr : t.bytes());
}
PyObject* storage_ptr(PyObject* self, PyObject*) { return PyLong_FromVoidPtr(unwrap(self).storage()->data()); }
PyObject* storage_bytes(PyObject* self, PyObject*) { return PyLong_FromSize_t(unwrap(self).storage()->bytes()); }
PyObject* own_item(PyObject* self, PyObject*) {
  return guarded([&] {
    const CallArguments call{self, nullptr, 0, nullptr};
    return is_overridden(call) ? call_override("item", call) : wrap(item(unwrap(self)));
  });
}
PyObject* floating(PyObject* self, PyObject*) { return PyBool_FromLong(is_floating(unwrap(self).dtype())); }
PyObject* complex(PyObject* self, PyObject*) { return PyBool_FromLong(is_complex(unwrap(self).dtype())); }
PyObject* inference(PyObject* self, PyObject*) { return PyBool_FromLong(unwrap(self).impl()->inference); }

bool has_format(const Tensor& t, MemoryFormat format) {
  const bool channels_last = format == MemoryFormat::channels_last && t.dim() == 4;
  if (channels_last || (format == MemoryFormat::channels_last_3d && t.dim() == 5)) return t.is_channels_last();
  return format == MemoryFormat::contiguous && t.is_contiguous();
}
PyObject* contiguous(PyObject* self, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"memory_format", nullptr};
  PyObject* format = nullptr;
  if (PyArg_ParseTupleAndKeywords(args, kwargs, "|$O", const_cast<char**>(names), &format) == 0) return nullptr;
  return guarded([&]() -> PyObject* {
    const auto wanted = format == nullptr ? std::optional(MemoryFormat::contiguous) : as_memory_format(format);
    check_type(wanted.has_value(), "is_contiguous(): memory_format must be a weft.memory_format");
    return PyBool_FromLong(has_format(unwrap(self), *wanted));
  });
}

PyObject* own_retain_grad(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    retain_grad(unwrap(self));
    Py_RETURN_NONE;
  });
}

PyObject* own_detach(PyObject* self, PyObject*) {
  return guarded([&] {
    detach_inplace(unwrap(self));
    return Py_NewRef(self);
  });
}
PyObject* is_view(PyObject* self, PyObject*) {
  return PyBool_FromLong(static_cast<bool>(unwrap(self).impl()->view_base));
}

PyObject* nested_list(const Tensor& t, int d, const char* at) {
  if (d == t.dim()) {
    auto element = alias(t);
    auto& impl = *element.impl();
    impl.sizes = {};
    impl.strides = {};
    impl.offset = (at - t.storage()->data()) / t.element_size();
    refresh_geometry(impl);
    return wrap(item(element));
  }
  const Object list = owned(PyList_New(t.sizes()[d]));
  for (int64_t i = 0; i < t.sizes()[d]; ++i)
    PyList_SET_ITEM(list.get(), i, checked(nested_list(t, d + 1, at + i * t.strides()[d] * t.element_size())));
  return Py_NewRef(list.get());
}
PyObject* tolist(PyObject* self, PyObject*) {
  return guarded([&] {
    const CallArguments call{self, nullptr, 0, nullptr};
    return is_overridden(call) ? call_override("tolist", call) : nested_list(unwrap(self), 0, unwrap(self).bytes());
  });
}

/// A getter's or setter's closure: its own name.
void* named(const char* name) { return const_cast<char*>(name); }

}  // namespace

PyGetSetDef tensor_attributes[] = {
    {"shape", get<get_shape>, nullptr, "The sizes, as a weft.Size.", nullptr},
    {"dtype", get<get_dtype>, nullptr, "The type of the elements.", nullptr},
    {"ndim", get<get_ndim>, nullptr, "The number of dimensions.", nullptr},
    {"requires_grad", get<get_requires_grad>, set<set_requires>, "Whether gradients are computed for it.",
     named("requires_grad")},
    {"grad", get_tensor<get_grad>, set<set_gradient>, "The accumulated gradient, or None.", named("grad")},
    {"grad_fn", get<get_grad_fn>, nullptr, "The node that made it, None for a leaf.", nullptr},
    {"is_leaf", get<get_is_leaf>, nullptr, "Whether it was made by the user rather than by a recorded operation.",
     nullptr},
    {"retains_grad", get<get_retains_grad>, nullptr, "Whether a non-leaf keeps its gradient.", nullptr},
    {"output_nr", get<get_output_nr>, nullptr, "Which output of grad_fn it is.", nullptr},
    {"data", get_tensor<get_data>, set<set_data>, "The same memory, out of autograd's sight.", named("data")},
    {"T", get_tensor<get_t>, nullptr, "The view with dimensions reversed.", named("T")},
    {"mT", get_tensor<get_mt>, nullptr, "The view with the last two dimensions swapped.", named("mT")},
    {"itemsize", get<get_itemsize>, nullptr, "Bytes of one element.", nullptr},
    {"nbytes", get<get_nbytes>, nullptr, "Bytes of all elements.", nullptr},
    {"_version", get<get_version>, nullptr, "How often the memory was written in place.", nullptr},
    {"_base", get<get_base>, nullptr, "The tensor that this is a view of, or None.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMethodDef tensor_own_methods[] = {
    {"size", any_call(size), METH_FASTCALL | METH_KEYWORDS, "size(dim=None): the sizes, or one of them."},
    {"stride", any_call(stride), METH_FASTCALL | METH_KEYWORDS,
     "stride(dim=None): the strides in elements, or one of them."},
    {"is_same_size", same_size, METH_O, "Whether other has the same shape."},
    {"dim", dim, METH_NOARGS, "The number of dimensions."},
    {"ndimension", dim, METH_NOARGS, "The number of dimensions."},
    {"numel", numel, METH_NOARGS, "The number of elements."},
    {"nelement", numel, METH_NOARGS, "The number of elements."},
    {"storage_offset", storage_offset, METH_NOARGS, "Elements of storage before the first."},
    {"element_size", own_element_size, METH_NOARGS, "Bytes of one element."},
    {"data_ptr", data_ptr, METH_NOARGS, "The address of the first element."},
    {"_storage_ptr", storage_ptr, METH_NOARGS, nullptr},
    {"_storage_bytes", storage_bytes, METH_NOARGS, nullptr},
    {"item", own_item, METH_NOARGS, "The only element, as a Python number."},
    {"tolist", tolist, METH_NOARGS, "The elements as nested lists, or a number for a 0-dim tensor."},
    {"is_floating_point", floating, METH_NOARGS, "Whether the elements are floating-point numbers."},
    {"is_complex", complex, METH_NOARGS, "Whether the elements are complex numbers."},
    {"is_inference", inference, METH_NOARGS, "Whether it was made in inference mode."},
    {"is_contiguous", any_call(contiguous), METH_VARARGS | METH_KEYWORDS,
     "Whether memory holds the elements in this order without gaps."},
    {"detach_", own_detach, METH_NOARGS, "Cuts self off from its history, in place."},
    {"_is_view", is_view, METH_NOARGS, nullptr},
    {"retain_grad", own_retain_grad, METH_NOARGS, "Makes a non-leaf keep its gradient."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace weft::bindings
