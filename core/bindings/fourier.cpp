// Where NumPy keeps its Fourier transforms: inside generalised ufuncs, whose loops are C functions.
#include "ops/fourier.h"

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#define NO_IMPORT_ARRAY
#define NO_IMPORT_UFUNC
#include <numpy/ndarraytypes.h>
#include <numpy/ufuncobject.h>

#include "bindings/native.h"
#include "bindings/python.h"
#include "runtime/error.h"

namespace weft::bindings {

namespace {

struct Spelled {
  const char* name;
  const char* signature;
  bool real_in, real_out;
};
// In the order of fourier::Kind.
constexpr Spelled spelled[] = {{"fft", "(n),()->(m)", false, false},
                               {"ifft", "(m),()->(n)", false, false},
                               {"rfft_n_even", "(n),()->(m)", true, false},
                               {"rfft_n_odd", "(n),()->(m)", true, false},
                               {"irfft", "(m),()->(n)", false, true}};
constexpr int kinds = static_cast<int>(fourier::Kind::count);
static_assert(std::size(spelled) == kinds);

constexpr const char* module_name = "numpy.fft._pocketfft_umath";

fourier::Loop find_loop(PyObject* module, const Spelled& wanted, bool in_double) {
  const Object ufunc_type = owned(PyObject_GetAttrString(owned(PyImport_ImportModule("numpy")).get(), "ufunc"));
  const Object object = Object::steal(PyObject_GetAttrString(module, wanted.name));
  if (!object) PyErr_Clear();
  if (object && PyObject_TypeCheck(object.get(), reinterpret_cast<PyTypeObject*>(ufunc_type.get()))) {
    const auto* const ufunc = reinterpret_cast<const PyUFuncObject*>(object.get());
    const int real = in_double ? NPY_DOUBLE : NPY_FLOAT, complex = in_double ? NPY_CDOUBLE : NPY_CFLOAT;
    const int input = wanted.real_in ? real : complex, output = wanted.real_out ? real : complex;
    const bool fits = ufunc->nin == 2 && ufunc->nout == 1 && ufunc->core_signature != nullptr &&
                      std::string_view(ufunc->core_signature) == wanted.signature;
    for (int i = 0; fits && i < ufunc->ntypes; ++i) {
      // The factor is spelled as the input is, and read as a real number.
      if (ufunc->types[3 * i] == input && ufunc->types[3 * i + 2] == output)
        return {ufunc->functions[i], ufunc->data == nullptr ? nullptr : const_cast<void*>(ufunc->data[i])};
    }
  }
  fail(ErrorKind::runtime, "fft: this NumPy has no {} as weft knows it in {}; weft.fft needs NumPy 2", wanted.name,
       module_name);
}

fourier::Loops find_loops() {
  const PythonScope python;
  const Object module = owned(PyImport_ImportModule(module_name));
  fourier::Loops loops{};
  for (int kind = 0; kind < kinds; ++kind)
    for (int type = 0; type < 2; ++type) loops.of[kind][type] = find_loop(module.get(), spelled[kind], type == 1);
  return loops;
}

}  // namespace

void init_fourier() { fourier::set_finder(&find_loops); }

}  // namespace weft::bindings
