// Poisson, binomial and gamma variables. Every element draws from a stream of its own, so the numbers do not depend on
// threads.
#include <cmath>

#include "generated/impl.h"
#include "kernels/special.h"
#include "ops/convert.h"
#include "ops/promotion.h"
#include "ops/row_layout.h"
#include "ops/support.h"
#include "runtime/error.h"
#include "runtime/parallel.h"
#include "runtime/random.h"

namespace weft::ops::impl {

namespace {

constexpr int64_t elements_per_piece = 512;

/// log(k!) - ((k + 1/2) log(k + 1) - (k + 1) + log(2 pi) / 2): what Stirling's formula leaves.
double stirling_rest(double k) noexcept {
  const double n = k + 1;
  if (k < 16) return kernels::special::log_gamma(n) - ((k + 0.5) * std::log(n) - n + 0.91893853320467274178);
  return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / (n * n)) / (n * n)) / n;
}

/// Multiplied uniforms below 10; above, Hörmann's transformed rejection with squeeze (PTRS, 1993).
double draw_poisson(ElementStream& stream, double rate) noexcept {
  if (rate == 0) return 0;
  if (rate < 10) {
    const double limit = std::exp(-rate);
    double count = 0, product = stream.uniform();
    while (product > limit) {
      ++count;
      product *= stream.uniform();
    }
    return count;
  }
  const double root = std::sqrt(rate), log_rate = std::log(rate);
  const double b = 0.931 + 2.53 * root, a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = stream.uniform() - 0.5, v = stream.uniform(), us = 0.5 - std::fabs(u);
    const double k = std::floor((2 * a / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= v_r) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (std::log(v) + std::log(inverse_alpha) - std::log(a / (us * us) + b) <=
        -rate + k * log_rate - kernels::special::log_gamma(k + 1))
      return k;
  }
}

/// For p <= 1/2. Gaps between successes while few are expected; else Hörmann's BTRS (1993).
double draw_binomial(ElementStream& stream, double count, double p) noexcept {
  if (count * p < 10) {
    const double log_q = std::log1p(-p);
    double successes = 0, position = 0;
    for (;;) {
      position += std::ceil(std::log(stream.uniform()) / log_q);
      if (!(position <= count)) return successes;
      ++successes;
    }
  }
  const double q = 1 - p, spread = std::sqrt(count * p * q);
  const double b = 1.15 + 2.53 * spread, a = -0.0873 + 0.0248 * b + 0.01 * p, c = count * p + 0.5;
  const double v_r = 0.92 - 4.2 / b, alpha = (2.83 + 5.1 / b) * spread, m = std::floor((count + 1) * p);
  for (;;) {
    const double u = stream.uniform() - 0.5, us = 0.5 - std::fabs(u);
    double v = stream.uniform();
    const double k = std::floor((2 * a / us + b) * u + c);
    if (us >= 0.07 && v <= v_r) return k;
    if (k < 0 || k > count) continue;
    v = std::log(v * alpha / (a / (us * us) + b));
    const double bound = (m + 0.5) * std::log((m + 1) / (p / q * (count - m + 1))) +
                         (count + 1) * std::log((count - m + 1) / (count - k + 1)) +
                         (k + 0.5) * std::log(p / q * (count - k + 1) / (k + 1)) + stirling_rest(m) +
                         stirling_rest(count - m) - stirling_rest(k) - stirling_rest(count - k);
    if (v <= bound) return k;
  }
}

/// log of a gamma variable: small shapes give numbers whose logarithm is all that can be told.
double draw_log_gamma(ElementStream& stream, double shape) noexcept {
  double boost = 0;
  if (shape < 1) {
    boost = std::log(stream.uniform()) / shape;
    shape += 1;
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = stream.normal(), y = 1 + c * x;
    if (y <= 0) continue;
    const double v = y * y * y, u = stream.uniform();
    if (std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) return boost + std::log(d * v);
  }
}

double digamma(double x) noexcept {
  double value = 0;
  for (; x < 8; x += 1) value -= 1 / x;
  const double r = 1 / (x * x);
  return value + std::log(x) - 0.5 / x - r * (1.0 / 12 - r * (1.0 / 120 - r * (1.0 / 252 - r * (1.0 / 240 - r / 132))));
}

/// A number and its derivative by the shape.
struct Dual {
  double value, slope;
};
Dual operator+(Dual a, Dual b) noexcept { return {a.value + b.value, a.slope + b.slope}; }
Dual operator*(Dual a, Dual b) noexcept { return {a.value * b.value, a.value * b.slope + a.slope * b.value}; }
Dual inverse(Dual a) noexcept { return {1 / a.value, -a.slope / (a.value * a.value)}; }

/// dx/da at a fixed quantile: -(dP/da) / (dP/dx), with P the regularised incomplete gamma function. Its series serves
/// below x = a + 1, its continued fraction (Lentz' method on duals) above; 1e-9 relative up to a = 1e5.
double gamma_slope(double a, double x) noexcept {
  if (!(a > 0) || !(x >= 0)) return NAN;
  if (x == 0) return 0;
  constexpr double tiny = 1e-17;
  constexpr int most = 20000;
  if (a > 1e5) return 1 + (x - a) / (2 * a);
  const double log_x = std::log(x);
  if (x < a + 1) {
    double term = 1 / a, psi = digamma(a) + 1 / a, sum = 0;
    for (int n = 1; n < most; ++n) {
      const double part = term * (log_x - psi);
      sum += part;
      if (std::fabs(part) < tiny * std::fabs(sum) && term < 1e-3 * std::fabs(sum)) break;
      term *= x / (a + n);
      psi += 1 / (a + n);
    }
    return -x * sum;
  }
  constexpr double never_zero = 1e-300;
  Dual b{x + 1 - a, -1}, c{1 / never_zero, 0}, d = inverse(b), fraction = d;
  for (int n = 1; n < most; ++n) {
    const Dual an{n * (a - n), static_cast<double>(n)};
    b.value += 2;
    d = inverse(an * d + b);
    c = b + an * inverse(c);
    const Dual factor = d * c;
    fraction = fraction * factor;
    if (std::fabs(factor.value - 1) < 1e-16 && std::fabs(factor.slope) < 1e-14) break;
  }
  return x * (fraction.value * (log_x - digamma(a)) + fraction.slope);
}

PhiloxState reserve(Generator* generator, int64_t n) {
  return (generator ? *generator : default_generator()).reserve(static_cast<uint64_t>(n));
}

/// draw(stream, index) for every element of a contiguous float64 tensor.
template <class Draw>
void each(const Tensor& out, Generator* generator, Draw draw) {
  const PhiloxState state = reserve(generator, out.numel());
  double* const to = out.data<double>();
  parallel_for(out.numel(), elements_per_piece, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      ElementStream stream(state, static_cast<uint64_t>(i));
      to[i] = draw(stream, i);
    }
  });
}

}  // namespace

Tensor poisson(const Tensor& self, Generator* generator) {
  check_floating(self, "poisson_cpu");
  const Tensor rates = packed_as(self, DType::float64), out = weft::empty(self.sizes(), DType::float64);
  const double* const rate = rates.data<double>();
  for (int64_t i = 0; i < rates.numel(); ++i)
    check(rate[i] >= 0, "invalid Poisson rate, expected rate to be non-negative, got {}", rate[i]);
  each(out, generator, [&](ElementStream& stream, int64_t i) { return draw_poisson(stream, rate[i]); });
  return finished(out, self.dtype());
}

Tensor binomial(const Tensor& count, const Tensor& prob, Generator* generator) {
  check_floating(prob, "binomial_cpu");
  check(is_floating(count.dtype()), "binomial only supports floating-point dtypes for count, got: {}",
        scalar_type_name(count.dtype()));
  const Dims shape = broadcast_shapes(count.sizes(), prob.sizes());
  const Tensor counts = weft::empty(shape, DType::float64), chances = weft::empty(shape, DType::float64),
               out = weft::empty(shape, DType::float64);
  copy_elements(counts, count);
  copy_elements(chances, prob);
  const double *const n = counts.data<double>(), *const p = chances.data<double>();
  for (int64_t i = 0; i < out.numel(); ++i) {
    check(n[i] >= 0 && std::floor(n[i]) == n[i], "binomial: count must be a whole number >= 0, got {}", n[i]);
    check(p[i] >= 0 && p[i] <= 1, "binomial: prob must be in [0, 1], got {}", p[i]);
  }
  each(out, generator, [&](ElementStream& stream, int64_t i) {
    if (n[i] == 0 || p[i] == 0) return 0.0;
    if (p[i] == 1) return n[i];
    return p[i] <= 0.5 ? draw_binomial(stream, n[i], p[i]) : n[i] - draw_binomial(stream, n[i], 1 - p[i]);
  });
  return finished(out, prob.dtype());
}

Tensor _standard_gamma(const Tensor& self, Generator* generator) {
  check_floating(self, "_standard_gamma_cpu");
  const Tensor shapes = packed_as(self, DType::float64), out = weft::empty(self.sizes(), DType::float64);
  const double* const shape = shapes.data<double>();
  // The smallest number the dtype tells from zero: a logarithm of the sample stays finite.
  const double smallest = self.dtype() == DType::float64   ? 0x1p-1022
                          : self.dtype() == DType::float16 ? 0x1p-14
                                                           : 0x1p-126;
  each(out, generator, [&](ElementStream& stream, int64_t i) {
    if (!(shape[i] > 0)) return shape[i] == 0 ? 0.0 : double{NAN};
    return std::fmax(std::exp(draw_log_gamma(stream, shape[i])), smallest);
  });
  return finished(out, self.dtype());
}

Tensor standard_gamma_grad(const Tensor& self, const Tensor& output) {
  check(self.sizes() == output.sizes(), "standard_gamma_grad: expected tensors of one shape, got {} and {}",
        self.sizes(), output.sizes());
  const Tensor shapes = packed_as(self, DType::float64), samples = packed_as(output, DType::float64),
               out = weft::empty(self.sizes(), DType::float64);
  const double *const a = shapes.data<double>(), *const x = samples.data<double>();
  double* const to = out.data<double>();
  parallel_for(out.numel(), elements_per_piece, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = gamma_slope(a[i], x[i]);
  });
  return finished(out, self.dtype());
}

}  // namespace weft::ops::impl
