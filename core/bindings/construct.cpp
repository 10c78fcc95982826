#include "bindings/construct.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "autograd/meta.h"
#include "bindings/dispatch.h"
#include "bindings/native.h"
#include "bindings/protocols.h"
#include "ops/convert.h"
#include "ops/promotion.h"
#include "runtime/error.h"

namespace weft::bindings {

namespace {

bool is_nested(PyObject* object) noexcept {
  if (PyList_Check(object) || PyTuple_Check(object)) return true;
  return PySequence_Check(object) != 0 && !PyUnicode_Check(object) && !PyBytes_Check(object) && !is_tensor(object) &&
         !is_array(object) && !is_number(object);
}
/// The items as a list or tuple, so that they stay while they are converted.
Object items_of(PyObject* data) { return owned(PySequence_Fast(data, "not a sequence")); }

// The buffer protocol ------------------------------------------------------------------------------------------------

struct Format {
  const char* code;
  DType dtype;
};
constexpr Format formats[] = {{"?", DType::boolean}, {"B", DType::uint8},      {"b", DType::int8},
                              {"h", DType::int16},   {"i", DType::int32},      {"q", DType::int64},
                              {"l", DType::int64},   {"e", DType::float16},    {"f", DType::float32},
                              {"d", DType::float64}, {"Zf", DType::complex64}, {"Zd", DType::complex128}};

DType dtype_of_format(const char* format, PyObject* object) {
  const std::string_view code = format == nullptr                                    ? "B"
                                : *format == '@' || *format == '=' || *format == '<' ? format + 1
                                                                                     : format;
  for (const auto& f : formats)
    if (code == f.code) return f.dtype;
  check_value(
      !code.starts_with('>') && !code.starts_with('!'),
      "given numpy array has byte order different from the native byte order. Conversion between byte orders is "
      "currently not supported.");
  fail(ErrorKind::type,
       "can't convert {} with elements of format '{}'. The only supported types are: float64, float32, float16, "
       "complex64, "
       "complex128, int64, int32, int16, int8, uint8, and bool.",
       Py_TYPE(object)->tp_name, code);
}

const char* format_of_dtype(DType dtype) {
  for (const auto& f : formats)
    if (f.dtype == dtype) return f.code;
  fail(ErrorKind::type, "Got unsupported ScalarType {}", scalar_type_name(dtype));
}

/// What an exported buffer points to while it lives.
struct Export {
  explicit Export(const Tensor& t) : tensor(t) { tensor.storage()->pin(); }
  ~Export() { tensor.storage()->unpin(); }
  Export(const Export&) = delete;
  Export& operator=(const Export&) = delete;

  Tensor tensor;
  std::vector<Py_ssize_t> shape, strides;
};

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  return guarded(
      [&] {
        view->obj = nullptr;
        const Tensor& t = unwrap(self);
        check_type(!t.impl()->opaque, "a sparse tensor is no array; use to_dense() first");
        check(!requires_grad(t),
              "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.");
        if ((flags & PyBUF_STRIDES) != PyBUF_STRIDES && !t.is_contiguous()) {
          PyErr_SetString(PyExc_BufferError, "the tensor is not contiguous");
          throw PythonError{};
        }
        auto exported = std::make_unique<Export>(t);
        for (int d = 0; d < t.dim(); ++d) {
          exported->shape.push_back(t.sizes()[d]);
          exported->strides.push_back(t.strides()[d] * t.element_size());
        }
        view->buf = t.bytes();
        view->len = t.numel() * t.element_size();
        view->itemsize = t.element_size();
        view->readonly = 0;
        view->ndim = t.dim();
        view->format = (flags & PyBUF_FORMAT) != 0 ? const_cast<char*>(format_of_dtype(t.dtype())) : nullptr;
        view->shape = exported->shape.data();
        view->strides = exported->strides.data();
        view->suboffsets = nullptr;
        view->internal = exported.release();
        view->obj = Py_NewRef(self);
        return 0;
      },
      -1);
}

void free_buffer(PyObject*, Py_buffer* view) { delete static_cast<Export*>(view->internal); }

// Nested sequences ---------------------------------------------------------------------------------------------------

/// The first pass: shape and inferred dtype of nested lists.
struct Shape {
  Dims sizes;
  DType dtype = DType::boolean;
  bool any = false;

  explicit Shape(bool infers) : infers_(infers) {}

  void scan(PyObject* data, int depth) {
    if (is_nested(data)) {
      const Object items = items_of(data);
      const Py_ssize_t n = PySequence_Fast_GET_SIZE(items.get());
      check_value(depth < 64, "too many dimensions in nested data (more than 64)");
      if (depth == sizes.size() && !any) sizes.push_back(n);
      check_type(depth < sizes.size(), "expected a number at dim {}, got {}", depth, Py_TYPE(data)->tp_name);
      check_value(sizes[depth] == n, "expected sequence of length {} at dim {} (got {})", sizes[depth], depth, n);
      for (Py_ssize_t i = 0; i < n && i < PySequence_Fast_GET_SIZE(items.get()); ++i)
        scan(Object::borrow(PySequence_Fast_GET_ITEM(items.get(), i)).get(), depth + 1);
      return;
    }
    int leaf_depth = depth;
    if (is_tensor(data)) {
      leaf_depth += leaf_sizes(unwrap(data).sizes(), depth);
      note(unwrap(data).dtype());
    } else if (is_array(data)) {
      const Tensor t = tensor_over_buffer(data);
      leaf_depth += leaf_sizes(t.sizes(), depth);
      note(t.dtype());
    } else {
      check_type(is_number(data) || (infers_ && !PyUnicode_Check(data)), "new(): invalid data type '{}'",
                 Py_TYPE(data)->tp_name);
      check(is_number(data), "Could not infer dtype of {}", Py_TYPE(data)->tp_name);
      note(PyBool_Check(data)      ? DType::boolean
           : PyLong_Check(data)    ? DType::int64
           : PyComplex_Check(data) ? (ops::default_dtype() == DType::float64 ? DType::complex128 : DType::complex64)
           : PyIndex_Check(data)   ? DType::int64
                                   : ops::default_dtype());
    }
    check_type(leaf_depth == sizes.size(), "expected a sequence of length {} at dim {}, got {}",
               leaf_depth < sizes.size() ? sizes[leaf_depth] : 0, leaf_depth, Py_TYPE(data)->tp_name);
  }

 private:
  int leaf_sizes(const Dims& inner, int depth) {
    for (int d = 0; d < inner.size(); ++d) {
      if (depth + d == sizes.size() && !any) sizes.push_back(inner[d]);
      check_value(depth + d < sizes.size() && sizes[depth + d] == inner[d],
                  "expected sequence of length {} at dim {} (got {})", depth + d < sizes.size() ? sizes[depth + d] : 0,
                  depth + d, inner[d]);
    }
    return inner.size();
  }
  void note(DType seen) {
    dtype = any ? promote(dtype, seen) : seen;
    any = true;
  }

  bool infers_;
};

void write_number(char* to, DType dtype, PyObject* number) {
  const Scalar value = to_scalar(number);
  check_type(is_complex(dtype) || dtype == DType::boolean || !value.is_complex(), "must be real number, not complex");
  check(fits(value, dtype), "value cannot be converted to type {} without overflow", dtype);
  const Tensor one = scalar_tensor(value, dtype);
  std::memcpy(to, one.bytes(), element_size(dtype));
}

/// The second pass. Returns where the next number goes. Converting a number may run Python, which may change the lists:
/// what does not fit `sizes` any more is refused.
char* fill(char* to, DType dtype, IntList sizes, PyObject* data) {
  constexpr const char* changed = "the data changed while it was converted";
  if (is_nested(data)) {
    const Object items = items_of(data);
    check(!sizes.empty() && PySequence_Fast_GET_SIZE(items.get()) == sizes[0], changed);
    for (Py_ssize_t i = 0; i < sizes[0]; ++i) {
      check(i < PySequence_Fast_GET_SIZE(items.get()), changed);
      to = fill(to, dtype, sizes.subspan(1), Object::borrow(PySequence_Fast_GET_ITEM(items.get(), i)).get());
    }
    return to;
  }
  if (is_tensor(data) || is_array(data)) {
    const Tensor source =
        ops::packed_as(is_tensor(data) ? unwrap_dense(data, "tensor") : tensor_over_buffer(data), dtype);
    check(same(source.sizes(), sizes), changed);
    const auto bytes = source.numel() * source.element_size();
    std::memcpy(to, source.bytes(), bytes);
    return to + bytes;
  }
  check(sizes.empty(), changed);
  if (dtype == DType::float32 && PyFloat_CheckExact(data))
    *reinterpret_cast<float*>(to) = static_cast<float>(PyFloat_AS_DOUBLE(data));
  else if (dtype == DType::float64 && PyFloat_CheckExact(data))
    *reinterpret_cast<double*>(to) = PyFloat_AS_DOUBLE(data);
  else
    write_number(to, dtype, data);
  return to + element_size(dtype);
}

}  // namespace

void release_buffer(void* owner) noexcept {
  auto* const buffer = static_cast<Py_buffer*>(owner);
  if (Py_IsInitialized()) {
    const PythonScope python;
    PyBuffer_Release(buffer);
  }
  delete buffer;
}

bool is_array(PyObject* object) noexcept {
  return PyObject_CheckBuffer(object) && PyObject_HasAttrString(object, "__array_interface__");
}

Tensor tensor_over_buffer(PyObject* object) {
  auto buffer = std::make_unique<Py_buffer>();
  if (PyObject_GetBuffer(object, buffer.get(), PyBUF_RECORDS) != 0) {
    PyErr_Clear();
    checked(PyObject_GetBuffer(object, buffer.get(), PyBUF_RECORDS_RO));
  }
  struct Release {
    Py_buffer* buffer;
    ~Release() {
      if (buffer != nullptr) PyBuffer_Release(buffer);
    }
  } guard{buffer.get()};
  const DType dtype = dtype_of_format(buffer->format, object);
  const auto element = element_size(dtype);
  Dims sizes, strides;
  for (int d = 0; d < buffer->ndim; ++d) {
    sizes.push_back(buffer->shape[d]);
    check_value(
        buffer->strides[d] >= 0,
        "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
        "currently supported. (You can probably work around this by making a copy of your array with array.copy().)");
    check_value(
        buffer->strides[d] % element == 0,
        "given numpy array strides not a multiple of the element byte size. Copy the numpy array to reallocate the "
        "memory.");
    strides.push_back(buffer->strides[d] / element);
  }
  int64_t extent = product(sizes) == 0 ? 0 : 1;
  for (int d = 0; extent != 0 && d < sizes.size(); ++d) extent += (sizes[d] - 1) * strides[d];
  auto tensor = empty(Dims{0}, dtype);
  auto& impl = *tensor.impl();
  impl.storage = Storage::borrow(buffer->buf, extent * element, buffer.get(), release_buffer);
  guard.buffer = nullptr;
  buffer.release();
  impl.sizes = sizes;
  impl.strides = strides;
  refresh_geometry(impl);
  return tensor;
}

Tensor tensor_from_data(PyObject* data, std::optional<DType> dtype) {
  if (is_tensor(data)) return ops::converted(unwrap_dense(data, "tensor"), dtype.value_or(unwrap(data).dtype()));
  if (is_array(data)) {
    const Tensor source = tensor_over_buffer(data);
    return ops::converted(source, dtype.value_or(source.dtype()));
  }
  // Other sequences may give other items every time they are asked.
  const Object kept = is_nested(data) ? items_of(data) : Object::borrow(data);
  Shape shape(!dtype.has_value());
  shape.scan(kept.get(), 0);
  auto tensor = empty(shape.sizes, dtype.value_or(shape.any ? shape.dtype : ops::default_dtype()));
  fill(tensor.bytes(), tensor.dtype(), shape.sizes, kept.get());
  return tensor;
}

void add_buffer_slots(std::vector<PyType_Slot>& slots) {
  slots.push_back({Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)});
  slots.push_back({Py_bf_releasebuffer, reinterpret_cast<void*>(free_buffer)});
}

}  // namespace weft::bindings
