#include "bindings/types.h"

#include <atomic>
#include <cstring>
#include <optional>
#include <string>

#include "bindings/dispatch.h"
#include "runtime/error.h"

namespace weft::bindings {

namespace {

/// A named constant of C++: dtype and memory_format share this layout.
struct ConstantObject {
  PyObject_HEAD int value;
  const char* name;
};

PyTypeObject* dtype_type = nullptr;
PyTypeObject* format_type = nullptr;
PyTypeObject* size_type = nullptr;
PyTypeObject* generator_type = nullptr;
ConstantObject* dtypes[dtype_count];
ConstantObject* formats[4];

constexpr const char* format_names[] = {"contiguous_format", "channels_last", "channels_last_3d", "preserve_format"};

/// The package's name in what users see: "torch" while that is what the program calls it.
std::atomic<const char*> shown_package{"weft"};

PyObject* constant_repr(PyObject* self) {
  return PyUnicode_FromFormat("%s.%s", shown_package.load(), reinterpret_cast<ConstantObject*>(self)->name);
}
/// Pickles and copies by name: `weft.<name>`.
PyObject* constant_reduce(PyObject* self, PyObject*) {
  return PyUnicode_FromString(reinterpret_cast<ConstantObject*>(self)->name);
}
DType dtype_value(PyObject* self) { return static_cast<DType>(reinterpret_cast<ConstantObject*>(self)->value); }
PyObject* dtype_itemsize(PyObject* self, void*) { return PyLong_FromLongLong(element_size(dtype_value(self))); }
PyObject* dtype_floating(PyObject* self, void*) { return PyBool_FromLong(is_floating(dtype_value(self))); }
PyObject* dtype_complex(PyObject* self, void*) { return PyBool_FromLong(is_complex(dtype_value(self))); }
PyObject* dtype_signed(PyObject* self, void*) {
  return PyBool_FromLong(dtype_value(self) != DType::uint8 && dtype_value(self) != DType::boolean);
}
PyObject* dtype_to_real(PyObject* self, PyObject*) {
  const DType d = dtype_value(self);
  return wrap_dtype(d == DType::complex64 ? DType::float32 : d == DType::complex128 ? DType::float64 : d);
}
PyObject* dtype_to_complex(PyObject* self, PyObject*) {
  const DType d = dtype_value(self);
  return wrap_dtype(d == DType::float64 || d == DType::complex128 ? DType::complex128 : DType::complex64);
}

ConstantObject* make_constant(PyTypeObject* type, int value, const char* name) {
  auto* object = reinterpret_cast<ConstantObject*>(checked(type->tp_alloc(type, 0)));
  object->value = value;
  object->name = name;
  make_immortal(reinterpret_cast<PyObject*>(object));
  return object;
}

void add(PyObject* module, const char* name, PyObject* object) { checked(PyModule_AddObjectRef(module, name, object)); }

// weft.Size ---------------------------------------------------------------------------------------------------------

PyObject* size_numel(PyObject* self, PyObject*) {
  return guarded([&] { return PyLong_FromLongLong(product(to_dims(self))); });
}
PyObject* size_repr(PyObject* self) {
  return guarded([&] {
    const std::string text = format("{}.Size({})", shown_package.load(), to_dims(self));
    return PyUnicode_FromString(text.c_str());
  });
}
/// Slices and sums of a Size are Sizes.
PyObject* as_size(PyObject* tuple) {
  if (tuple == nullptr || !PyTuple_CheckExact(tuple)) return tuple;
  const Object plain = Object::steal(tuple);
  return PyObject_CallOneArg(reinterpret_cast<PyObject*>(size_type), plain.get());
}
PyObject* size_subscript(PyObject* self, PyObject* key) {
  return as_size(PyTuple_Type.tp_as_mapping->mp_subscript(self, key));
}
/// Pickles as PyTorch's does: a call with a plain tuple.
PyObject* size_reduce(PyObject* self, PyObject*) {
  PyObject* const plain = PySequence_Tuple(self);
  return plain == nullptr ? nullptr : Py_BuildValue("(O(N))", size_type, plain);
}
PyObject* size_concat(PyObject* self, PyObject* other) {
  return as_size(PyTuple_Type.tp_as_sequence->sq_concat(self, other));
}

// weft.Generator ----------------------------------------------------------------------------------------------------

struct GeneratorObject {
  PyObject_HEAD Generator* generator;
  bool owned;
};

/// The object `default_generator` holds none: it stands for the calling thread's.
Generator& generator_of(PyObject* self) {
  Generator* const own = reinterpret_cast<GeneratorObject*>(self)->generator;
  return own != nullptr ? *own : default_generator();
}

PyObject* generator_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"device", nullptr};
  PyObject* device = nullptr;
  if (PyArg_ParseTupleAndKeywords(args, kwargs, "|O", const_cast<char**>(names), &device) == 0) return nullptr;
  auto* self = reinterpret_cast<GeneratorObject*>(type->tp_alloc(type, 0));
  if (self == nullptr) return nullptr;
  self->generator = new Generator;
  self->owned = true;
  if (default_generator().is_torch()) self->generator->set_torch(true);
  return reinterpret_cast<PyObject*>(self);
}
void generator_dealloc(PyObject* self) {
  auto* object = reinterpret_cast<GeneratorObject*>(self);
  if (object->owned) delete object->generator;
  auto* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}
PyObject* generator_manual_seed(PyObject* self, PyObject* seed) {
  return guarded([&] {
    // Negative seeds wrap, as in PyTorch.
    const Object number = owned(PyNumber_Index(seed));
    const auto value = PyLong_AsUnsignedLongLongMask(number.get());
    if (PyErr_Occurred() != nullptr) throw PythonError{};
    generator_of(self).set_seed(value);
    return Py_NewRef(self);
  });
}
PyObject* generator_initial_seed(PyObject* self, PyObject*) {
  auto& generator = generator_of(self);
  uint64_t seed = generator.seed();
  if (generator.is_torch()) generator.with_torch([&](const TorchStream& stream) { seed = stream.seed(); });
  return PyLong_FromUnsignedLongLong(seed);
}
/// The place in the stream as bytes: seed and offset, or what torch.get_rng_state() holds.
PyObject* generator_state(PyObject* self, PyObject*) {
  return guarded([&] {
    auto& generator = generator_of(self);
    if (!generator.is_torch()) {
      const auto state = generator.state();
      return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(&state), sizeof state);
    }
    char bytes[TorchStream::state_bytes];
    generator.with_torch([&](const TorchStream& stream) { stream.save(bytes); });
    return PyBytes_FromStringAndSize(bytes, sizeof bytes);
  });
}
PyObject* generator_set_state(PyObject* self, PyObject* bytes) {
  return guarded([&]() -> PyObject* {
    check_type(PyBytes_Check(bytes) != 0, "set_state(): expected bytes, got {}", Py_TYPE(bytes)->tp_name);
    auto& generator = generator_of(self);
    const auto size = static_cast<std::size_t>(PyBytes_GET_SIZE(bytes));
    const std::size_t wanted = generator.is_torch() ? TorchStream::state_bytes : sizeof(PhiloxState);
    check(size == wanted, "RNG state is wrong size: expected {} bytes, got {}", wanted, size);
    const char* const data = PyBytes_AS_STRING(bytes);
    if (!generator.is_torch()) {
      PhiloxState state;
      std::memcpy(&state, data, sizeof state);
      generator.set_state(state);
      Py_RETURN_NONE;
    }
    bool valid = false;
    generator.with_torch([&](TorchStream& stream) {
      valid = stream.load(std::span<const char, TorchStream::state_bytes>(data, TorchStream::state_bytes));
    });
    check(valid, "RNG state is not one that get_state() gave");
    Py_RETURN_NONE;
  });
}
PyObject* generator_set_torch(PyObject* self, PyObject* value) {
  return guarded([&]() -> PyObject* {
    generator_of(self).set_torch(PyObject_IsTrue(value) == 1);
    Py_RETURN_NONE;
  });
}
PyObject* generator_is_torch(PyObject* self, PyObject*) { return PyBool_FromLong(generator_of(self).is_torch()); }

}  // namespace

void make_immortal(PyObject* object) noexcept {
#if PY_VERSION_HEX >= 0x030E0000
  PyUnstable_SetImmortal(object);
#elif PY_VERSION_HEX >= 0x030C0000
#ifdef Py_GIL_DISABLED
  object->ob_tid = 0;
  object->ob_ref_local = UINT32_MAX;
  object->ob_ref_shared = 0;
#else
  object->ob_refcnt = _Py_IMMORTAL_REFCNT;
#endif
#else
  Py_INCREF(object);
#endif
}

PyObject* immortal_name(const char* name) {
  PyObject* const object = checked(PyUnicode_InternFromString(name));
  make_immortal(object);
  return object;
}

PyTypeObject* make_type(PyType_Spec& spec, PyTypeObject* base) {
  PyObject* const type = checked(base == nullptr ? PyType_FromSpec(&spec)
                                                 : PyType_FromSpecWithBases(&spec, reinterpret_cast<PyObject*>(base)));
  make_immortal(type);
  return reinterpret_cast<PyTypeObject*>(type);
}

void init_types(PyObject* module) {
  static PyMethodDef dtype_methods[] = {
      {"__reduce__", constant_reduce, METH_NOARGS, nullptr},
      {"to_real", dtype_to_real, METH_NOARGS, "The real dtype of this precision."},
      {"to_complex", dtype_to_complex, METH_NOARGS, "The complex dtype of this precision."},
      {nullptr, nullptr, 0, nullptr}};
  static PyGetSetDef dtype_attributes[] = {{"itemsize", dtype_itemsize, nullptr, "Bytes of one element.", nullptr},
                                           {"is_floating_point", dtype_floating, nullptr, nullptr, nullptr},
                                           {"is_complex", dtype_complex, nullptr, nullptr, nullptr},
                                           {"is_signed", dtype_signed, nullptr, nullptr, nullptr},
                                           {nullptr, nullptr, nullptr, nullptr, nullptr}};
  PyType_Slot dtype_slots[] = {{Py_tp_repr, reinterpret_cast<void*>(constant_repr)},
                               {Py_tp_methods, dtype_methods},
                               {Py_tp_getset, dtype_attributes},
                               {Py_tp_doc, const_cast<char*>("The type of a tensor's elements.")},
                               {0, nullptr}};
  PyType_Spec dtype_spec{"weft.dtype", sizeof(ConstantObject), 0,
                         Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
                         dtype_slots};
  dtype_type = make_type(dtype_spec);
  add(module, "dtype", reinterpret_cast<PyObject*>(dtype_type));
  for (int i = 0; i < dtype_count; ++i) {
    const char* const name = dtype_name(static_cast<DType>(i)).data();
    dtypes[i] = make_constant(dtype_type, i, name);
    add(module, name, reinterpret_cast<PyObject*>(dtypes[i]));
  }

  static PyMethodDef format_methods[] = {{"__reduce__", constant_reduce, METH_NOARGS, nullptr},
                                         {nullptr, nullptr, 0, nullptr}};
  PyType_Slot format_slots[] = {{Py_tp_repr, reinterpret_cast<void*>(constant_repr)},
                                {Py_tp_methods, format_methods},
                                {Py_tp_doc, const_cast<char*>("The order of dimensions in memory.")},
                                {0, nullptr}};
  PyType_Spec format_spec{"weft.memory_format", sizeof(ConstantObject), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
                          format_slots};
  format_type = make_type(format_spec);
  add(module, "memory_format", reinterpret_cast<PyObject*>(format_type));
  for (int i = 0; i < 4; ++i) {
    formats[i] = make_constant(format_type, i, format_names[i]);
    add(module, format_names[i], reinterpret_cast<PyObject*>(formats[i]));
  }

  static PyMethodDef size_methods[] = {{"numel", size_numel, METH_NOARGS, "The product of the sizes."},
                                       {"__reduce__", size_reduce, METH_NOARGS, nullptr},
                                       {nullptr, nullptr, 0, nullptr}};
  PyType_Slot size_slots[] = {{Py_tp_repr, reinterpret_cast<void*>(size_repr)},
                              {Py_tp_methods, size_methods},
                              {Py_mp_subscript, reinterpret_cast<void*>(size_subscript)},
                              {Py_sq_concat, reinterpret_cast<void*>(size_concat)},
                              {Py_tp_doc, const_cast<char*>("The shape of a tensor: a tuple of sizes.")},
                              {0, nullptr}};
  PyType_Spec size_spec{"weft.Size", 0, 0, Py_TPFLAGS_DEFAULT, size_slots};
  size_type = make_type(size_spec, &PyTuple_Type);
  add(module, "Size", reinterpret_cast<PyObject*>(size_type));

  static PyMethodDef generator_methods[] = {
      {"manual_seed", generator_manual_seed, METH_O, "Starts the stream of this seed; returns the generator."},
      {"initial_seed", generator_initial_seed, METH_NOARGS, "The seed the stream started from."},
      {"_state", generator_state, METH_NOARGS, nullptr},
      {"_set_state", generator_set_state, METH_O, nullptr},
      {"_set_torch", generator_set_torch, METH_O, nullptr},
      {"_is_torch", generator_is_torch, METH_NOARGS, nullptr},
      {nullptr, nullptr, 0, nullptr}};
  PyType_Slot generator_slots[] = {{Py_tp_new, reinterpret_cast<void*>(generator_new)},
                                   {Py_tp_dealloc, reinterpret_cast<void*>(generator_dealloc)},
                                   {Py_tp_methods, generator_methods},
                                   {Py_tp_doc, const_cast<char*>("A stream of random numbers (Philox 4x32-10).")},
                                   {0, nullptr}};
  PyType_Spec generator_spec{"weft._core.Generator", sizeof(GeneratorObject), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, generator_slots};
  generator_type = make_type(generator_spec);
  add(module, "Generator", reinterpret_cast<PyObject*>(generator_type));
  auto* shared = reinterpret_cast<GeneratorObject*>(checked(generator_type->tp_alloc(generator_type, 0)));
  shared->generator = nullptr;
  shared->owned = false;
  add(module, "default_generator", reinterpret_cast<PyObject*>(shared));
}

void show_as_torch() noexcept { shown_package = "torch"; }
const char* package_shown() noexcept { return shown_package; }

PyObject* wrap_dtype(DType dtype) noexcept {
  return Py_NewRef(reinterpret_cast<PyObject*>(dtypes[static_cast<int>(dtype)]));
}
bool is_dtype(PyObject* object) noexcept { return Py_IS_TYPE(object, dtype_type); }

std::optional<DType> as_dtype(PyObject* object) noexcept {
  if (is_dtype(object)) return dtype_value(object);
  if (object == reinterpret_cast<PyObject*>(&PyFloat_Type)) return DType::float64;
  if (object == reinterpret_cast<PyObject*>(&PyLong_Type)) return DType::int64;
  if (object == reinterpret_cast<PyObject*>(&PyBool_Type)) return DType::boolean;
  if (object == reinterpret_cast<PyObject*>(&PyComplex_Type)) return DType::complex128;
  return std::nullopt;
}

PyObject* wrap_memory_format(MemoryFormat format) noexcept {
  return Py_NewRef(reinterpret_cast<PyObject*>(formats[static_cast<int>(format)]));
}

std::optional<MemoryFormat> as_memory_format(PyObject* object) noexcept {
  if (!Py_IS_TYPE(object, format_type)) return std::nullopt;
  return static_cast<MemoryFormat>(reinterpret_cast<ConstantObject*>(object)->value);
}

PyObject* wrap_size(IntList sizes) {
  PyObject* const tuple = checked(size_type->tp_alloc(size_type, static_cast<Py_ssize_t>(sizes.size())));
  for (std::size_t i = 0; i < sizes.size(); ++i)
    PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i), checked(PyLong_FromLongLong(sizes[i])));
  return tuple;
}

Generator* as_generator(PyObject* object) noexcept {
  if (!PyObject_TypeCheck(object, generator_type)) return nullptr;
  return &generator_of(object);
}

}  // namespace weft::bindings
