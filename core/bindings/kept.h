// Python objects in the hands of C++ objects that any thread may drop, with or without the lock.
#pragma once

#include <mutex>

#include "autograd/node.h"
#include "bindings/native.h"

namespace weft::bindings {

/// Owns one reference; takes the lock to give it back.
class Kept {
 public:
  explicit Kept(PyObject* object) : object_(Py_NewRef(object)) {}
  ~Kept() {
    if (object_ == nullptr || !Py_IsInitialized()) return;
    const PythonScope python;
    Py_DECREF(object_);
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;

  /// A new handle on the object, null once it was given up. With Python's lock held.
  Object get() const noexcept {
    const std::lock_guard guard(lock_);
    return Object::borrow(object_);
  }
  /// Gives the object up early.
  void drop() noexcept {
    std::unique_lock guard(lock_);
    const Object dropped = Object::steal(std::exchange(object_, nullptr));
    guard.unlock();
  }
  /// For the cyclic garbage collector, which runs while nobody can change anything.
  PyObject* peek() const noexcept { return object_; }

 private:
  mutable SpinLock lock_;
  PyObject* object_;  // guarded by lock_
};

}  // namespace weft::bindings
