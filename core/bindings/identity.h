// One Python object per C++ object: the object remembers its wrapper, and the wrapper forgets itself when it dies.
#pragma once

#include <atomic>

#include "bindings/python.h"

#ifdef Py_GIL_DISABLED
#include <thread>
#endif

namespace weft::bindings {

#ifdef Py_GIL_DISABLED

/// Holds one object's slot: the pointer's lowest bit says that somebody does. A dying wrapper waits here until nobody
/// looks at it. A lock of its own for each object, so that threads with objects of their own share no cache line.
class HeldSlot {
 public:
  explicit HeldSlot(std::atomic<void*>& slot) noexcept : slot_(slot) {
    for (int spins = 0;; ++spins) {
      void* seen = slot.load(std::memory_order_relaxed);
      if (!is_held(seen) && slot.compare_exchange_weak(seen, held(seen), std::memory_order_acquire)) {
        wrapper = static_cast<PyObject*>(seen);
        return;
      }
      if (spins > 64) std::this_thread::yield();
    }
  }
  ~HeldSlot() { slot_.store(wrapper, std::memory_order_release); }
  HeldSlot(const HeldSlot&) = delete;
  HeldSlot& operator=(const HeldSlot&) = delete;
  PyObject* wrapper;  ///< what the slot holds from then on

 private:
  static bool is_held(void* value) noexcept { return (reinterpret_cast<uintptr_t>(value) & 1) != 0; }
  static void* held(void* value) noexcept { return static_cast<char*>(value) + 1; }
  std::atomic<void*>& slot_;
};

/// A new reference unless the object is already being deallocated.
inline bool try_incref(PyObject* object) {
#if PY_VERSION_HEX >= 0x030E0000
  return PyUnstable_TryIncRef(object) != 0;
#else
  // CPython 3.13's _Py_TryIncref, which is not public there.
  uint32_t local = _Py_atomic_load_uint32_relaxed(&object->ob_ref_local);
  local += 1;
  if (local == 0) return true;  // immortal
  if (_Py_IsOwnedByCurrentThread(object)) {
    _Py_atomic_store_uint32_relaxed(&object->ob_ref_local, local);
    return true;
  }
  Py_ssize_t shared = _Py_atomic_load_ssize_relaxed(&object->ob_ref_shared);
  for (;;) {
    if (shared == 0 || shared == _Py_REF_MERGED) return false;
    if (_Py_atomic_compare_exchange_ssize(&object->ob_ref_shared, &shared, shared + (1 << _Py_REF_SHARED_SHIFT)))
      return true;
  }
#endif
}

/// Prepares a fresh wrapper for try_incref from other threads.
inline void enable_try_incref(PyObject* object) {
#if PY_VERSION_HEX >= 0x030E0000
  PyUnstable_EnableTryIncRef(object);
#else
  Py_ssize_t shared = 0;
  _Py_atomic_compare_exchange_ssize(&object->ob_ref_shared, &shared, _Py_REF_MAYBE_WEAKREF);
#endif
}

/// The live wrapper in `slot` as a new reference, or null.
inline PyObject* existing_wrapper(std::atomic<void*>& slot) {
  if (slot.load(std::memory_order_acquire) == nullptr) return nullptr;
  const HeldSlot held(slot);
  return held.wrapper != nullptr && try_incref(held.wrapper) ? held.wrapper : nullptr;
}

/// Makes `fresh` the wrapper, or returns the one that another thread made meanwhile.
inline PyObject* adopt_wrapper(std::atomic<void*>& slot, PyObject* fresh) {
  enable_try_incref(fresh);
  PyObject* other = nullptr;
  {
    HeldSlot held(slot);
    if (held.wrapper == nullptr || !try_incref(held.wrapper)) {
      held.wrapper = fresh;
      return fresh;
    }
    other = held.wrapper;
  }
  Py_DECREF(fresh);
  return other;
}

/// Called by a dying wrapper.
inline void forget_wrapper(std::atomic<void*>& slot, PyObject* wrapper) {
  HeldSlot held(slot);
  if (held.wrapper == wrapper) held.wrapper = nullptr;
}

#else  // the GIL orders everything

/// A wrapper whose count is zero is being deallocated: its attributes and weak references may run Python meanwhile.
inline PyObject* existing_wrapper(std::atomic<void*>& slot) {
  auto* const object = static_cast<PyObject*>(slot.load(std::memory_order_relaxed));
  return object != nullptr && Py_REFCNT(object) > 0 ? Py_NewRef(object) : nullptr;
}
inline PyObject* adopt_wrapper(std::atomic<void*>& slot, PyObject* fresh) {
  if (PyObject* const other = existing_wrapper(slot)) {  // made by a finalizer that ran while `fresh` was allocated
    Py_DECREF(fresh);
    return other;
  }
  slot.store(fresh, std::memory_order_relaxed);
  return fresh;
}
inline void forget_wrapper(std::atomic<void*>& slot, PyObject* wrapper) {
  if (slot.load(std::memory_order_relaxed) == wrapper) slot.store(nullptr, std::memory_order_relaxed);
}

#endif

}  // namespace weft::bindings
