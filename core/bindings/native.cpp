#include "bindings/native.h"

#include <pthread.h>

#include <new>
#include <string>
#include <string_view>

#include "ops/lapack.h"
#include "runtime/error.h"
#include "runtime/handover.h"

namespace weft::bindings {

namespace {

thread_local NativeCall* current = nullptr;  // the innermost call of this thread that is running native code
pthread_t main_thread;                       // written once, by init_native
PyObject* linalg_error = nullptr;            // weft.linalg.LinAlgError; written once, by init_linalg

#ifdef Py_GIL_DISABLED
constexpr bool has_gil = false;
#else
constexpr bool has_gil = true;
#endif

/// Whether this is the interpreter's only thread: then nobody can wait for the lock.
bool alone() noexcept {
  auto* const interpreter = PyThreadState_Get()->interp;
  return PyThreadState_Next(PyInterpreterState_ThreadHead(interpreter)) == nullptr;
}

/// Where the package that brings LAPACK keeps it: found, not imported, which would load it for everybody.
std::string find_lapack() {
  const PythonScope python;
  const Object util = owned(PyImport_ImportModule("importlib.util"));
  const Object spec = owned(PyObject_CallMethod(util.get(), "find_spec", "s", "scipy_openblas32"));
  if (spec.get() == Py_None) return {};
  const Object origin = owned(PyObject_GetAttrString(spec.get(), "origin"));
  const char* const file = PyUnicode_AsUTF8(origin.get());
  if (file == nullptr) throw PythonError{};
  const std::string_view path(file);
  return std::string(path.substr(0, path.rfind('/'))) + "/lib/libscipy_openblas.so";
}

bool poll_signals() {
  const PythonScope python;
  return PyErr_CheckSignals() != 0;
}

governor::Decision decide(int64_t cost, governor::Correction& correction) noexcept {
  // Without a GIL letting go is cheap and lets the garbage collector of another thread run (docs/notes/gil.md).
  if constexpr (!has_gil) return {};
  return governor::decide(cost, alone(), correction);
}

}  // namespace

NativeCall::NativeCall(int64_t cost, governor::Correction& correction)
    : decision_(decide(cost, correction)),
      outer_(current),
      interrupt_(pthread_equal(pthread_self(), main_thread) ? &poll_signals : nullptr),
      trace_(trace::Kind::native, nullptr) {
  current = this;
  if (decision_.release) {
    if (trace_.active()) [[unlikely]]
      trace_.event().first = governor::now();
    let_go();
  }
}

NativeCall::~NativeCall() {
  current = outer_;
  if (released_ == nullptr) {
    if (has_gil) governor::done_held(decision_);
    return;
  }
  const int64_t end = has_gil || trace_.active() ? governor::now() : 0;
  const governor::Wait wait = take_back(end);
  if (trace_.active()) [[unlikely]]
    trace_.event().second = end;
  if (has_gil) governor::done_released(decision_, end, wait);
}

void NativeCall::let_go() noexcept {
  const bool shared = decision_.shared();
  if (shared) handover::before_letting_go();
  released_ = PyEval_SaveThread();
  if (shared) handover::after_letting_go();
}

governor::Wait NativeCall::take_back(int64_t now) noexcept {
  const bool shared = decision_.shared();
  if (shared) now = handover::before_taking(now);
  surviving_exit([&] { PyEval_RestoreThread(released_); });
  return {now, shared ? handover::after_taking() : handover::Company{}};
}

PythonScope::PythonScope() : call_(current) {
  if (call_ == nullptr) {
    // Held already, or a thread of our own: PyGILState knows.
    foreign_ = PyGILState_Check() == 0;
    if (foreign_) ensured_ = surviving_exit([] { return PyGILState_Ensure(); });
    return;
  }
  if (call_->released_ != nullptr) {
    trace_.start(trace::Kind::python, nullptr);
    call_->take_back(call_->decision_.shared() ? governor::now() : 0);
    if (trace_.active()) [[unlikely]]
      trace_.event().first = governor::now();
  }
  current = nullptr;
}

PythonScope::~PythonScope() {
  if (call_ == nullptr) {
    if (foreign_) PyGILState_Release(ensured_);
    return;
  }
  current = call_;
  if (call_->released_ != nullptr) call_->let_go();
}

void init_native() { main_thread = pthread_self(); }

void init_linalg(PyObject* module) {
  linalg_error = checked(PyErr_NewExceptionWithDoc(
      "weft.linalg.LinAlgError", "A matrix that has no such factorization, or an algorithm that did not converge.",
      PyExc_RuntimeError, nullptr));
  checked(PyModule_AddObjectRef(module, "LinAlgError", linalg_error));
  lapack::set_finder(&find_lapack);
}

void translate_exception() noexcept {
  try {
    throw;
  } catch (const PythonError&) {
  } catch (const Error& error) {
    PyObject* type = PyExc_RuntimeError;
    switch (error.kind()) {
      case ErrorKind::value:
        type = PyExc_ValueError;
        break;
      case ErrorKind::type:
        type = PyExc_TypeError;
        break;
      case ErrorKind::index:
        type = PyExc_IndexError;
        break;
      case ErrorKind::not_implemented:
        type = PyExc_NotImplementedError;
        break;
      case ErrorKind::out_of_memory:
        type = PyExc_MemoryError;
        break;
      case ErrorKind::interrupted:
        if (PyErr_Occurred() != nullptr) return;
        type = PyExc_KeyboardInterrupt;
        break;
      case ErrorKind::linear_algebra:
        type = linalg_error;
        break;
      case ErrorKind::runtime:
        break;
    }
    PyErr_SetString(type, error.what());
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  } catch (...) {
    PyErr_SetString(PyExc_SystemError, "weft: unknown C++ exception");
  }
}

}  // namespace weft::bindings
