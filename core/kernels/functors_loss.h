// Losses that are one formula per element, and their derivatives.
#pragma once

#include "kernels/functors_arithmetic.h"
#include "kernels/vecmath.h"
#include "kernels/vecmath_wide.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

template <class T>
struct SquaredDifference {
  T operator()(T x, T y) const { return (x - y) * (x - y); }
};
/// The incoming gradient times that of SquaredDifference by x.
template <class T>
struct SquaredDifferenceBackward {
  T operator()(T g, T x, T y) const { return T(2) * (x - y) * g; }
};
template <class T>
struct AbsoluteDifference {
  T operator()(T x, T y) const { return vm::abs(x - y); }
};
/// The incoming gradient times that of AbsoluteDifference by x; zero where x is y, and where either is NaN.
template <class T>
struct AbsoluteDifferenceBackward {
  T operator()(T g, T x, T y) const { return g * Sign<T>()(x - y); }
};
/// Cross entropy of sigmoid(x) with t: (1 - t) x - log(sigmoid(x)), without overflow.
template <class T>
struct SigmoidCrossEntropy {
  T operator()(T x, T t) const { return (T(1) - t) * x - (x < T(0) ? x : T(0)) + vm::log1p_exp_neg(vm::abs(x)); }
  static void group(T* out, const T* scores, const T* targets) noexcept
    requires vm::is_wide<T>
  {
    const auto loss = [](auto x, auto t) {
      const decltype(x) zero{};
      return (1.f - t) * x - (x < zero ? x : zero) + vm::log1p_exp_neg(vm::abs(x));
    };
    by_vectors<group_size>(loss, out, scores, targets);
  }
};
/// The incoming gradient times that of SigmoidCrossEntropy by x.
template <class T>
struct SigmoidCrossEntropyBackward {
  T operator()(T g, T x, T t) const { return g * (vm::sigmoid(x) - t); }
};
/// t (log(t) - x), the divergence of t from exp(x); 0 log(0) is 0.
template <class T>
struct Divergence {
  T operator()(T x, T t) const { return t * ((t == T(0) ? T(0) : vm::log(t)) - x); }
};
/// The same of the logarithm t.
template <class T>
struct LogDivergence {
  T operator()(T x, T t) const { return vm::exp(t) * (t - x); }
};

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
