#include "bindings/dispatch.h"

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "autograd/meta.h"
#include "bindings/overrides.h"
#include "bindings/profile.h"
#include "bindings/types.h"
#include "ops/support.h"
#include "runtime/error.h"

namespace weft::bindings {

namespace {

const char* type_name(PyObject* object) noexcept { return is_tensor(object) ? "Tensor" : Py_TYPE(object)->tp_name; }

bool is_integer(PyObject* object) noexcept {
  if (PyLong_Check(object)) return !PyBool_Check(object);
  if (is_tensor(object)) {
    const auto& t = unwrap(object);
    return t.dim() == 0 && is_integral(t.dtype()) && t.dtype() != DType::boolean;
  }
  return PyIndex_Check(object) != 0 && !PyBool_Check(object);
}

bool is_real(PyObject* object) noexcept {
  return PyFloat_Check(object) || (PyLong_Check(object)) || (is_number(object) && !PyComplex_Check(object));
}

bool is_sequence(PyObject* object) noexcept { return PyTuple_Check(object) || PyList_Check(object); }

template <class Test>
bool all_items(PyObject* object, Test&& test) noexcept {
  if (!is_sequence(object)) return false;
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(object);
  for (Py_ssize_t i = 0; i < n; ++i)
    if (!test(PySequence_Fast_GET_ITEM(object, i))) return false;
  return true;
}

const char* expected(Kind kind) noexcept {
  switch (kind) {
    case Kind::tensor:
    case Kind::optional_tensor:
    case Kind::out:
      return "Tensor";
    case Kind::operand:
      return "Tensor or Number";
    case Kind::tensor_list:
    case Kind::optional_tensor_list:
      return "tuple of Tensors";
    case Kind::number:
    case Kind::optional_number:
      return "Number";
    case Kind::integer:
    case Kind::optional_integer:
      return "int";
    case Kind::real:
    case Kind::optional_real:
      return "float";
    case Kind::boolean:
    case Kind::optional_boolean:
      return "bool";
    case Kind::text:
    case Kind::optional_text:
      return "str";
    case Kind::integers:
    case Kind::optional_integers:
    case Kind::shape:
      return "tuple of ints";
    case Kind::optional_reals:
      return "tuple of floats";
    case Kind::dtype:
    case Kind::optional_dtype:
      return "weft.dtype";
    case Kind::memory_format:
    case Kind::optional_memory_format:
      return "weft.memory_format";
    case Kind::generator:
      return "weft.Generator";
    case Kind::device:
    case Kind::ignored:
      return "device";
  }
  return "";
}

bool is_optional(Kind kind) noexcept {
  switch (kind) {
    case Kind::optional_tensor:
    case Kind::optional_number:
    case Kind::optional_integer:
    case Kind::optional_real:
    case Kind::optional_boolean:
    case Kind::optional_text:
    case Kind::optional_integers:
    case Kind::optional_reals:
    case Kind::optional_dtype:
    case Kind::optional_memory_format:
    case Kind::generator:
    case Kind::out:
    case Kind::device:
    case Kind::ignored:
      return true;
    default:
      return false;
  }
}

/// Whether `object` can be converted to `kind`. Cheap: no conversion is made, no Python code runs.
bool accepts(Kind kind, PyObject* object) noexcept {
  if (object == Py_None && is_optional(kind)) return true;
  switch (kind) {
    case Kind::tensor:
    case Kind::optional_tensor:
      return is_tensor(object);
    case Kind::out:
      return is_tensor(object) || is_sequence(object);
    case Kind::operand:
      return is_tensor(object) || is_number(object);
    case Kind::tensor_list:
      return all_items(object, is_tensor);
    case Kind::optional_tensor_list:
      return all_items(object, [](PyObject* item) { return item == Py_None || is_tensor(item); });
    case Kind::number:
    case Kind::optional_number:
      return is_number(object) || (is_tensor(object) && unwrap(object).dim() == 0);
    case Kind::integer:
    case Kind::optional_integer:
      return is_integer(object);
    case Kind::real:
    case Kind::optional_real:
      return is_real(object) || (is_tensor(object) && unwrap(object).dim() == 0);
    case Kind::boolean:
    case Kind::optional_boolean:
      return PyBool_Check(object) != 0;
    case Kind::text:
    case Kind::optional_text:
      return PyUnicode_Check(object) != 0;
    case Kind::integers:
    case Kind::optional_integers:
    case Kind::shape:
      return is_integer(object) || all_items(object, is_integer);
    case Kind::optional_reals:
      return is_real(object) || all_items(object, is_real);
    case Kind::dtype:
    case Kind::optional_dtype:
      return as_dtype(object).has_value();
    case Kind::memory_format:
    case Kind::optional_memory_format:
      return as_memory_format(object).has_value();
    case Kind::generator:
      return as_generator(object) != nullptr;
    case Kind::device:
    case Kind::ignored:
      return true;
  }
  return false;
}

/// NumPy's spellings of PyTorch's parameters, which PyTorch takes too.
std::string_view canonical(std::string_view keyword) noexcept {
  if (keyword == "axis") return "dim";
  if (keyword == "keepdims") return "keepdim";
  if (keyword == "x" || keyword == "self") return "input";
  if (keyword == "x2") return "other";
  return keyword;
}

void check_device(PyObject* object) {
  if (object == Py_None) return;
  const Object text = owned(PyObject_Str(object));
  const char* const name_data = PyUnicode_AsUTF8(text.get());
  if (name_data == nullptr) throw PythonError{};
  const std::string_view name = name_data;
  if (name == "cpu" || name.starts_with("cpu:")) return;
  call_python("weft._device", "check_cpu", object);  // knows what to raise
}

}  // namespace

/// Binds the arguments of one call to one form.
class Binder {
 public:
  Binder(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) noexcept
      : self_(self), args_(args), nargs_(nargs), kwnames_(kwnames) {}

  /// Fills the slots; false, with the reason if this is the only form, when the arguments do not fit.
  bool bind(const Callable& callable, const Overload& overload, Slots& slots, bool check_types) {
    slots.callable_ = &callable;
    slots.overload_ = &overload;
    const auto params = overload.params;
    const auto count = static_cast<int>(params.size());
    std::fill_n(slots.at_.begin(), count, nullptr);
    explains_ = callable.overloads.size() == 1;
    if (self_ != nullptr && overload.self_index < 0) return reject(" is not a method");
    if (self_ != nullptr) slots.at_[overload.self_index] = self_;

    int next = 0;
    for (Py_ssize_t i = 0; i < nargs_; ++i, ++next) {
      if (self_ != nullptr && next == overload.self_index) ++next;
      if (next >= count || params[next].keyword_only)
        return reject(" takes {} positional arguments but {} were given", positional(overload), nargs_);
      PyObject* value = args_[i];
      if (params[next].kind == Kind::shape && !is_sequence(value) && is_integer(value)) {
        value = pack(i, slots);
        i = nargs_;
      }
      slots.at_[next] = value;
    }
    if (kwnames_ != nullptr && !bind_keywords(overload, slots)) return false;

    for (int i = 0; i < count; ++i) {
      PyObject* const value = slots.at_[i];
      if (value == nullptr) {
        if (params[i].required) return reject(" missing 1 required positional arguments: \"{}\"", params[i].name);
      } else if (check_types && !accepts(params[i].kind, value)) {
        return reject(": argument '{}' (position {}) must be {}, not {}", params[i].name, i + 1,
                      expected(params[i].kind), type_name(value));
      }
      if (value != nullptr && params[i].kind == Kind::device) check_device(value);
    }
    return true;
  }

  const std::string& reason() const noexcept { return reason_; }
  /// "(Tensor, int, dim=str)", for the error message.
  std::string describe() const {
    std::string text = "(";
    const auto add = [&](const std::string& item) { text += (text.size() > 1 ? ", " : "") + item; };
    for (Py_ssize_t i = 0; i < nargs_; ++i) add(type_name(args_[i]));
    if (kwnames_ != nullptr)
      for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(kwnames_); ++k)
        add(std::string(PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames_, k))) + "=" + type_name(args_[nargs_ + k]));
    return text + ")";
  }

 private:
  /// The reason is asked for where there is no other form; writing it takes longer than many calls.
  template <class... Args>
  bool reject(std::string_view reason, const Args&... args) {
    if (explains_) reason_ = format(reason, args...);
    return false;
  }

  static int positional(const Overload& overload) noexcept {
    int n = 0;
    for (const auto& p : overload.params) n += !p.keyword_only;
    return n;
  }

  PyObject* pack(Py_ssize_t from, Slots& slots) {
    slots.packed_ = owned(PyTuple_New(nargs_ - from));
    for (Py_ssize_t i = from; i < nargs_; ++i) PyTuple_SET_ITEM(slots.packed_.get(), i - from, Py_NewRef(args_[i]));
    return slots.packed_.get();
  }

  bool bind_keywords(const Overload& overload, Slots& slots) {
    const auto params = overload.params;
    const Py_ssize_t n = PyTuple_GET_SIZE(kwnames_);
    for (Py_ssize_t k = 0; k < n; ++k) {
      const char* const raw = PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames_, k));
      if (raw == nullptr) throw PythonError{};
      int at = find(params, raw);
      if (at < 0) at = find(params, canonical(raw));
      if (at < 0) return reject(" got an unexpected keyword argument '{}'", raw);
      if (slots.at_[at] != nullptr) return reject(" got multiple values for argument '{}'", raw);
      slots.at_[at] = args_[nargs_ + k];
    }
    return true;
  }

  static int find(std::span<const ParamSpec> params, std::string_view name) noexcept {
    for (std::size_t i = 0; i < params.size(); ++i)
      if (params[i].name == name) return static_cast<int>(i);
    return -1;
  }

  PyObject* self_;
  PyObject* const* args_;
  Py_ssize_t nargs_;
  PyObject* kwnames_;
  bool explains_ = false;
  std::string reason_;
};

PyObject* dispatch(const Callable& callable, PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames,
                   PyObject* module) {
  return guarded([&]() -> PyObject* {
    if (const CallArguments call{self, args, nargs, kwnames}; is_overridden(call)) [[unlikely]] {
      if (module == nullptr) return call_override(callable.name, call);
      const Object function = owned(PyObject_GetAttrString(module, callable.name));
      return call_override(function.get(), call);
    }
    Binder binder(self, args, nargs, kwnames);
    Slots slots;
    for (const auto* overload : callable.overloads)
      if (binder.bind(callable, *overload, slots, true)) {
        const OpTrace trace(callable.name, slots.objects(overload->params.size()));
        if (autocast_on && overload->autocast != Autocast::none) [[unlikely]]
          return call_autocast(*overload, slots);
        return overload->call(slots);
      }
    if (callable.overloads.size() == 1) fail(ErrorKind::type, "{}(){}", callable.name, binder.reason());
    std::string forms;
    for (const auto* overload : callable.overloads) forms += format("\n * {}", overload->signature);
    fail(ErrorKind::type, "{}() received an invalid combination of arguments - got {}, but expected one of:{}\n",
         callable.name, binder.describe(), forms);
  });
}

PyObject* bind_form(const Callable& callable, PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                    PyObject* kwnames) {
  Binder binder(self, args, nargs, kwnames);
  Slots slots;
  for (const auto* overload : callable.overloads) {
    if (!binder.bind(callable, *overload, slots, true)) continue;
    const Object arguments = owned(PyDict_New());
    for (std::size_t i = 0; i < overload->params.size(); ++i)
      if (PyObject* const value = slots.object(static_cast<int>(i)); value != nullptr)
        checked(PyDict_SetItemString(arguments.get(), overload->params[i].name, value));
    return checked(Py_BuildValue("sO", overload->batch, arguments.get()));
  }
  fail(ErrorKind::type, "{}() received an invalid combination of arguments - got {}", callable.name, binder.describe());
}

void Slots::fail_type(int i, const char* what) const {
  fail(ErrorKind::type, "{}(): argument '{}' (position {}) must be {}, not {}", callable_->name,
       overload_->params[i].name, i + 1, what, type_name(at_[i]));
}

Tensor Slots::tensor(int i) const { return dense(at_[i]); }

const Tensor& Slots::dense(PyObject* object) const { return unwrap_dense(object, callable_->name); }

Tensor Slots::operand(int i) const {
  if (is_tensor(at_[i])) return dense(at_[i]);
  return wrapped_number(to_scalar(at_[i]));
}

TensorList Slots::tensor_list(int i) const {
  TensorList list;
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(at_[i]);
  list.reserve(n);
  for (Py_ssize_t k = 0; k < n; ++k) {
    PyObject* const item = PySequence_Fast_GET_ITEM(at_[i], k);
    list.push_back(item == Py_None ? Tensor() : dense(item));
  }
  return list;
}

TensorList Slots::optional_tensor_list(int i) const { return tensor_list(i); }

Scalar Slots::number(int i) const { return to_scalar(at_[i]); }
int64_t Slots::integer(int i) const { return to_int(at_[i]); }
double Slots::real(int i) const {
  return PyFloat_CheckExact(at_[i]) ? PyFloat_AS_DOUBLE(at_[i]) : number(i).to_double();
}
bool Slots::boolean(int i) const { return at_[i] == Py_True; }

std::string_view Slots::text(int i) const {
  Py_ssize_t size = 0;
  const char* const data = PyUnicode_AsUTF8AndSize(at_[i], &size);
  if (data == nullptr) throw PythonError{};
  return {data, static_cast<std::size_t>(size)};
}

Slots::Ints Slots::integers(int i) const { return to_dims(at_[i]); }

bool Slots::is_empty(int i) const noexcept { return is_sequence(at_[i]) && PySequence_Fast_GET_SIZE(at_[i]) == 0; }

Slots::Ints Slots::expanded_to(int i, int n) const {
  Ints values = to_dims(at_[i]);
  if (values.size() == 1 && n > 1) values = Dims(n, values[0]);
  check(values.size() == n, "{}(): argument '{}' must be one int or {} ints, got {} of them", callable_->name,
        overload_->params[i].name, n, values.size());
  return values;
}

std::optional<std::vector<double>> Slots::optional_reals(int i) const {
  if (!has(i)) return std::nullopt;
  std::vector<double> values;
  if (!is_sequence(at_[i])) return std::vector<double>{to_scalar(at_[i]).to_double()};
  for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(at_[i]); ++k)
    values.push_back(to_scalar(PySequence_Fast_GET_ITEM(at_[i], k)).to_double());
  return values;
}

DType Slots::dtype(int i) const { return *as_dtype(at_[i]); }
MemoryFormat Slots::memory_format(int i) const { return *as_memory_format(at_[i]); }
Generator* Slots::generator(int i) const { return has(i) ? as_generator(at_[i]) : nullptr; }

Tensor Slots::out(int i) const {
  if (!has(i)) return {};
  if (!is_tensor(at_[i])) fail_type(i, "Tensor");
  const Tensor& out = unwrap(at_[i]);
  ops::check_no_history_for_out(must_record(out), callable_->name);
  return out;
}

PyObject* Slots::out_item(int i, std::size_t k) const {
  const auto at = static_cast<Py_ssize_t>(k);
  return is_sequence(at_[i]) && at < PySequence_Fast_GET_SIZE(at_[i]) ? PySequence_Fast_GET_ITEM(at_[i], at) : Py_None;
}

void Slots::keep_apart(PyObject* out, const Dims& sizes, std::initializer_list<int> inputs) const {
  if (!is_tensor(out)) return;
  const auto each = [](PyObject* object, auto&& visit) {
    if (is_tensor(object)) visit(unwrap(object));
    if (!is_sequence(object)) return;
    for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(object); ++k)
      if (PyObject* const item = PySequence_Fast_GET_ITEM(object, k); is_tensor(item)) visit(unwrap(item));
  };
  for (const int input : inputs)
    if (has(input))
      each(at_[input], [&](const Tensor& t) { ops::check_apart(unwrap(out), sizes, t, callable_->name); });
}

namespace {

/// A line for each result, as PyTorch shows them.
PyObject* show_results(PyObject* self) {
  const std::string_view type = Py_TYPE(self)->tp_name;
  Object text = owned(PyUnicode_FromFormat("%s%s(", package_shown(), type.substr(type.find('.')).data()));
  const Object fields = owned(PyObject_GetAttrString(reinterpret_cast<PyObject*>(Py_TYPE(self)), "__match_args__"));
  const Py_ssize_t n = PyTuple_GET_SIZE(self);
  for (Py_ssize_t i = 0; i < n; ++i)
    text = owned(PyUnicode_FromFormat("%U\n%U=%R%s", text.get(), PyTuple_GET_ITEM(fields.get(), i),
                                      PyTuple_GET_ITEM(self, i), i + 1 < n ? "," : ")"));
  return Py_NewRef(text.get());
}

/// What Python calls: an error is told in its way.
PyObject* results_repr(PyObject* self) noexcept {
  try {
    return show_results(self);
  } catch (const PythonError&) {
    return nullptr;
  }
}

}  // namespace

ResultType result_type(const char* op, std::initializer_list<const char*> fields) {
  static std::mutex mutex;  // guards known
  static std::map<std::string, PyTypeObject*> known;
  const std::lock_guard guard(mutex);
  auto& type = known[op];
  if (type == nullptr) {
    // PyStructSequence keeps pointers to the names: they live as long as the process.
    auto* description = new PyStructSequence_Field[fields.size() + 1]{};
    int n = 0;
    for (const char* field : fields) description[n++] = {(new std::string(field))->c_str(), nullptr};
    auto* name = new std::string(std::string("weft.return_types.") + op);
    PyStructSequence_Desc desc{name->c_str(), nullptr, description, n};
    type = PyStructSequence_NewType(&desc);
    if (type == nullptr) throw PythonError{};
    type->tp_repr = results_repr;
  }
  return {type};
}

PyObject* make_tuple(std::span<PyObject* const> items, PyTypeObject* type) {
  const auto n = static_cast<Py_ssize_t>(items.size());
  PyObject* const tuple = type != nullptr ? PyStructSequence_New(type) : PyTuple_New(n);
  if (tuple == nullptr) throw PythonError{};
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (type != nullptr)
      PyStructSequence_SetItem(tuple, i, items[i]);
    else
      PyTuple_SET_ITEM(tuple, i, items[i]);
  }
  return tuple;
}

PyObject* wrap(const TensorList& tensors) {
  const Object tuple = owned(PyTuple_New(static_cast<Py_ssize_t>(tensors.size())));
  for (std::size_t i = 0; i < tensors.size(); ++i)
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), checked(wrap(tensors[i])));
  return Py_NewRef(tuple.get());
}

PyObject* wrap(const Scalar& value) {
  if (value.is_bool()) return PyBool_FromLong(value.to_bool());
  if (value.is_integral()) return PyLong_FromLongLong(value.to_int());
  if (value.is_floating()) return PyFloat_FromDouble(value.to_double());
  return PyComplex_FromDoubles(value.to_double(), value.imag());
}

PyObject* give_out(Slots& slots, int i, bool casts, const Tensor& result) {
  const Tensor out = slots.out(i);
  ops::check_no_history_for_out(requires_grad(result), slots.name());
  if (!casts) ops::check_out_dtype(result.dtype(), out.dtype(), slots.name());
  ops::assign(out, result);
  out.bump_version();
  return Py_NewRef(slots.object(i));
}

PyObject* give_out_list(Slots& slots, int i, bool casts, std::span<const Tensor> results) {
  PyObject* const outs = slots.object(i);
  check_type(is_sequence(outs) && PySequence_Fast_GET_SIZE(outs) == static_cast<Py_ssize_t>(results.size()),
             "{}(): out must be a tuple of {} Tensors, got {}", slots.name(), results.size(), type_name(outs));
  for (std::size_t k = 0; k < results.size(); ++k) {
    PyObject* const item = PySequence_Fast_GET_ITEM(outs, static_cast<Py_ssize_t>(k));
    check_type(is_tensor(item), "{}(): out must be a tuple of {} Tensors, got {} among them", slots.name(),
               results.size(), type_name(item));
    const Tensor& out = unwrap(item);
    ops::check_no_history_for_out(must_record(out) || requires_grad(results[k]), slots.name());
    if (!casts) ops::check_out_dtype(results[k].dtype(), out.dtype(), slots.name());
    ops::assign(out, results[k]);
    out.bump_version();
  }
  return Py_NewRef(outs);
}

Tensor with_requires_grad(const Tensor& tensor, const Slots& slots, int i) {
  if (slots.has(i) && slots.boolean(i)) set_requires_grad(tensor, true);
  return tensor;
}

bool is_number(PyObject* object) noexcept {
  if (PyFloat_Check(object) || PyLong_Check(object) || PyComplex_Check(object)) return true;
  if (is_tensor(object)) return false;
  // NumPy's scalars and the like: numbers that cannot be indexed.
  const auto* const type = Py_TYPE(object);
  const auto* const number = type->tp_as_number;
  const bool converts = number != nullptr && (number->nb_float != nullptr || number->nb_index != nullptr);
  return converts && (type->tp_as_sequence == nullptr || type->tp_as_sequence->sq_length == nullptr);
}

Scalar to_scalar(PyObject* object) {
  if (PyFloat_CheckExact(object)) return Scalar(PyFloat_AS_DOUBLE(object));
  if (PyBool_Check(object)) return Scalar(object == Py_True);
  if (PyLong_Check(object)) {
    int overflow = 0;
    const long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (value == -1 && PyErr_Occurred() != nullptr) throw PythonError{};
    check(overflow == 0, "Overflow when unpacking long long");
    return Scalar(static_cast<int64_t>(value));
  }
  if (is_tensor(object)) return item(unwrap(object));
  if (PyComplex_Check(object)) return Scalar(PyComplex_RealAsDouble(object), PyComplex_ImagAsDouble(object));
  if (PyIndex_Check(object)) {
    const Object index = owned(PyNumber_Index(object));
    return to_scalar(index.get());
  }
  const double value = PyFloat_AsDouble(object);
  if (value == -1.0 && PyErr_Occurred() != nullptr) throw PythonError{};
  return Scalar(value);
}

int64_t to_int(PyObject* object) {
  if (is_tensor(object)) return item(unwrap(object)).to_int();
  const Object index = owned(PyNumber_Index(object));
  const long long value = PyLong_AsLongLong(index.get());
  if (value == -1 && PyErr_Occurred() != nullptr) throw PythonError{};
  return value;
}

Dims to_dims(PyObject* object) {
  if (!is_sequence(object)) return Dims{to_int(object)};
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(object);
  Dims dims(static_cast<int>(n));
  for (Py_ssize_t i = 0; i < n; ++i) dims[static_cast<int>(i)] = to_int(PySequence_Fast_GET_ITEM(object, i));
  return dims;
}

Object from_dims(IntList dims) {
  Object tuple = owned(PyTuple_New(static_cast<Py_ssize_t>(dims.size())));
  for (std::size_t i = 0; i < dims.size(); ++i)
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), checked(PyLong_FromLongLong(dims[i])));
  return tuple;
}

}  // namespace weft::bindings
