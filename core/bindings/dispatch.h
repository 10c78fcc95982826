// From a Python call to an operator of the table: arguments are bound to a form's parameters, converted, and passed on.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include "bindings/autocast.h"
#include "bindings/tensor_object.h"
#include "runtime/random.h"

namespace weft::bindings {

/// What a parameter takes. See gen/types.py.
enum class Kind : uint8_t {
  tensor,
  optional_tensor,
  operand,
  tensor_list,
  optional_tensor_list,
  number,
  optional_number,
  integer,
  optional_integer,
  real,
  optional_real,
  boolean,
  optional_boolean,
  text,
  optional_text,
  integers,
  optional_integers,
  shape,
  optional_reals,
  dtype,
  optional_dtype,
  memory_format,
  optional_memory_format,
  generator,
  out,
  device,
  ignored
};

struct ParamSpec {
  const char* name;
  Kind kind;
  bool required;
  bool keyword_only;
};

class Slots;

/// One form of an operator as Python can call it.
struct Overload {
  const char* signature;  ///< the record's text
  std::span<const ParamSpec> params;
  int self_index;  ///< the parameter that a method's receiver becomes, or -1
  PyObject* (*call)(Slots&);
  const char* batch;  ///< how vmap runs it: the record's batch_family
  Autocast autocast = Autocast::none;
};

/// A Python name and the forms behind it, tried in order.
struct Callable {
  const char* name;
  std::span<const Overload* const> overloads;
};

/// The bound arguments of one call. Getters convert, and raise TypeError naming the argument.
class Slots {
 public:
  static constexpr int capacity = 24;

  /// Integers of a list argument: small lists stay on the stack.
  using Ints = Dims;

  bool has(int i) const noexcept { return at_[i] != nullptr && at_[i] != Py_None; }
  PyObject* object(int i) const noexcept { return at_[i]; }
  std::span<PyObject* const> objects(std::size_t count) const noexcept { return {at_.data(), count}; }
  /// Puts another object, which the caller keeps alive, in the place of an argument.
  void replace(int i, PyObject* object) noexcept { at_[i] = object; }

  Tensor tensor(int i) const;
  /// The tensor of an object; refuses one whose elements only Python knows.
  const Tensor& dense(PyObject* object) const;
  Tensor optional_tensor(int i) const { return has(i) ? tensor(i) : Tensor(); }
  /// A tensor, or a Python number as a 0-dim tensor.
  Tensor operand(int i) const;
  TensorList tensor_list(int i) const;
  TensorList optional_tensor_list(int i) const;
  Scalar number(int i) const;
  std::optional<Scalar> optional_number(int i) const { return has(i) ? std::optional(number(i)) : std::nullopt; }
  int64_t integer(int i) const;
  std::optional<int64_t> optional_integer(int i) const { return has(i) ? std::optional(integer(i)) : std::nullopt; }
  double real(int i) const;
  std::optional<double> optional_real(int i) const { return has(i) ? std::optional(real(i)) : std::nullopt; }
  bool boolean(int i) const;
  std::optional<bool> optional_boolean(int i) const { return has(i) ? std::optional(boolean(i)) : std::nullopt; }
  std::string_view text(int i) const;
  std::optional<std::string_view> optional_text(int i) const { return has(i) ? std::optional(text(i)) : std::nullopt; }
  Ints integers(int i) const;
  std::optional<Dims> optional_integers(int i) const { return has(i) ? std::optional(integers(i)) : std::nullopt; }
  /// N integers; one is repeated.
  template <int N>
  Ints expanded(int i) const {
    return expanded_to(i, N);
  }
  template <int N>
  std::optional<Dims> optional_expanded(int i) const {
    return has(i) && !is_empty(i) ? std::optional(expanded_to(i, N)) : std::nullopt;
  }
  std::optional<std::vector<double>> optional_reals(int i) const;
  DType dtype(int i) const;
  std::optional<DType> optional_dtype(int i) const { return has(i) ? std::optional(dtype(i)) : std::nullopt; }
  MemoryFormat memory_format(int i) const;
  std::optional<MemoryFormat> optional_memory_format(int i) const {
    return has(i) ? std::optional(memory_format(i)) : std::nullopt;
  }
  Generator* generator(int i) const;
  /// The out= tensor, or an undefined one.
  Tensor out(int i) const;
  /// The results, unless what is given as out= at slot `i` would share memory with a tensor at one of the `inputs`.
  template <class Results>
  Results kept_apart(int i, std::initializer_list<int> inputs, Results results) const {
    if constexpr (std::is_same_v<Results, Tensor>)
      keep_apart(at_[i], results.sizes(), inputs);
    else
      [&]<std::size_t... k>(std::index_sequence<k...>) {
        (keep_apart(out_item(i, k), std::get<k>(results).sizes(), inputs), ...);
      }(std::make_index_sequence<std::tuple_size_v<Results>>());
    return results;
  }
  const char* name() const noexcept { return callable_->name; }

  /// The receiver of an in-place method, as a new reference.
  PyObject* self_again(int i) const noexcept { return Py_NewRef(at_[i]); }

 private:
  void keep_apart(PyObject* out, const Dims& sizes, std::initializer_list<int> inputs) const;
  PyObject* out_item(int i, std::size_t k) const;

  friend class Binder;
  Ints expanded_to(int i, int n) const;
  /// Whether an empty list or tuple is given: what PyTorch's strides default to.
  bool is_empty(int i) const noexcept;
  [[noreturn]] void fail_type(int i, const char* expected) const;

  const Callable* callable_ = nullptr;
  const Overload* overload_ = nullptr;
  std::array<PyObject*, capacity> at_;  // borrowed; null where not given
  Object packed_;                       // the tuple made of f(2, 3)-style sizes
};

/// Calls the first form of `callable` that takes these arguments. `self` is a method's receiver or null, `module` where
/// a function was found; without one an override is told the method.
PyObject* dispatch(const Callable& callable, PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames,
                   PyObject* module = nullptr);

template <const Callable& callable>
PyObject* call_function(PyObject* module, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return dispatch(callable, nullptr, args, nargs, kwnames, module);
}
template <const Callable& callable>
PyObject* call_method(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return dispatch(callable, self, args, nargs, kwnames);
}

/// For vmap: which form of `callable` takes the arguments, as a tuple (batch family, {parameter: argument}).
PyObject* bind_form(const Callable& callable, PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                    PyObject* kwnames);

// Results.

/// The named tuple type of an operator with several results: weft.return_types.<op>. Made once, kept for good.
struct ResultType {
  PyTypeObject* type;
};
ResultType result_type(const char* op, std::initializer_list<const char*> fields);

PyObject* wrap(const TensorList& tensors);
inline PyObject* wrap(bool value) { return PyBool_FromLong(value); }
inline PyObject* wrap(int64_t value) { return PyLong_FromLongLong(value); }
inline PyObject* wrap(double value) { return PyFloat_FromDouble(value); }
PyObject* wrap(const Scalar& value);
/// Puts finished objects into a tuple, or a named tuple; takes the references over.
PyObject* make_tuple(std::span<PyObject* const> items, PyTypeObject* type);

template <class... Ts>
PyObject* wrap(const std::tuple<Ts...>& values, ResultType type = {nullptr}) {
  return std::apply(
      [&](const auto&... each) {
        PyObject* const items[] = {wrap(each)...};
        return make_tuple(items, type.type);
      },
      values);
}

/// Copies a result into the out= argument at slot `i` and returns that argument, which unless the operator `casts` has
/// the result's dtype.
PyObject* give_out(Slots& slots, int i, bool casts, const Tensor& result);
PyObject* give_out_list(Slots& slots, int i, bool casts, std::span<const Tensor> results);
template <class... Ts>
PyObject* give_out(Slots& slots, int i, bool casts, const std::tuple<Ts...>& results, ResultType = {nullptr}) {
  return std::apply(
      [&](const auto&... each) {
        const Tensor list[] = {each...};
        return give_out_list(slots, i, casts, list);
      },
      results);
}
/// Factories: applies requires_grad= at slot `i`.
Tensor with_requires_grad(const Tensor& tensor, const Slots& slots, int i);

// Conversions that other binding files share.

bool is_number(PyObject* object) noexcept;
Scalar to_scalar(PyObject* object);
int64_t to_int(PyObject* object);
Dims to_dims(PyObject* object);
Object from_dims(IntList dims);

}  // namespace weft::bindings
