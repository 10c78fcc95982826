// Samples whether a thread holds Python's lock, from outside: a native thread that Python does not know looks at it at
// random moments and never takes the lock itself. Why this way and how exact it is: docs/notes/meter.md.
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <new>
#include <system_error>
#include <thread>

#include "bindings/native.h"

namespace weft::bindings {

namespace {

// Where CPython keeps the answer, per minor version: public headers, but no promise. A version not listed is not
// guessed.
#if PY_VERSION_HEX >= 0x030F0000
constexpr bool can_tell = false;
bool holds(const PyThreadState*) noexcept { return false; }
#elif PY_VERSION_HEX >= 0x030D0000
constexpr bool can_tell = true;
bool holds(const PyThreadState* thread) noexcept {
  constexpr int attached = 1;  // _Py_THREAD_ATTACHED
  return __atomic_load_n(&thread->state, __ATOMIC_RELAXED) == attached;
}
#elif PY_VERSION_HEX >= 0x030C0000
constexpr bool can_tell = true;
// A bit-field, written by its thread: a torn or stale look costs one sample.
[[gnu::noinline, gnu::no_sanitize("thread")]] bool holds(const PyThreadState* thread) noexcept {
  asm volatile("" ::: "memory");
  return thread->_status.active != 0;
}
#else
constexpr bool can_tell = true;
bool holds(const PyThreadState* thread) noexcept { return _PyThreadState_UncheckedGet() == thread; }
#endif

/// Looks at the calling thread from construction to stop(). Lives on that thread's stack, so the thread outlives it.
class Probe {
 public:
  explicit Probe(int64_t mean_gap) : measured_(PyThreadState_Get()), mean_gap_(static_cast<double>(mean_gap)) {
    if (can_tell) thread_ = std::thread([this] { run(); });
  }
  ~Probe() { stop(); }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  void stop() {
    stopping_.store(true, std::memory_order_relaxed);
    if (!thread_.joinable()) return;
    if (getpid() == process_) return thread_.join();  // at most one gap
    new (&thread_) std::thread;                       // the child of a fork has no such thread to join
  }
  int64_t looks() const noexcept { return looks_; }
  int64_t free() const noexcept { return free_; }

 private:
  void run() noexcept {
    pthread_setname_np(pthread_self(), "weft-gil-probe");
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    prctl(PR_SET_TIMERSLACK, 1);
    // Gaps drawn from the exponential distribution: however the measured thread repeats itself, each moment is as
    // likely to be looked at as any other.
    uint64_t state = 0x9E3779B97F4A7C15u ^ reinterpret_cast<uintptr_t>(measured_);
    while (!stopping_.load(std::memory_order_relaxed)) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      const double u = (static_cast<double>(state >> 11) + 0.5) * 0x1p-53;
      const auto gap = static_cast<long>(std::fmin(-std::log(u), 10.0) * mean_gap_);
      const timespec sleep{gap / 1'000'000'000, gap % 1'000'000'000};
      nanosleep(&sleep, nullptr);
      if (stopping_.load(std::memory_order_relaxed)) return;
      ++looks_;
      free_ += holds(measured_) ? 0 : 1;
    }
  }

  const PyThreadState* measured_;
  double mean_gap_;
  pid_t process_ = getpid();
  std::atomic<bool> stopping_{false};
  int64_t looks_ = 0;  // the probe's until it is joined
  int64_t free_ = 0;
  std::thread thread_;
};

/// (callable, mean gap in ns) -> (times looked at, of these free), or None where this Python does not tell.
PyObject* sample(PyObject*, PyObject* args) {
  PyObject* callable;
  long long mean_gap;
  if (PyArg_ParseTuple(args, "OL", &callable, &mean_gap) == 0) return nullptr;
  return guarded([&]() -> PyObject* {
    try {
      Probe probe(mean_gap);
      owned(PyObject_CallNoArgs(callable));
      probe.stop();
      if (!can_tell) Py_RETURN_NONE;
      return checked(Py_BuildValue("LL", static_cast<long long>(probe.looks()), static_cast<long long>(probe.free())));
    } catch (const std::system_error&) {
      PyErr_SetString(PyExc_RuntimeError, "weft.gil.measure: no thread could be started");
      throw PythonError{};
    }
  });
}

PyMethodDef functions[] = {{"_gil_sample", sample, METH_VARARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};

}  // namespace

void init_gil_probe(PyObject* module) { checked(PyModule_AddFunctions(module, functions)); }

}  // namespace weft::bindings
