// Activation functions of neural networks and their derivatives, floating only. `...Backward(grad, x)` is
// grad * f'(x); where the derivative is cheaper from the output, that is what the second argument is, as said there.
// Errors follow from those in vecmath.h: a few ulp of the largest term.
#pragma once

#include "kernels/functors_arithmetic.h"
#include "kernels/vecmath_special.h"
#include "kernels/vecmath_wide.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

template <class T>
struct Relu {
  T operator()(T x) const { return x < T(0) ? T(0) : x; }
};
/// x where x > params[0], params[1] elsewhere; NaN stays.
template <class T>
struct Threshold {
  explicit Threshold(const Param* params) : threshold(params[0].as<T>()), value(params[1].as<T>()) {}
  T operator()(T x) const { return x <= threshold ? value : x; }
  T threshold, value;
};
/// grad where x > params[0], 0 elsewhere.
template <class T>
struct ThresholdBackward {
  explicit ThresholdBackward(const Param* params) : threshold(params[0].as<T>()) {}
  T operator()(T grad, T x) const { return x <= threshold ? T(0) : grad; }
  T threshold;
};
/// grad where params[0] < x < params[1] (hardtanh).
template <class T>
struct HardtanhBackward {
  explicit HardtanhBackward(const Param* params) : low(params[0].as<T>()), high(params[1].as<T>()) {}
  T operator()(T grad, T x) const { return (x > low) & (x < high) ? grad : T(0); }
  T low, high;
};
/// grad where params[0] <= x <= params[1] (clamp).
template <class T>
struct ClampBackward {
  explicit ClampBackward(const Param* params) : low(params[0].as<T>()), high(params[1].as<T>()) {}
  T operator()(T grad, T x) const { return (x >= low) & (x <= high) ? grad : T(0); }
  T low, high;
};

/// params[0]: negative_slope.
template <class T>
struct LeakyRelu {
  explicit LeakyRelu(const Param* params) : slope(params[0].as<T>()) {}
  T operator()(T x) const { return x > T(0) ? x : x * slope; }
  T slope;
};
template <class T>
struct LeakyReluBackward {
  explicit LeakyReluBackward(const Param* params) : slope(params[0].as<T>()) {}
  T operator()(T grad, T x) const { return x > T(0) ? grad : grad * slope; }
  T slope;
};
/// x where positive, weight * x elsewhere.
template <class T>
struct Prelu {
  T operator()(T x, T weight) const { return x > T(0) ? x : weight * x; }
};

/// scale * x where positive, else scale * alpha * (exp(input_scale * x) - 1); params: alpha, scale, input_scale.
/// elu, selu and celu are this.
template <class T>
struct Elu {
  static constexpr bool vectorised = std::is_same_v<T, float>;
  explicit Elu(const Param* params)
      : negative(params[0].as<T>() * params[1].as<T>()), scale(params[1].as<T>()), input_scale(params[2].as<T>()) {}
  T operator()(T x) const {
    const T low = negative * vm::expm1(x * input_scale);
    return x <= T(0) ? low : scale * x;
  }
  T negative, scale, input_scale;
};
template <class T>
struct EluBackward {
  explicit EluBackward(const Param* params)
      : negative(params[0].as<T>() * params[1].as<T>() * params[2].as<T>()),
        scale(params[1].as<T>()),
        input_scale(params[2].as<T>()) {}
  T operator()(T grad, T x) const { return grad * (x > T(0) ? scale : negative * vm::exp(x * input_scale)); }
  T negative, scale, input_scale;
};

/// x / (1 + exp(-x)).
template <class T>
struct Silu {
  T operator()(T x) const { return x / (T(1) + vm::exp(-x)); }
  static void group(T* out, const T* in) noexcept
    requires vm::is_wide<T>
  {
    by_vectors<group_size>([](auto x) { return vm::logistic(x, x); }, out, in);
  }
};
template <class T>
struct SiluBackward {
  T operator()(T grad, T x) const {
    const T s = vm::sigmoid(x);
    return grad * s * (T(1) + x * (T(1) - s));
  }
  static void group(T* out, const T* grad, const T* in) noexcept
    requires vm::is_wide<T>
  {
    const auto slope = [](auto g, auto x) {
      const auto s = vm::logistic(1.f - Vec<T>{}, x);
      return g * s * (1.f + x * (1.f - s));
    };
    by_vectors<group_size>(slope, out, grad, in);
  }
};

/// x Phi(x). f32: absolute error 1.3e-7 |x|.
template <class T>
struct Gelu {
  static constexpr bool vectorised = std::is_same_v<T, float>;
  T operator()(T x) const { return x * vm::normal_cdf(x); }
  static void group(T* out, const T* in) noexcept
    requires vm::is_wide<T>
  {
    by_vectors<group_size>([](auto x) { return x * vm::normal_cdf(x); }, out, in);
  }
};
template <class T>
struct GeluBackward {
  static constexpr bool vectorised = std::is_same_v<T, float>;
  T operator()(T grad, T x) const {
    constexpr T scale = T(0.39894228040143267794);  // 1 / sqrt(2 pi)
    return grad * (vm::normal_cdf(x) + x * (scale * vm::exp(T(-0.5) * x * x)));
  }
  static void group(T* out, const T* grad, const T* in) noexcept
    requires vm::is_wide<T>
  {
    by_vectors<group_size>(
        [](auto g, auto x) { return g * (vm::normal_cdf(x) + x * (0.398942280f * vm::exp(-0.5f * x * x))); }, out, grad,
        in);
  }
};
/// The tanh form: x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), which is x sigmoid of twice the inside.
template <class T>
struct GeluTanh {
  T operator()(T x) const { return x * vm::sigmoid(doubled_inside(x)); }
  [[gnu::always_inline]] static T doubled_inside(T x) {
    const T bounded = vm::clamp(x, T(-50), T(50));
    return T(1.5957691216057307118) * (bounded + T(0.044715) * bounded * bounded * bounded);
  }
};
template <class T>
struct GeluTanhBackward {
  T operator()(T grad, T x) const {
    const T s = vm::sigmoid(GeluTanh<T>::doubled_inside(x));
    const T slope = T(1.5957691216057307118) * (T(1) + T(3 * 0.044715) * x * x);
    const T rest = s * (T(1) - s);
    return grad * (s + (rest == T(0) ? T(0) : x * rest * slope));
  }
};

/// log(1 + exp(beta x)) / beta, x where beta x > threshold; params: beta, threshold.
template <class T>
struct Softplus {
  explicit Softplus(const Param* params) : beta(params[0].as<T>()), threshold(params[1].as<T>()) {}
  T operator()(T x) const {
    const T z = beta * x;
    const T soft = ((z > T(0) ? z : T(0)) + vm::log1p_exp_neg(vm::abs(z))) / beta;
    return z > threshold ? x : soft;
  }
  void group(T* out, const T* in) const noexcept
    requires vm::is_wide<T>
  {
    const auto soft = [this](auto x) {
      const auto z = beta * x;
      const decltype(x) zero{};
      auto soft = (z > zero ? z : zero) + vm::log1p_exp_neg(vm::abs(z));
      if (beta != 1.f) soft = soft / beta;
      return z > threshold ? x : soft;
    };
    by_vectors<group_size>(soft, out, in);
  }
  T beta, threshold;
};
template <class T>
struct SoftplusBackward {
  explicit SoftplusBackward(const Param* params) : beta(params[0].as<T>()), threshold(params[1].as<T>()) {}
  T operator()(T grad, T x) const {
    const T z = beta * x;
    return z > threshold ? grad : grad * vm::sigmoid(z);
  }
  void group(T* out, const T* grad, const T* in) const noexcept
    requires vm::is_wide<T>
  {
    const auto slope = [this](auto g, auto x) {
      const auto z = beta * x;
      return z > threshold ? g : g * vm::logistic(decltype(x){} + 1.f, z);
    };
    by_vectors<group_size>(slope, out, grad, in);
  }
  T beta, threshold;
};
/// log(sigmoid(x)).
template <class T>
struct Logsigmoid {
  T operator()(T x) const { return (x < T(0) ? x : T(0)) - vm::log1p_exp_neg(vm::abs(x)) + (x != x ? x : T(0)); }
  static void group(T* out, const T* in) noexcept
    requires vm::is_wide<T>
  {
    const auto value = [](auto x) {
      const decltype(x) zero{};
      return (x < zero ? x : zero) - vm::log1p_exp_neg(vm::abs(x));
    };
    by_vectors<group_size>(value, out, in);
  }
};
template <class T>
struct LogsigmoidBackward {
  T operator()(T grad, T x) const { return grad * vm::sigmoid(-x); }
  static void group(T* out, const T* grad, const T* in) noexcept
    requires vm::is_wide<T>
  {
    by_vectors<group_size>([](auto g, auto x) { return g * vm::logistic(decltype(x){} + 1.f, -x); }, out, grad, in);
  }
};
/// x tanh(softplus(x)): with n = exp(x), x (n^2 + 2 n) / (n^2 + 2 n + 2). f32: 4 ulp, 2.5 in whole vectors.
template <class T>
struct Mish {
  T operator()(T x) const { return x * ratio(x); }
  [[gnu::always_inline]] static T ratio(T x) {
    const T n = vm::exp(x > T(20) ? T(20) : x);
    const T m = n * n + (n + n);
    return m / (m + T(2));
  }
  /// factor times the same, of vectors: what the sum and the quotient lose to rounding is put right.
  template <class V>
  [[gnu::always_inline]] static V ratios(V factor, V x) {
    const V n = vm::exp(x > T(20) ? V{} + T(20) : x), m = n * n + (n + n), d = m + T(2);
    const V lost = m < T(2) ? m - (d - T(2)) : T(2) - (d - m);
    const V y = vm::reciprocal(d), q = m * y, rest = (m - d * q) - lost * q;
    return factor * q + factor * (y * rest);
  }
  static void group(T* out, const T* in) noexcept
    requires vm::is_wide<T>
  {
    by_vectors<group_size>([](auto x) { return ratios(x, x); }, out, in);
  }
};
template <class T>
struct MishBackward {
  T operator()(T grad, T x) const {
    const T t = Mish<T>::ratio(x);
    return grad * (t + x * vm::sigmoid(x) * (T(1) - t * t));
  }
  static void group(T* out, const T* grad, const T* in) noexcept
    requires vm::is_wide<T>
  {
    const auto slope = [](auto g, auto x) {
      const auto t = Mish<T>::ratios(decltype(x){} + 1.f, x);
      return g * (t + x * vm::logistic(decltype(x){} + 1.f, x) * (1.f - t * t));
    };
    by_vectors<group_size>(slope, out, grad, in);
  }
};

/// clamp(x / 6 + 1/2, 0, 1).
template <class T>
struct Hardsigmoid {
  T operator()(T x) const { return vm::clamp(x + T(3), T(0), T(6)) / T(6); }
};
template <class T>
struct HardsigmoidBackward {
  T operator()(T grad, T x) const { return (x > T(-3)) & (x < T(3)) ? grad / T(6) : T(0); }
};
/// x clamp(x / 6 + 1/2, 0, 1).
template <class T>
struct Hardswish {
  T operator()(T x) const { return x * vm::clamp(x + T(3), T(0), T(6)) * T(1. / 6); }
};
template <class T>
struct HardswishBackward {
  T operator()(T grad, T x) const {
    const T middle = grad * (x * T(1. / 3) + T(0.5)), upper = x >= T(3) ? grad : middle;
    return x <= T(-3) ? T(0) : upper;
  }
};
/// x beyond params[0] in magnitude, 0 within.
template <class T>
struct Hardshrink {
  explicit Hardshrink(const Param* params) : lambda(params[0].as<T>()) {}
  T operator()(T x) const { return vm::abs(x) <= lambda ? T(0) : x; }
  T lambda;
};
/// x moved params[0] towards 0.
template <class T>
struct Softshrink {
  explicit Softshrink(const Param* params) : lambda(params[0].as<T>()) {}
  T operator()(T x) const {
    const T low = x < -lambda ? x + lambda : x * T(0);
    return x > lambda ? x - lambda : low;
  }
  T lambda;
};
/// grad where |x| > params[0]: of hardshrink and softshrink.
template <class T>
struct ShrinkBackward {
  explicit ShrinkBackward(const Param* params) : lambda(params[0].as<T>()) {}
  T operator()(T grad, T x) const { return vm::abs(x) > lambda ? grad : T(0); }
  T lambda;
};
template <class T>
struct Softsign {
  T operator()(T x) const { return x / (T(1) + vm::abs(x)); }
};

/// From the output y: grad (1 - y) y.
template <class T>
struct SigmoidBackward {
  T operator()(T grad, T y) const { return grad * ((T(1) - y) * y); }
};
/// From the output y: grad (1 - y^2).
template <class T>
struct TanhBackward {
  T operator()(T grad, T y) const { return grad * (T(1) - y * y); }
};

// Losses.

/// d^2 / 2 below params[0] for d = |x - y|, params[0] (d - params[0] / 2) above it; all divided by params[1].
template <class T>
struct Huber {
  explicit Huber(const Param* params) : delta(params[0].as<T>()), divisor(params[1].as<T>()) {}
  T operator()(T x, T y) const {
    const T d = vm::abs(x - y);
    const T small = d > delta ? delta : d;
    return small * (d - T(0.5) * small) / divisor;
  }
  T delta, divisor;
};
/// The incoming gradient times that of Huber by x.
template <class T>
struct HuberBackward {
  explicit HuberBackward(const Param* params) : delta(params[0].as<T>()), divisor(params[1].as<T>()) {}
  T operator()(T g, T x, T y) const {
    const T d = x - y;
    const T raised = d < -delta ? -delta : d;
    return g * (raised > delta ? delta : raised) / divisor;
  }
  T delta, divisor;
};
/// The incoming gradient times that of HuberBackward's slope by x.
template <class T>
struct HuberCurvature {
  explicit HuberCurvature(const Param* params) : delta(params[0].as<T>()), divisor(params[1].as<T>()) {}
  T operator()(T g, T x, T y) const { return vm::abs(x - y) < delta ? g / divisor : T(0); }
  T delta, divisor;
};

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
