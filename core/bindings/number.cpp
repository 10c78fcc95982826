#include "autograd/meta.h"
#include "bindings/construct.h"
#include "bindings/dispatch.h"
#include "bindings/overrides.h"
#include "bindings/protocols.h"
#include "bindings/tables.h"
#include "runtime/error.h"

namespace weft::bindings {

namespace {

bool is_operand(PyObject* object) noexcept { return is_tensor(object) || is_number(object); }

/// A NumPy array as a tensor, others as they are; null with an exception set.
Object as_operand(PyObject* object) {
  if (is_operand(object) || !is_array(object)) return Object::borrow(object);
  return Object::steal(guarded([&] { return wrap(tensor_over_buffer(object)); }));
}

/// `a op b`, where either may be a number or a NumPy array. Anything else gets its own chance to answer.
PyObject* apply(const Callable& callable, PyObject* a, PyObject* b) {
  if (!is_operand(a) || !is_operand(b)) {
    const Object x = as_operand(a), y = as_operand(b);
    if (!x || !y) return nullptr;
    if (!is_operand(x.get()) || !is_operand(y.get())) Py_RETURN_NOTIMPLEMENTED;
    return apply(callable, x.get(), y.get());
  }
  if (!is_tensor(a)) {
    // 1 - x: the operators take a tensor first.
    const Object number = Object::steal(guarded([&] { return wrap(wrapped_number(to_scalar(a))); }));
    return number ? apply(callable, number.get(), b) : nullptr;
  }
  PyObject* const args[] = {a, b};
  return dispatch(callable, nullptr, args, 2, nullptr);
}

template <const Callable* const NumberProtocol::* slot>
PyObject* binary(PyObject* a, PyObject* b) {
  return apply(*(number_protocol.*slot), a, b);
}

template <const Callable* const NumberProtocol::* slot>
PyObject* power(PyObject* a, PyObject* b, PyObject* modulus) {
  if (modulus != Py_None) Py_RETURN_NOTIMPLEMENTED;
  return binary<slot>(a, b);
}

template <const Callable* const NumberProtocol::* slot>
PyObject* unary(PyObject* self) {
  return dispatch(*(number_protocol.*slot), self, nullptr, 0, nullptr);
}

PyObject* compare(PyObject* self, PyObject* other, int op) {
  const Callable* const by_op[] = {number_protocol.lt_, number_protocol.le_, number_protocol.eq_,
                                   number_protocol.ne_, number_protocol.gt_, number_protocol.ge_};
  return apply(*by_op[op], self, other);
}

/// `a @ b`: a number is no matrix.
PyObject* matmul(PyObject* a, PyObject* b) {
  if (is_number(a) || is_number(b)) Py_RETURN_NOTIMPLEMENTED;
  return binary<&NumberProtocol::matmul_>(a, b);
}

PyObject* positive(PyObject* self) {
  return guarded([&] {
    check(unwrap(self).dtype() != DType::boolean, "The `+` operator, on a bool tensor is not supported.");
    return Py_NewRef(self);
  });
}

PyObject* invert(PyObject* self) {
  const auto checked = guarded(
      [&] {
        check_type(is_integral(unwrap(self).dtype()),
                   "~ (operator.invert) is only implemented on integer and Boolean-type tensors");
        return 0;
      },
      -1);
  return checked < 0 ? nullptr : unary<&NumberProtocol::invert_>(self);
}

int truth(PyObject* self) {
  return guarded(
      [&]() -> int {
        if (is_overridden({self, nullptr, 0, nullptr})) [[unlikely]]
          return PyObject_IsTrue(owned(call_override("__bool__", {self, nullptr, 0, nullptr})).get());
        const Tensor& t = unwrap(self);
        check(t.numel() != 0, "Boolean value of Tensor with no values is ambiguous");
        check(t.numel() == 1, "Boolean value of Tensor with more than one value is ambiguous");
        return item(t).to_bool();
      },
      -1);
}

Scalar only_element(PyObject* self) {
  if (is_overridden({self, nullptr, 0, nullptr})) [[unlikely]]
    return to_scalar(owned(call_override("item", {self, nullptr, 0, nullptr})).get());
  check_value(unwrap(self).numel() == 1, "only one element tensors can be converted to Python scalars");
  const Scalar value = item(unwrap(self));
  check(value.imag() == 0, "value cannot be converted to a real number without overflow");
  return value;
}

PyObject* to_python_int(PyObject* self) {
  return guarded([&]() -> PyObject* {
    const Scalar value = only_element(self);
    if (value.is_floating()) return PyLong_FromDouble(value.to_double());
    return PyLong_FromLongLong(value.to_int());
  });
}
PyObject* to_python_float(PyObject* self) {
  return guarded([&] { return PyFloat_FromDouble(only_element(self).to_double()); });
}
PyObject* to_index(PyObject* self) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = unwrap(self);
    check_type(t.numel() == 1 && is_integral(t.dtype()),
               "only integer tensors of a single element can be converted to an index");
    return PyLong_FromLongLong(item(t).to_int());
  });
}

using P = NumberProtocol;

}  // namespace

void add_number_slots(std::vector<PyType_Slot>& slots) {
  const auto add = [&](int id, auto* function) { slots.push_back({id, reinterpret_cast<void*>(function)}); };
  add(Py_nb_add, binary<&P::add_>);
  add(Py_nb_subtract, binary<&P::sub_>);
  add(Py_nb_multiply, binary<&P::mul_>);
  add(Py_nb_true_divide, binary<&P::truediv_>);
  add(Py_nb_floor_divide, binary<&P::floordiv_>);
  add(Py_nb_remainder, binary<&P::mod_>);
  add(Py_nb_power, power<&P::pow_>);
  add(Py_nb_matrix_multiply, matmul);
  add(Py_nb_lshift, binary<&P::lshift_>);
  add(Py_nb_rshift, binary<&P::rshift_>);
  add(Py_nb_and, binary<&P::and_>);
  add(Py_nb_or, binary<&P::or_>);
  add(Py_nb_xor, binary<&P::xor_>);
  add(Py_nb_inplace_add, binary<&P::iadd_>);
  add(Py_nb_inplace_subtract, binary<&P::isub_>);
  add(Py_nb_inplace_multiply, binary<&P::imul_>);
  add(Py_nb_inplace_true_divide, binary<&P::itruediv_>);
  add(Py_nb_inplace_floor_divide, binary<&P::ifloordiv_>);
  add(Py_nb_inplace_remainder, binary<&P::imod_>);
  add(Py_nb_inplace_power, power<&P::ipow_>);
  add(Py_nb_inplace_lshift, binary<&P::ilshift_>);
  add(Py_nb_inplace_rshift, binary<&P::irshift_>);
  add(Py_nb_inplace_and, binary<&P::iand_>);
  add(Py_nb_inplace_or, binary<&P::ior_>);
  add(Py_nb_inplace_xor, binary<&P::ixor_>);
  add(Py_nb_negative, unary<&P::neg_>);
  add(Py_nb_positive, positive);
  add(Py_nb_absolute, unary<&P::abs_>);
  add(Py_nb_invert, invert);
  add(Py_nb_bool, truth);
  add(Py_nb_int, to_python_int);
  add(Py_nb_float, to_python_float);
  add(Py_nb_index, to_index);
  add(Py_tp_richcompare, compare);
}

}  // namespace weft::bindings
