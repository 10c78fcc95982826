// Comparisons and logic: every result is a bool. NaN is unequal to everything and unordered; as a truth value it is
// true.
#pragma once

#include "kernels/loops.h"
#include "kernels/vecmath.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

template <class T>
struct Eq {
  bool operator()(T x, T y) const { return x == y; }
};
template <class T>
struct Ne {
  bool operator()(T x, T y) const { return x != y; }
};
template <class T>
struct Lt {
  bool operator()(T x, T y) const { return x < y; }
};
template <class T>
struct Le {
  bool operator()(T x, T y) const { return x <= y; }
};
template <class T>
struct Gt {
  bool operator()(T x, T y) const { return x > y; }
};
template <class T>
struct Ge {
  bool operator()(T x, T y) const { return x >= y; }
};
/// |x - y| <= params[1] + params[0] * |y| (atol, rtol), or equal; params[2]: whether NaN equals NaN. Floating only.
template <class T>
struct IsClose {
  explicit IsClose(const Param* params)
      : rtol(params[0].as<T>()), atol(params[1].as<T>()), equal_nan(params[2].i != 0) {}
  bool operator()(T x, T y) const {
    const bool near = vm::abs(x - y) <= atol + vm::abs(rtol * y);
    const bool finite = vm::abs(y) < vm::infinity<T>;
    return (x == y) | (near & finite) | (equal_nan & (x != x) & (y != y));
  }
  T rtol, atol;
  bool equal_nan;
};

template <class T>
struct LogicalNot {
  bool operator()(T x) const { return x == T(0); }
};
template <class T>
struct LogicalAnd {
  bool operator()(T x, T y) const { return (x != T(0)) & (y != T(0)); }
};
template <class T>
struct LogicalOr {
  bool operator()(T x, T y) const { return (x != T(0)) | (y != T(0)); }
};
template <class T>
struct LogicalXor {
  bool operator()(T x, T y) const { return (x != T(0)) ^ (y != T(0)); }
};

// Of integers, the answers are known.

template <class T>
struct IsNan {
  bool operator()(T x) const { return x != x; }
};
template <class T>
struct IsInf {
  bool operator()([[maybe_unused]] T x) const {
    if constexpr (std::is_floating_point_v<T>)
      return vm::abs(x) == vm::infinity<T>;
    else
      return false;
  }
};
template <class T>
struct IsFinite {
  bool operator()([[maybe_unused]] T x) const {
    if constexpr (std::is_floating_point_v<T>)
      return vm::abs(x) < vm::infinity<T>;
    else
      return true;
  }
};
template <class T>
struct IsPosInf {
  bool operator()([[maybe_unused]] T x) const {
    if constexpr (std::is_floating_point_v<T>)
      return x == vm::infinity<T>;
    else
      return false;
  }
};
template <class T>
struct IsNegInf {
  bool operator()([[maybe_unused]] T x) const {
    if constexpr (std::is_floating_point_v<T>)
      return x == -vm::infinity<T>;
    else
      return false;
  }
};

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
