#include "bindings/native.h"

#include <pthread.h>

#include <new>

#include "runtime/error.h"

namespace weft::bindings {

namespace {

thread_local NativeCall* current = nullptr;  // the innermost call of this thread that is running native code
pthread_t main_thread;                       // written once, by init_native

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

bool poll_signals() {
  const PythonScope python;
  return PyErr_CheckSignals() != 0;
}

governor::Decision decide(int64_t cost) noexcept {
  // Without a GIL letting go is cheap and lets the garbage collector of another thread run (docs/notes/gil.md).
  if constexpr (!has_gil) return {.release = true, .size_class = 0, .flips = 0, .estimate = cost};
  return governor::decide(cost, alone());
}

}  // namespace

NativeCall::NativeCall(int64_t cost)
    : decision_(decide(cost)),
      outer_(current),
      interrupt_(pthread_equal(pthread_self(), main_thread) ? &poll_signals : nullptr) {
  current = this;
  if (decision_.release) released_ = PyEval_SaveThread();
}

NativeCall::~NativeCall() {
  int64_t wait = 0;
  if (released_ != nullptr) {
    const int64_t asked = has_gil ? governor::now() : 0;
    PyEval_RestoreThread(released_);
    if (has_gil) wait = governor::now() - asked;
  }
  current = outer_;
  if (has_gil) governor::done(decision_, wait);
}

PythonScope::PythonScope() : call_(current) {
  if (call_ == nullptr) {
    // Held already, or a thread of our own: PyGILState knows.
    foreign_ = PyGILState_Check() == 0;
    if (foreign_) ensured_ = PyGILState_Ensure();
    return;
  }
  if (call_->released_ != nullptr) PyEval_RestoreThread(call_->released_);
  current = nullptr;
}

PythonScope::~PythonScope() {
  if (call_ == nullptr) {
    if (foreign_) PyGILState_Release(ensured_);
    return;
  }
  current = call_;
  if (call_->released_ != nullptr) call_->released_ = PyEval_SaveThread();
}

void init_native() { main_thread = pthread_self(); }

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
