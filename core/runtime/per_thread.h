// One T per thread. Each thread reaches its own at the cost of a load; anybody may visit all of them.
#pragma once

#include <mutex>
#include <new>

namespace weft::detail {

/// A T is made by its thread's first use and destroyed with its thread, after retire() ran under the lock. Fields that
/// visit() reads are atomics that only the owner writes.
template <class T>
class PerThread {
 public:
  /// This thread's T; null once the thread has begun to exit, or when there is no memory for one.
  static T* local() noexcept {
    if (current_ != nullptr) [[likely]]
      return &current_->value;
    return make();
  }

  /// Calls f(T&) for each thread. The caller holds mutex().
  template <class F>
  static void visit(F&& f) {
    for (Node* node = first_; node != nullptr; node = node->next) f(node->value);
  }

  /// Guards the list and whatever retire() writes.
  static std::mutex& mutex() noexcept { return mutex_; }

  /// In a fork's child, with the lock held: calls lost(T&) for the other threads and leaks their Ts, which their
  /// threads may have left half written.
  template <class F>
  static void forget_other_threads(F&& lost) noexcept {
    for (Node* node = first_; node != nullptr; node = node->next) {
      if (node != current_) lost(node->value);
    }
    first_ = current_;
    if (current_ != nullptr) current_->next = current_->previous = nullptr;
  }

 private:
  struct Node {
    T value;
    Node* next = nullptr;
    Node* previous = nullptr;
  };
  struct Reaper {
    bool armed = false;
    ~Reaper() { reap(); }
  };

  [[gnu::cold, gnu::noinline]] static T* make() noexcept {
    if (exiting_) return nullptr;
    auto* const node = new (std::nothrow) Node;
    if (node == nullptr) return nullptr;
    reaper_.armed = true;  // first touch registers the destructor
    const std::lock_guard lock(mutex_);
    node->next = first_;
    if (first_ != nullptr) first_->previous = node;
    first_ = node;
    current_ = node;
    return &node->value;
  }

  static void reap() noexcept {
    Node* const node = current_;
    exiting_ = true;
    current_ = nullptr;
    if (node == nullptr) return;
    {
      const std::lock_guard lock(mutex_);
      node->value.retire();
      (node->previous != nullptr ? node->previous->next : first_) = node->next;
      if (node->next != nullptr) node->next->previous = node->previous;
    }
    delete node;
  }

  // initial-exec: a load instead of a call to __tls_get_addr; a few bytes of the static TLS block.
  [[gnu::tls_model("initial-exec")]] inline static constinit thread_local Node* current_ = nullptr;
  inline static constinit thread_local bool exiting_ = false;
  inline static thread_local Reaper reaper_;
  inline static constinit std::mutex mutex_;
  inline static constinit Node* first_ = nullptr;  // guarded by mutex_
};

}  // namespace weft::detail
