// Intrusive shared ownership: an object carries its own count, so a handle is one pointer.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace weft {

/// Base of objects owned through Ref. The count is atomic: handles to one object may be dropped on any thread.
template <class T>
class RefCounted {
 public:
  void retain() const noexcept { count_.fetch_add(1, std::memory_order_relaxed); }
  void release() const noexcept {
    // A lone owner needs no read-modify-write: nobody else can be copying the last handle, unless by try_retain.
    if (count_.load(std::memory_order_acquire) == 1 ||
        (count_.fetch_sub(1, std::memory_order_acq_rel) & ~weakly_known) == 1)
      T::destroy(const_cast<T*>(static_cast<const T*>(this)));
  }
  uint32_t use_count() const noexcept { return count_.load(std::memory_order_acquire) & ~weakly_known; }

  /// Called by an owner before it leaves a plain pointer where others may try_retain() it. Whoever keeps such a pointer
  /// guards it with a lock that the object's destructor takes to withdraw it.
  void allow_try_retain() const noexcept { count_.fetch_or(weakly_known, std::memory_order_relaxed); }
  /// Takes another reference unless the object is already on its way out.
  bool try_retain() const noexcept {
    auto seen = count_.load(std::memory_order_relaxed);
    while ((seen & ~weakly_known) != 0)
      if (count_.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire)) return true;
    return false;
  }

 protected:
  RefCounted() = default;
  ~RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

 private:
  static constexpr uint32_t weakly_known = 1u << 31;
  mutable std::atomic<uint32_t> count_{0};
};

template <class T>
class Ref {
 public:
  Ref() noexcept = default;
  Ref(std::nullptr_t) noexcept {}  // NOLINT: reads as "no object"
  explicit Ref(T* object) noexcept : object_(object) {
    if (object_) object_->retain();
  }
  Ref(const Ref& other) noexcept : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U>
    requires std::is_convertible_v<U*, T*>
  Ref(Ref<U> other) noexcept : object_(other.detach()) {}  // NOLINT: upcast
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_) object_->release();
  }

  /// Takes over a reference that is already counted.
  static Ref adopt(T* object) noexcept {
    Ref ref;
    ref.object_ = object;
    return ref;
  }
  /// Gives the reference up without dropping it.
  T* detach() noexcept { return std::exchange(object_, nullptr); }

  T* get() const noexcept { return object_; }
  T* operator->() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) noexcept { return a.object_ == b.object_; }

 private:
  T* object_ = nullptr;
};

}  // namespace weft
