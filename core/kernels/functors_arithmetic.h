// Arithmetic functors: sums, products, quotients, powers of integers, rounding, extremes, selection.
//
// Exact or correctly rounded in f32 and f64 unless a comment says otherwise. Integers wrap around. An integer division
// does not look at its divisor: the op layer checks it for zeros first and raises ZeroDivisionError. In bool (b8),
// sum is `or`, product is `and`, maximum and minimum are theirs.
#pragma once

#include "kernels/loops.h"
#include "kernels/vecmath.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

template <class T>
inline constexpr bool is_float = std::is_floating_point_v<T>;
template <class T>
inline constexpr bool is_bool = std::is_same_v<T, bool>;

// Sums and products.

/// The unsigned integer arithmetic wraps around in; the small ones are promoted to int, where it could overflow.
template <class T>
using Wrapping = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <class T>
[[gnu::always_inline]] inline T wrap_add(T x, T y) {
  if constexpr (is_bool<T>)
    return x | y;
  else if constexpr (is_float<T>)
    return x + y;
  else
    return static_cast<T>(static_cast<Wrapping<T>>(x) + static_cast<Wrapping<T>>(y));
}
template <class T>
[[gnu::always_inline]] inline T wrap_sub(T x, T y) {
  if constexpr (is_bool<T>)
    return x != y;
  else if constexpr (is_float<T>)
    return x - y;
  else
    return static_cast<T>(static_cast<Wrapping<T>>(x) - static_cast<Wrapping<T>>(y));
}
template <class T>
[[gnu::always_inline]] inline T wrap_mul(T x, T y) {
  if constexpr (is_bool<T>)
    return x & y;
  else if constexpr (is_float<T>)
    return x * y;
  else
    return static_cast<T>(static_cast<Wrapping<T>>(x) * static_cast<Wrapping<T>>(y));
}

template <class T>
struct Add {
  T operator()(T x, T y) const { return wrap_add(x, y); }
};
/// x + params[0] * y.
template <class T>
struct AddScaled {
  explicit AddScaled(const Param* params) : alpha(params[0].as<T>()) {}
  T operator()(T x, T y) const { return wrap_add(x, wrap_mul(alpha, y)); }
  T alpha;
};
template <class T>
struct Sub {
  T operator()(T x, T y) const { return wrap_sub(x, y); }
};
/// x - params[0] * y.
template <class T>
struct SubScaled {
  explicit SubScaled(const Param* params) : alpha(params[0].as<T>()) {}
  T operator()(T x, T y) const { return wrap_sub(x, wrap_mul(alpha, y)); }
  T alpha;
};
template <class T>
struct Mul {
  T operator()(T x, T y) const { return wrap_mul(x, y); }
};
template <class T>
struct Neg {
  T operator()(T x) const {
    if constexpr (is_float<T>)
      return -x;
    else
      return wrap_sub(T(0), x);
  }
};
template <class T>
struct Square {
  T operator()(T x) const { return wrap_mul(x, x); }
};
/// x + params[0] * y * z.
template <class T>
struct Addcmul {
  explicit Addcmul(const Param* params) : value(params[0].as<T>()) {}
  T operator()(T x, T y, T z) const { return wrap_add(x, wrap_mul(value, wrap_mul(y, z))); }
  T value;
};
/// x + params[0] * y / z. Floating only.
template <class T>
struct Addcdiv {
  explicit Addcdiv(const Param* params) : value(params[0].as<T>()) {}
  T operator()(T x, T y, T z) const { return x + value * (y / z); }
  T value;
};
/// x + weight * (y - x), from the nearer end as in PyTorch, so that weight 1 gives y exactly. Floating only.
template <class T>
struct Lerp {
  T operator()(T x, T y, T weight) const {
    const T d = y - x;
    return vm::abs(weight) < T(0.5) ? x + weight * d : y - d * (T(1) - weight);
  }
};

// Quotients. True division is floating only.

template <class T>
struct Div {
  T operator()(T x, T y) const { return x / y; }
};
template <class T>
struct Reciprocal {
  T operator()(T x) const { return T(1) / x; }
};

/// INT64_MIN / -1 wraps, where the processor would trap.
[[gnu::always_inline]] inline int64_t wrap_div(int64_t x, int64_t y) {
  return y == -1 ? wrap_sub(int64_t(0), x) : x / y;
}
[[gnu::always_inline]] inline int64_t wrap_mod(int64_t x, int64_t y) { return y == -1 ? 0 : x % y; }

/// The quotient rounded towards zero.
template <class T>
struct TruncDiv {
  static constexpr bool vectorised = is_float<T>;
  T operator()(T x, T y) const {
    if constexpr (is_float<T>)
      return vm::trunc(x / y);
    else
      return wrap_div(x, y);
  }
};
/// C's remainder, with the sign of x.
template <class T>
struct Fmod {
  static constexpr bool vectorised = false;
  T operator()(T x, T y) const {
    if constexpr (is_float<T>)
      return vm::fmod(x, y);
    else
      return wrap_mod(x, y);
  }
};
/// Python's remainder, with the sign of y.
template <class T>
struct Remainder {
  static constexpr bool vectorised = false;
  T operator()(T x, T y) const {
    const T r = Fmod<T>()(x, y);
    return r != T(0) && (r < T(0)) != (y < T(0)) ? wrap_add(r, y) : r;
  }
};
/// Python's //: consistent with Remainder, as in PyTorch.
template <class T>
struct FloorDiv {
  static constexpr bool vectorised = false;
  T operator()(T x, T y) const {
    if constexpr (is_float<T>) {
      if (y == T(0)) return x / y;
      const T mod = vm::fmod(x, y);
      T quotient = (x - mod) / y;
      if (mod != T(0) && (y < T(0)) != (mod < T(0))) quotient -= T(1);
      if (quotient == T(0)) return vm::copysign(T(0), x / y);
      const T floor = vm::floor(quotient);
      return quotient - floor > T(0.5) ? floor + T(1) : floor;
    } else {
      const T quotient = wrap_div(x, y);
      return wrap_mod(x, y) != 0 && (x < 0) != (y < 0) ? quotient - 1 : quotient;
    }
  }
};

/// x to the power y for integers: a negative power of anything but 1 and -1 is 0, as in PyTorch.
/// The floating powers are in functors_transcendental.h.
[[gnu::always_inline]] inline int64_t integer_power(int64_t x, int64_t y) {
  if (y < 0) return x == 1 ? 1 : x == -1 ? (y % 2 != 0 ? -1 : 1) : 0;
  int64_t power = 1;
  for (; y != 0; y >>= 1, x = wrap_mul(x, x))
    if (y & 1) power = wrap_mul(power, x);
  return power;
}

// Signs and magnitudes.

template <class T>
struct Abs {
  T operator()(T x) const {
    if constexpr (is_float<T>)
      return vm::abs(x);
    else if constexpr (is_bool<T>)
      return x;
    else
      return x < 0 ? wrap_sub(T(0), x) : x;
  }
};
/// -1, 0, 1; the sign of NaN is 0, as in PyTorch.
template <class T>
struct Sign {
  T operator()(T x) const {
    if constexpr (is_bool<T>)
      return x;
    else
      return static_cast<T>(T(x > T(0)) - T(x < T(0)));
  }
};
template <class T>
struct Sgn : Sign<T> {};
/// 0 or pi, NaN for NaN; the sign of -0 does not count, as in PyTorch. Floating only.
template <class T>
struct Angle {
  T operator()(T x) const {
    const T angle = x < T(0) ? T(3.14159265358979323846) : T(0);
    return x != x ? x : angle;
  }
};
/// The magnitude of x, the sign of y (of -0 and NaN too). Floating only.
template <class T>
struct Copysign {
  T operator()(T x, T y) const { return vm::copysign(x, y); }
};
template <class T>
struct Signbit {
  bool operator()(T x) const {
    if constexpr (std::is_same_v<T, float>)
      return detail::bits<int32_t>(x) < 0;
    else if constexpr (std::is_same_v<T, double>)
      return detail::bits<int64_t>(x) < 0;
    else
      return x < T(0);
  }
};
/// 0 below zero, 1 above, y at zero; 0 for NaN, as in PyTorch.
template <class T>
struct Heaviside {
  T operator()(T x, T y) const {
    if constexpr (is_bool<T>)
      return x | y;
    else
      return x == T(0) ? y : T(x > T(0));
  }
};

// Rounding, exact; integers stay.

template <class T>
struct Floor {
  T operator()(T x) const {
    if constexpr (is_float<T>)
      return vm::floor(x);
    else
      return x;
  }
};
template <class T>
struct Ceil {
  T operator()(T x) const {
    if constexpr (is_float<T>)
      return vm::ceil(x);
    else
      return x;
  }
};
template <class T>
struct Trunc {
  T operator()(T x) const {
    if constexpr (is_float<T>)
      return vm::trunc(x);
    else
      return x;
  }
};
/// Rounds to params[0].i decimals, which may be negative; PyTorch's formula and so its rounding errors.
template <class T>
struct RoundDecimals {
  explicit RoundDecimals(const Param* params) : decimals(params[0].i), scale(1) {
    for (int64_t i = decimals < 0 ? -decimals : decimals; i > 0; --i) scale *= T(10);
  }
  T operator()(T x) const {
    if constexpr (is_float<T>)
      return decimals < 0 ? vm::rint(x / scale) * scale : vm::rint(x * scale) / scale;
    else
      return x;
  }
  int64_t decimals;
  T scale;
};
template <class T>
struct Frac {
  T operator()(T x) const { return x - vm::trunc(x); }
};

// Extremes. NaN wins in the first four, loses in fmax and fmin.

template <class T>
[[gnu::always_inline]] inline T maximum(T x, T y) {
  if constexpr (is_float<T>)
    return (x > y) | (x != x) ? x : y;
  else if constexpr (is_bool<T>)
    return x | y;
  else
    return x > y ? x : y;
}
template <class T>
[[gnu::always_inline]] inline T minimum(T x, T y) {
  if constexpr (is_float<T>)
    return (x < y) | (x != x) ? x : y;
  else if constexpr (is_bool<T>)
    return x & y;
  else
    return x < y ? x : y;
}
template <class T>
struct Maximum {
  T operator()(T x, T y) const { return maximum(x, y); }
};
template <class T>
struct Minimum {
  T operator()(T x, T y) const { return minimum(x, y); }
};
template <class T>
struct Fmax {
  T operator()(T x, T y) const { return (x > y) | (y != y) ? x : y; }
};
template <class T>
struct Fmin {
  T operator()(T x, T y) const { return (x < y) | (y != y) ? x : y; }
};
/// min(max(x, params[0]), params[1]): NaN stays, and the upper bound wins when they cross.
template <class T>
struct Clamp {
  explicit Clamp(const Param* params) : low(params[0].as<T>()), high(params[1].as<T>()) {}
  T operator()(T x) const {
    const T raised = x < low ? low : x;
    return raised > high ? high : raised;
  }
  T low, high;
};
template <class T>
struct ClampMin {
  explicit ClampMin(const Param* params) : low(params[0].as<T>()) {}
  T operator()(T x) const { return x < low ? low : x; }
  T low;
};
template <class T>
struct ClampMax {
  explicit ClampMax(const Param* params) : high(params[0].as<T>()) {}
  T operator()(T x) const { return x > high ? high : x; }
  T high;
};
/// clamp with tensors; a NaN bound gives NaN.
template <class T>
struct ClampTensor {
  T operator()(T x, T low, T high) const {
    const T raised = (x < low) | (low != low) ? low : x;
    return (raised > high) | (high != high) ? high : raised;
  }
};

// Selection.

template <class T>
[[gnu::always_inline]] inline T select(bool condition, T x, T y) {
  if constexpr (is_bool<T>)
    return (condition & x) | (!condition & y);
  else
    return condition ? x : y;
}
template <class T>
struct Where {
  T operator()(bool condition, T x, T y) const { return select(condition, x, y); }
};
/// params[0] where the mask is set.
template <class T>
struct MaskedFill {
  explicit MaskedFill(const Param* params) : value(params[0].as<T>()) {}
  T operator()(bool mask, T x) const { return select(mask, value, x); }
  T value;
};
/// Replaces NaN, +inf, -inf by params[0], params[1], params[2]. Floating only.
template <class T>
struct NanToNum {
  explicit NanToNum(const Param* params)
      : nan(params[0].as<T>()), positive(params[1].as<T>()), negative(params[2].as<T>()) {}
  T operator()(T x) const {
    const T bounded = x == -vm::infinity<T> ? negative : x;
    const T finite = x == vm::infinity<T> ? positive : bounded;
    return x != x ? nan : finite;
  }
  T nan, positive, negative;
};

// Small formulas.

/// params[0] * x.
template <class T>
struct Scale {
  explicit Scale(const Param* params) : factor(params[0].as<T>()) {}
  T operator()(T x) const { return wrap_mul(x, factor); }
  T factor;
};
template <class T>
struct Deg2rad {
  T operator()(T x) const { return x * T(0.017453292519943295769); }
};
template <class T>
struct Rad2deg {
  T operator()(T x) const { return x * T(57.295779513082320877); }
};

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
