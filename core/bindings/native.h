// The one place where weft lets go of Python's lock and takes it back.
#pragma once

#include <cstdint>
#include <type_traits>

#include "bindings/python.h"
#include "runtime/governor.h"
#include "runtime/interrupt.h"
#include "runtime/trace.h"

namespace weft::bindings {

/// Below this a call never lets go: the release itself costs about as much.
inline constexpr int64_t never_release_below = 300;  // nanoseconds

/// One native call: decides whether to let go of the GIL, does so, and has it back at the end.
class NativeCall {
 public:
  NativeCall(int64_t cost, governor::Correction& correction);
  ~NativeCall();
  NativeCall(const NativeCall&) = delete;
  NativeCall& operator=(const NativeCall&) = delete;

 private:
  friend class PythonScope;
  void let_go() noexcept;
  /// Returns when waiting for the lock itself began, and who else was about.
  governor::Wait take_back(int64_t now) noexcept;

  governor::Decision decision_;
  PyThreadState* released_ = nullptr;
  NativeCall* outer_;
  InterruptScope interrupt_;
  trace::Scope trace_;
};

/// Python may be called while one lives, also from native code that let go of the lock: hooks, Python Functions.
class PythonScope {
 public:
  PythonScope();
  ~PythonScope();
  PythonScope(const PythonScope&) = delete;
  PythonScope& operator=(const PythonScope&) = delete;

 private:
  NativeCall* call_;
  PyGILState_STATE ensured_{};
  bool foreign_ = false;  ///< a thread that Python did not start this call on
  trace::Scope trace_;
};

/// Runs `f`, which takes about `cost` nanoseconds and touches no Python object.
template <class F>
auto native(int64_t cost, F&& f) {
  if (cost < never_release_below) return f();
  static constinit governor::Correction correction;  // one for each F, which is one for each place that calls
  const NativeCall call(cost, correction);
  return f();
}

/// Called once when the module loads, by the main thread.
void init_native();
/// The meter's native part (gil_probe.cpp).
void init_gil_probe(PyObject* module);
/// Adds LinAlgError to the module of linear algebra, and tells core/ops where LAPACK is.
void init_linalg(PyObject* module);
/// Tells core/ops where NumPy's Fourier transforms are (fourier.cpp).
void init_fourier();

}  // namespace weft::bindings
