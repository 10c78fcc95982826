// Elementary and special functions as functors, floating only. The accuracy of each is stated at its vm:: function
// (vecmath*.h). An f64 functor that calls the C library is not vectorised.
#pragma once

#include "kernels/functors_arithmetic.h"
#include "kernels/vecmath_special.h"
#include "kernels/vecmath_trig.h"
#include "kernels/vecmath_wide.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

template <class T>
inline constexpr bool is_f32 = std::is_same_v<T, float>;

// Vectorised in both types.

template <class T>
struct Exp {
  T operator()(T x) const { return vm::exp(x); }
  static void group(T* out, const T* in) noexcept
    requires vm::has_wide_exp<T>
  {
    by_vectors<group_size>([](auto x) { return vm::exp(x); }, out, in);
  }
};
template <class T>
struct Log {
  T operator()(T x) const { return vm::log(x); }
  static void group(T* out, const T* in) noexcept
    requires vm::has_wide_exp<T>
  {
    by_vectors<group_size>([](auto x) { return vm::log(x); }, out, in);
  }
};
template <class T>
struct Tanh {
  T operator()(T x) const { return vm::tanh(x); }
};
template <class T>
struct Sigmoid {
  T operator()(T x) const { return vm::sigmoid(x); }
};
template <class T>
struct Sqrt {
  T operator()(T x) const { return vm::sqrt(x); }
};
/// 1 / sqrt(x): 1.5 ulp.
template <class T>
struct Rsqrt {
  T operator()(T x) const { return T(1) / vm::sqrt(x); }
  static void group(T* out, const T* in) noexcept
    requires vm::is_wide<T>
  {
    by_vectors<group_size>([](auto x) { return vm::rsqrt(x); }, out, in);
  }
};
/// sqrt(x^2 + y^2) without overflow: through double in f32 (0.6 ulp).
template <class T>
struct Hypot {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x, T y) const {
    if constexpr (is_f32<T>) {
      const auto a = static_cast<double>(x), b = static_cast<double>(y);
      const auto length = static_cast<float>(vm::sqrt(a * a + b * b));
      const bool infinite = (vm::abs(x) == vm::infinity<T>) | (vm::abs(y) == vm::infinity<T>);
      return infinite ? vm::infinity<T> : length;
    } else {
      return ::hypot(x, y);
    }
  }
};

// Vectorised in f32.

template <class T>
struct Exp2 {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x) const { return vm::exp2(x); }
};
template <class T>
struct Expm1 {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x) const { return vm::expm1(x); }
};
template <class T>
struct Log2 {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x) const { return vm::log2(x); }
};
template <class T>
struct Log10 {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x) const { return vm::log10(x); }
};
template <class T>
struct Log1p {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x) const { return vm::log1p(x); }
  static void group(T* out, const T* in) noexcept
    requires vm::is_wide<T>
  {
    by_vectors<group_size>([](auto x) { return vm::log1p(x); }, out, in);
  }
};
template <class T>
struct Sinh {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x) const { return vm::sinh(x); }
};
template <class T>
struct Cosh {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x) const { return vm::cosh(x); }
};
template <class T>
struct Asinh {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x) const { return vm::asinh(x); }
};
template <class T>
struct Acosh {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x) const { return vm::acosh(x); }
};
template <class T>
struct Atanh {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x) const { return vm::atanh(x); }
};
template <class T>
struct Asin {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x) const { return vm::asin(x); }
};
template <class T>
struct Acos {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x) const { return vm::acos(x); }
};
template <class T>
struct Atan {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x) const { return vm::atan(x); }
};
template <class T>
struct Atan2 {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T y, T x) const { return vm::atan2(y, x); }
};
template <class T>
struct Erf {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x) const { return vm::erf(x); }
};
template <class T>
struct Erfc {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x) const { return vm::erfc(x); }
};

/// Past vm::kTrigLimit a float's sine goes through the C library's, in double.
template <class T>
struct Trigonometric {
  static constexpr bool vectorised = is_f32<T>;
};
template <>
struct Trigonometric<float> {
  static bool special(float x) { return vm::abs(x) > vm::kTrigLimit; }
};
template <class T>
struct Sin : Trigonometric<T> {
  T operator()(T x) const { return vm::sin(x); }
  T slow(T x) const { return static_cast<T>(::sin(static_cast<double>(x))); }
  static bool group_if(T* out, const T* in) noexcept
    requires vm::is_wide<T>
  {
    if (!vm::are_near<group_size>(in)) return false;
    by_vectors<group_size>([](auto x) { return vm::sin(x); }, out, in);
    return true;
  }
};
template <class T>
struct Cos : Trigonometric<T> {
  T operator()(T x) const { return vm::cos(x); }
  T slow(T x) const { return static_cast<T>(::cos(static_cast<double>(x))); }
  static bool group_if(T* out, const T* in) noexcept
    requires vm::is_wide<T>
  {
    if (!vm::are_near<group_size>(in)) return false;
    by_vectors<group_size>([](auto x) { return vm::cos(x); }, out, in);
    return true;
  }
};
template <class T>
struct Tan : Trigonometric<T> {
  T operator()(T x) const { return vm::tan(x); }
  T slow(T x) const { return static_cast<T>(::tan(static_cast<double>(x))); }
};
/// sin(pi x) / (pi x), 1 at 0. The argument is reduced before it is multiplied by pi, so that integers give 0.
template <class T>
struct Sinc {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x) const {
    constexpr T pi = T(3.14159265358979323846);
    const T nearest = vm::rint(x), half = T(0.5) * nearest;
    const T sine = vm::sin((x - nearest) * pi);
    const T value = (vm::rint(half) == half ? sine : -sine) / (x * pi);
    const T bounded = vm::abs(x) < vm::infinity<T> ? value : (x != x ? x : T(0));
    return x == T(0) ? T(1) : bounded;
  }
};
template <class T>
struct Cube {
  T operator()(T x) const { return wrap_mul(x, wrap_mul(x, x)); }
};

/// x to the power y; integers wrap around (see integer_power). One exponent for all that has a simpler formula gets it.
template <class T>
struct Pow {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x, T y) const {
    if constexpr (is_float<T>)
      return vm::pow(x, y);
    else
      return static_cast<T>(integer_power(x, y));
  }
  static InnerLoop shortcut(char* const* data, const int64_t* strides) {
    if (strides[2] != 0) return nullptr;
    const T y = *reinterpret_cast<const T*>(data[2]);
    if (y == T(2)) return make_loop<Square, T, 1>();
    if (y == T(3)) return make_loop<Cube, T, 1>();
    if constexpr (is_float<T>) {
      if (y == T(-1)) return make_loop<Reciprocal, T, 1>();
      if (y == T(-0.5)) return make_loop<Rsqrt, T, 1>();
    }
    return nullptr;
  }
};

/// log(exp(x) + exp(y)), from the larger: 2 ulp of the larger term.
template <class T>
struct Logaddexp {
  T operator()(T x, T y) const {
    const T high = maximum(x, y), low = minimum(x, y);
    return x == y && vm::abs(x) == vm::infinity<T> ? x : high + vm::log1p_exp_neg(high - low);
  }
};
/// log2(2^x + 2^y).
template <class T>
struct Logaddexp2 {
  T operator()(T x, T y) const {
    const T high = maximum(x, y), low = minimum(x, y);
    constexpr T ln2 = T(0.69314718055994530942), log2e = T(1.4426950408889634074);
    return x == y && vm::abs(x) == vm::infinity<T> ? x : high + log2e * vm::log1p_exp_neg((high - low) * ln2);
  }
};
/// x log(y), 0 where x is 0 unless y is NaN.
template <class T>
struct Xlogy {
  T operator()(T x, T y) const {
    const T product = x * vm::log(y);
    return x == T(0) && y == y ? T(0) : product;
  }
};
/// x log(1 + y), 0 where x is 0 unless y is NaN.
template <class T>
struct Xlog1py {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x, T y) const {
    const T product = x * vm::log1p(y);
    return x == T(0) && y == y ? T(0) : product;
  }
};
/// log(x / (1 - x)).
template <class T>
struct Logit {
  T operator()(T x) const { return vm::log(x / (T(1) - x)); }
};
/// logit of x clamped to [params[0], 1 - params[0]].
template <class T>
struct LogitClamped {
  explicit LogitClamped(const Param* params) : eps(params[0].as<T>()) {}
  T operator()(T x) const {
    const T p = vm::clamp(x, eps, T(1) - eps);
    return vm::log(p / (T(1) - p));
  }
  T eps;
};
/// -x log(x), 0 at 0, -inf below.
template <class T>
struct Entr {
  T operator()(T x) const {
    const T inner = x == T(0) ? T(0) : -x * vm::log(x);
    return x < T(0) ? -vm::infinity<T> : inner;
  }
};
/// Phi(x), the standard normal distribution function.
template <class T>
struct Ndtr {
  static constexpr bool vectorised = is_f32<T>;
  T operator()(T x) const { return T(0.5) * vm::erfc(x * T(-0.70710678118654752440)); }
};

// One element at a time.

template <class T>
struct Lgamma {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return vm::lgamma(x); }
};
template <class T>
struct Digamma {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return vm::digamma(x); }
};
template <class T>
struct Trigamma {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return vm::trigamma(x); }
};
template <class T>
struct Erfinv {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return vm::erfinv(x); }
};
template <class T>
struct I0 {
  static constexpr bool vectorised = false;
  T operator()(T x) const {
    const auto d = static_cast<double>(x);
    return static_cast<T>(vm::bessel_i_scaled<0>(d) * ::exp(vm::abs(d)));
  }
};
template <class T>
struct I0e {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return static_cast<T>(vm::bessel_i_scaled<0>(static_cast<double>(x))); }
};
template <class T>
struct I1 {
  static constexpr bool vectorised = false;
  T operator()(T x) const {
    const auto d = static_cast<double>(x);
    return static_cast<T>(vm::bessel_i_scaled<1>(d) * ::exp(vm::abs(d)));
  }
};
template <class T>
struct I1e {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return static_cast<T>(vm::bessel_i_scaled<1>(static_cast<double>(x))); }
};
template <class T>
struct Nextafter {
  static constexpr bool vectorised = false;
  T operator()(T x, T y) const {
    if constexpr (is_f32<T>)
      return ::nextafterf(x, y);
    else
      return ::nextafter(x, y);
  }
};

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
