// Bitwise operations and shifts, for i64 and bool (where `not`, `and`, `or`, `xor` are the logical ones).
#pragma once

#include "kernels/loops.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

template <class T>
struct BitwiseNot {
  T operator()(T x) const {
    if constexpr (std::is_same_v<T, bool>)
      return !x;
    else
      return static_cast<T>(~x);
  }
};
template <class T>
struct BitwiseAnd {
  T operator()(T x, T y) const { return static_cast<T>(x & y); }
};
template <class T>
struct BitwiseOr {
  T operator()(T x, T y) const { return static_cast<T>(x | y); }
};
template <class T>
struct BitwiseXor {
  T operator()(T x, T y) const { return static_cast<T>(x ^ y); }
};
/// A count outside [0, 64) shifts everything out, as in PyTorch.
template <class T>
struct LeftShift {
  T operator()(T x, T y) const {
    const bool inside = static_cast<uint64_t>(y) < 64;
    return inside ? static_cast<T>(static_cast<uint64_t>(x) << (inside ? y : 0)) : T(0);
  }
};
/// Arithmetic: the sign is kept, and a count outside [0, 64) leaves only it.
template <class T>
struct RightShift {
  T operator()(T x, T y) const { return x >> (static_cast<uint64_t>(y) < 64 ? y : 63); }
};
template <class T>
struct Gcd {
  static constexpr bool vectorised = false;
  T operator()(T x, T y) const {
    uint64_t a = magnitude(x), b = magnitude(y);
    while (b != 0) {
      const uint64_t rest = a % b;
      a = b;
      b = rest;
    }
    return static_cast<T>(a);
  }
  static uint64_t magnitude(T x) { return x < 0 ? uint64_t(0) - static_cast<uint64_t>(x) : static_cast<uint64_t>(x); }
};
template <class T>
struct Lcm {
  static constexpr bool vectorised = false;
  T operator()(T x, T y) const {
    const T divisor = Gcd<T>()(x, y);
    if (divisor == 0) return 0;
    const uint64_t product = static_cast<uint64_t>(x / divisor) * static_cast<uint64_t>(y);
    const T wrapped = static_cast<T>(product);
    return wrapped < 0 ? static_cast<T>(uint64_t(0) - product) : wrapped;
  }
};

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
