// Python's C API, and the few helpers everything in bindings/ uses. No other folder sees Python.
#pragma once

#include <Python.h>
#include <cxxabi.h>
#include <unistd.h>

#include <string>
#include <utility>

namespace weft::bindings {

/// Thrown when a Python exception is already set; unwinds C++ to the boundary, which returns null to Python.
struct PythonError {};

/// Owns one reference to a Python object. Only with the GIL held.
class Object {
 public:
  Object() noexcept = default;
  static Object steal(PyObject* object) noexcept {
    Object o;
    o.object_ = object;
    return o;
  }
  static Object borrow(PyObject* object) noexcept {
    Py_XINCREF(object);
    return steal(object);
  }
  Object(const Object& other) noexcept : object_(Py_XNewRef(other.object_)) {}
  Object(Object&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Object& operator=(Object other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Object() { Py_XDECREF(object_); }

  PyObject* get() const noexcept { return object_; }
  PyObject* release() noexcept { return std::exchange(object_, nullptr); }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  PyObject* object_ = nullptr;
};

/// `object`, or PythonError when a C API call failed.
inline PyObject* checked(PyObject* object) {
  if (object == nullptr) throw PythonError{};
  return object;
}
inline void checked(int status) {
  if (status < 0) throw PythonError{};
}
/// A function of any of the signatures that PyMethodDef allows.
template <class F>
PyCFunction any_call(F* f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

inline Object owned(PyObject* object) { return Object::steal(checked(object)); }

/// Calls a function of a Python module: for what is rare and better said in Python.
template <class... Args>
Object call_python(const char* module, const char* function, Args*... args) {
  const Object imported = owned(PyImport_ImportModule(module));
  const Object callable = owned(PyObject_GetAttrString(imported.get(), function));
  return owned(PyObject_CallFunctionObjArgs(callable.get(), args..., nullptr));
}

/// Runs `f`, which may have to wait for Python's lock. A thread that waits for it while the interpreter exits never
/// gets it: before 3.14 CPython ends that thread by unwinding its stack, which would run through frames of ours that
/// need the lock. Such a thread waits here for the end of the process instead.
/// (The unwinder gives no exception object to bind to, which the undefined-behaviour sanitizer takes for a fault.)
template <class F>
[[gnu::no_sanitize_undefined]] decltype(auto) surviving_exit(F&& f) {
  try {
    return f();
  } catch (abi::__forced_unwind&) {
    for (;;) pause();
  }
}

/// Turns the C++ exception in flight into a Python one. Call in a catch block.
void translate_exception() noexcept;

/// Runs `f`; on a C++ exception sets the Python one and returns `failure`.
template <class F>
auto guarded(F&& f, decltype(f()) failure = {}) noexcept -> decltype(f()) {
  try {
    return surviving_exit(f);
  } catch (...) {
    translate_exception();
    return failure;
  }
}

}  // namespace weft::bindings
