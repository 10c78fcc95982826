// Functors of complex numbers, of the names the real ones have: T is Complex<float> or Complex<double>.
//
// Built once for all ISAs (namespace once): nothing here is worth a build per instruction set, and the C++ library's
// complex functions may be used. Sums and products are those of the parts, so that infinities follow the formula, as in
// PyTorch; elementary functions are the C library's: a few ulp of the magnitude.
#pragma once

#include <cmath>
#include <complex>

#include "kernels/loops.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

template <class T>
using PartOf = decltype(T::re);

template <class R>
[[gnu::always_inline]] inline std::complex<R> lib(Complex<R> x) {
  return {x.re, x.im};
}
template <class R>
[[gnu::always_inline]] inline Complex<R> own(std::complex<R> x) {
  return {x.real(), x.imag()};
}

template <class R>
[[gnu::always_inline]] inline Complex<R> operator+(Complex<R> x, Complex<R> y) {
  return {x.re + y.re, x.im + y.im};
}
template <class R>
[[gnu::always_inline]] inline Complex<R> operator-(Complex<R> x, Complex<R> y) {
  return {x.re - y.re, x.im - y.im};
}
template <class R>
[[gnu::always_inline]] inline Complex<R> operator-(Complex<R> x) {
  return {-x.re, -x.im};
}
template <class R>
[[gnu::always_inline]] inline Complex<R> operator*(Complex<R> x, Complex<R> y) {
  return {x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re};
}
template <class R>
[[gnu::always_inline]] inline Complex<R> operator*(Complex<R> x, R factor) {
  return {x.re * factor, x.im * factor};
}
/// Smith's: scaled by the larger part of the divisor, so that squares do not overflow.
template <class R>
inline Complex<R> operator/(Complex<R> x, Complex<R> y) {
  if (std::abs(y.re) >= std::abs(y.im)) {
    if (y.re == 0 && y.im == 0) return {x.re / std::abs(y.re), x.im / std::abs(y.im)};
    const R ratio = y.im / y.re, scale = R(1) / (y.re + y.im * ratio);
    return {(x.re + x.im * ratio) * scale, (x.im - x.re * ratio) * scale};
  }
  const R ratio = y.re / y.im, scale = R(1) / (y.re * ratio + y.im);
  return {(x.re * ratio + x.im) * scale, (x.im * ratio - x.re) * scale};
}
template <class R>
[[gnu::always_inline]] inline bool operator==(Complex<R> x, Complex<R> y) {
  return (x.re == y.re) & (x.im == y.im);
}
template <class R>
[[gnu::always_inline]] inline bool is_zero(Complex<R> x) {
  return (x.re == R(0)) & (x.im == R(0));
}
template <class R>
[[gnu::always_inline]] inline R magnitude(Complex<R> x) {
  return std::hypot(x.re, x.im);
}

// Arithmetic.

/// x + params[0] * y.
template <class T>
struct AddScaled {
  explicit AddScaled(const Param* params) : alpha(params[0].as<T>()) {}
  T operator()(T x, T y) const { return x + alpha * y; }
  T alpha;
};
/// x - params[0] * y.
template <class T>
struct SubScaled {
  explicit SubScaled(const Param* params) : alpha(params[0].as<T>()) {}
  T operator()(T x, T y) const { return x - alpha * y; }
  T alpha;
};
template <class T>
struct Mul {
  T operator()(T x, T y) const { return x * y; }
};
template <class T>
struct Neg {
  T operator()(T x) const { return -x; }
};
template <class T>
struct Square {
  T operator()(T x) const { return x * x; }
};
/// x + params[0] * y * z.
template <class T>
struct Addcmul {
  explicit Addcmul(const Param* params) : value(params[0].as<T>()) {}
  T operator()(T x, T y, T z) const { return x + value * (y * z); }
  T value;
};
/// x + params[0] * y / z.
template <class T>
struct Addcdiv {
  static constexpr bool vectorised = false;
  explicit Addcdiv(const Param* params) : value(params[0].as<T>()) {}
  T operator()(T x, T y, T z) const { return x + value * (y / z); }
  T value;
};
/// x + weight * (y - x), from the nearer end.
template <class T>
struct Lerp {
  static constexpr bool vectorised = false;
  T operator()(T x, T y, T weight) const {
    const T d = y - x;
    return magnitude(weight) < PartOf<T>(0.5) ? x + weight * d : y - d * (T{1, 0} - weight);
  }
};
template <class T>
struct Div {
  static constexpr bool vectorised = false;
  T operator()(T x, T y) const { return x / y; }
};
template <class T>
struct Reciprocal {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return T{1, 0} / x; }
};
/// Whole and half powers that are cheaper as what they are; else exp(y log(x)), 1 where y is 0.
template <class T>
struct Pow {
  static constexpr bool vectorised = false;
  T operator()(T x, T y) const {
    if (y.im == 0) {
      if (y.re == 0) return {1, 0};
      if (y.re == 1) return x;
      if (y.re == 2) return x * x;
      if (y.re == 3) return x * x * x;
      if (y.re == -1) return T{1, 0} / x;
      if (y.re == PartOf<T>(0.5)) return own(std::sqrt(lib(x)));
    }
    return own(std::pow(lib(x), lib(y)));
  }
};

// Parts, magnitude, direction.

template <class T>
struct Abs {
  static constexpr bool vectorised = false;
  PartOf<T> operator()(T x) const { return magnitude(x); }
};
template <class T>
struct Angle {
  static constexpr bool vectorised = false;
  PartOf<T> operator()(T x) const { return std::atan2(x.im, x.re); }
};
/// x / |x|, 0 at 0.
template <class T>
struct Sgn {
  static constexpr bool vectorised = false;
  T operator()(T x) const {
    const auto length = magnitude(x);
    return length == 0 ? T{0, 0} : T{x.re / length, x.im / length};
  }
};
template <class T>
struct Conj {
  T operator()(T x) const { return {x.re, -x.im}; }
};

// Comparison, tests and selection.

template <class T>
struct Eq {
  bool operator()(T x, T y) const { return x == y; }
};
template <class T>
struct Ne {
  bool operator()(T x, T y) const { return !(x == y); }
};
template <class T>
struct LogicalNot {
  bool operator()(T x) const { return is_zero(x); }
};
template <class T>
struct LogicalAnd {
  bool operator()(T x, T y) const { return !is_zero(x) & !is_zero(y); }
};
template <class T>
struct LogicalOr {
  bool operator()(T x, T y) const { return !is_zero(x) | !is_zero(y); }
};
template <class T>
struct LogicalXor {
  bool operator()(T x, T y) const { return is_zero(x) ^ is_zero(y); }
};
template <class T>
struct IsNan {
  bool operator()(T x) const { return (x.re != x.re) | (x.im != x.im); }
};
template <class T>
struct IsInf {
  bool operator()(T x) const { return std::isinf(x.re) || std::isinf(x.im); }
};
template <class T>
struct IsFinite {
  bool operator()(T x) const { return std::isfinite(x.re) && std::isfinite(x.im); }
};
template <class T>
struct Where {
  T operator()(bool condition, T x, T y) const { return condition ? x : y; }
};

// Elementary functions. Those that are short in real ones are: glibc's complex ones look after rounding modes and
// flags, at tens of nanoseconds each. Where a part overflows or is no number, the library knows what is meant.

template <class T, class Library>
[[gnu::always_inline]] inline T finite_or(T direct, const Library& library) {
  return std::isfinite(direct.re) && std::isfinite(direct.im) ? direct : own(library());
}

template <class T>
struct Exp {
  static constexpr bool vectorised = false;
  T operator()(T x) const {
    const auto size = std::exp(x.re);
    return finite_or(T{size * std::cos(x.im), size * std::sin(x.im)}, [&] { return std::exp(lib(x)); });
  }
};
template <class T>
struct Exp2 {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return Exp<T>()(x * PartOf<T>(0.69314718055994530942)); }
};
/// exp(x) - 1, accurate near 0: the real part is expm1(re) cos(im) - 2 sin(im / 2)^2.
template <class T>
struct Expm1 {
  static constexpr bool vectorised = false;
  T operator()(T x) const {
    if (x.im == 0) return {std::expm1(x.re), x.im};
    const auto half = std::sin(x.im / 2);
    return {std::expm1(x.re) * std::cos(x.im) - 2 * half * half, std::exp(x.re) * std::sin(x.im)};
  }
};
template <class T>
struct Log {
  static constexpr bool vectorised = false;
  T operator()(T x) const {
    const auto size = magnitude(x);
    // Near 1 the logarithm is that of 1 + (|x|^2 - 1).
    const bool near = size > PartOf<T>(0.5) && size < PartOf<T>(2);
    const auto re = near ? std::log1p((x.re - 1) * (x.re + 1) + x.im * x.im) / 2 : std::log(size);
    return {re, std::atan2(x.im, x.re)};
  }
};
template <class T>
struct Log2 {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return Log<T>()(x) * PartOf<T>(1.4426950408889634074); }
};
template <class T>
struct Log10 {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return Log<T>()(x) * PartOf<T>(0.43429448190325182765); }
};
/// log(1 + x): near 0 the modulus is 1 + (re (2 + re) + im^2), whose logarithm is halved.
template <class T>
struct Log1p {
  static constexpr bool vectorised = false;
  T operator()(T x) const {
    const auto angle = std::atan2(x.im, 1 + x.re);
    if (magnitude(x) > PartOf<T>(0.5)) return {std::log(magnitude(T{1 + x.re, x.im})), angle};
    return {std::log1p(x.re * (2 + x.re) + x.im * x.im) / 2, angle};
  }
};
template <class T>
struct Sqrt {
  static constexpr bool vectorised = false;
  T operator()(T x) const {
    if (is_zero(x)) return {0, x.im};
    const auto large = std::sqrt((std::abs(x.re) + magnitude(x)) / 2), small = std::abs(x.im) / (2 * large);
    const T root = x.re >= 0 ? T{large, std::copysign(small, x.im)} : T{small, std::copysign(large, x.im)};
    return finite_or(root, [&] { return std::sqrt(lib(x)); });
  }
};
template <class T>
struct Rsqrt {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return T{1, 0} / Sqrt<T>()(x); }
};
template <class T>
struct Sigmoid {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return T{1, 0} / (T{1, 0} + Exp<T>()(-x)); }
};
/// From the output y: grad (1 - y) y.
template <class T>
struct SigmoidBackward {
  T operator()(T grad, T y) const { return grad * ((T{1, 0} - y) * y); }
};
/// From the output y: grad (1 - y^2).
template <class T>
struct TanhBackward {
  T operator()(T grad, T y) const { return grad * (T{1, 0} - y * y); }
};
/// x sigmoid(x).
template <class T>
struct Silu {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return x * Sigmoid<T>()(x); }
};
template <class T>
struct SiluBackward {
  static constexpr bool vectorised = false;
  T operator()(T grad, T x) const {
    const T s = Sigmoid<T>()(x);
    return grad * (s * (T{1, 0} + x * (T{1, 0} - s)));
  }
};
/// log(exp(x) + exp(y)), from the one of larger real part.
template <class T>
struct Logaddexp {
  static constexpr bool vectorised = false;
  T operator()(T x, T y) const {
    const bool first = x.re >= y.re;
    const T high = first ? x : y, low = first ? y : x;
    if (std::isinf(high.re) && high.re == low.re) return own(std::log(std::exp(lib(x)) + std::exp(lib(y))));
    return high + own(std::log(lib(T{1, 0} + own(std::exp(lib(low - high))))));
  }
};
template <class T>
struct Sin {
  static constexpr bool vectorised = false;
  T operator()(T x) const {
    return finite_or(T{std::sin(x.re) * std::cosh(x.im), std::cos(x.re) * std::sinh(x.im)},
                     [&] { return std::sin(lib(x)); });
  }
};
template <class T>
struct Cos {
  static constexpr bool vectorised = false;
  T operator()(T x) const {
    return finite_or(T{std::cos(x.re) * std::cosh(x.im), -std::sin(x.re) * std::sinh(x.im)},
                     [&] { return std::cos(lib(x)); });
  }
};
template <class T>
struct Tan {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return own(std::tan(lib(x))); }
};
template <class T>
struct Asin {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return own(std::asin(lib(x))); }
};
template <class T>
struct Acos {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return own(std::acos(lib(x))); }
};
template <class T>
struct Atan {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return own(std::atan(lib(x))); }
};
template <class T>
struct Sinh {
  static constexpr bool vectorised = false;
  T operator()(T x) const {
    return finite_or(T{std::sinh(x.re) * std::cos(x.im), std::cosh(x.re) * std::sin(x.im)},
                     [&] { return std::sinh(lib(x)); });
  }
};
template <class T>
struct Cosh {
  static constexpr bool vectorised = false;
  T operator()(T x) const {
    return finite_or(T{std::cosh(x.re) * std::cos(x.im), std::sinh(x.re) * std::sin(x.im)},
                     [&] { return std::cosh(lib(x)); });
  }
};
template <class T>
struct Tanh {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return own(std::tanh(lib(x))); }
};
template <class T>
struct Asinh {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return own(std::asinh(lib(x))); }
};
template <class T>
struct Acosh {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return own(std::acosh(lib(x))); }
};
template <class T>
struct Atanh {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return own(std::atanh(lib(x))); }
};
/// sin(pi x) / (pi x), 1 at 0.
template <class T>
struct Sinc {
  static constexpr bool vectorised = false;
  T operator()(T x) const {
    if (is_zero(x)) return {1, 0};
    const T scaled = x * PartOf<T>(3.14159265358979323846);
    return own(std::sin(lib(scaled))) / scaled;
  }
};

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
