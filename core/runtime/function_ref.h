// A borrowed callable: two words, no allocation. Valid only while the callable it was made from lives.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace weft {

template <class Signature>
class FunctionRef;

template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>)
  [[gnu::always_inline]] FunctionRef(F&& f)  // NOLINT: implicit by design, as a parameter type
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* object, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(std::forward<Args>(args)...);
        }) {}

  /// Tells callables of different types apart.
  std::uintptr_t type() const noexcept { return reinterpret_cast<std::uintptr_t>(call_); }

  [[gnu::always_inline]] R operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

}  // namespace weft
