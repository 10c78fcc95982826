// Connectionist temporal classification: sums over all alignments of a target with the time steps.
//
// States are the labels with blanks around them, 2 S + 1 of them. Sums are logarithms in double, whatever the dtype.
#include <cmath>
#include <limits>

#include "generated/impl.h"
#include "ops/convert.h"
#include "ops/row_layout.h"
#include "ops/support.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace weft::ops::impl {

namespace {

constexpr double never = -std::numeric_limits<double>::infinity();

double log_sum(double a, double b) noexcept {
  const double high = std::max(a, b);
  return high == never ? never : high + std::log1p(std::exp(std::min(a, b) - high));
}
double log_sum(double a, double b, double c) noexcept {
  const double high = std::max(std::max(a, b), c);
  return high == never ? never : high + std::log(std::exp(a - high) + std::exp(b - high) + std::exp(c - high));
}

/// The batch as the loops take it: log probabilities (T, N, C) in double, labels of each sample.
struct Batch {
  Tensor log_probs, labels;
  int64_t steps, count, classes, longest = 0, blank;
  std::vector<int64_t> starts;
  IntList lengths, label_counts;

  const double* at(int64_t t, int64_t n) const { return log_probs.data<double>() + (t * count + n) * classes; }
  int64_t states(int64_t n) const { return 2 * label_counts[n] + 1; }
  int64_t label(int64_t n, int64_t state) const {
    return state % 2 == 0 ? blank : labels.data<int64_t>()[starts[n] + state / 2];
  }
  /// Whether a path may go from state - 2 to state: over a blank between different labels.
  bool may_skip(int64_t n, int64_t state) const {
    return state % 2 == 1 && state >= 2 && label(n, state) != label(n, state - 2);
  }
  std::size_t alpha_index(int64_t n, int64_t t) const {
    return static_cast<std::size_t>((n * steps + t) * (2 * longest + 1));
  }
};

Batch batch_of(const Tensor& log_probs, const Tensor& targets, IntList lengths, IntList label_counts, int64_t blank) {
  check(log_probs.dim() == 3, "ctc_loss: expected log_probs of shape (T, N, C), got {}", log_probs.sizes());
  check_floating(log_probs, "ctc_loss");
  check(is_integral(targets.dtype()) && targets.dtype() != DType::boolean, "ctc_loss: targets must be integers, got {}",
        targets.dtype());
  Batch b{.log_probs = packed_as(log_probs, DType::float64),
          .labels = packed_as(targets, DType::int64),
          .steps = log_probs.size(0),
          .count = log_probs.size(1),
          .classes = log_probs.size(2),
          .blank = blank,
          .starts = {},
          .lengths = lengths,
          .label_counts = label_counts};
  check(blank >= 0 && blank < b.classes, "blank must be in label range");
  check(static_cast<int64_t>(lengths.size()) == b.count, "input_lengths must be of size batch_size");
  check(static_cast<int64_t>(label_counts.size()) == b.count, "target_lengths must be of size batch_size");
  const bool rows = targets.dim() == 2;
  check(targets.dim() == 1 || rows, "ctc_loss: targets must have 1 or 2 dimensions, got {}", targets.dim());
  check(!rows || targets.size(0) == b.count, "ctc_loss: {} rows of targets for a batch of {}", targets.size(0),
        b.count);
  int64_t start = 0;
  for (int64_t n = 0; n < b.count; ++n) {
    check(
        lengths[n] >= 0 && lengths[n] <= b.steps,
        "Expected input_lengths to have value at most {}, but got value {} (while checking arguments for ctc_loss_cpu)",
        b.steps, lengths[n]);
    check(label_counts[n] >= 0, "ctc_loss: target_lengths must not be negative, got {}", label_counts[n]);
    b.starts.push_back(rows ? n * targets.size(1) : start);
    start += label_counts[n];
    b.longest = std::max(b.longest, label_counts[n]);
    check(!rows || label_counts[n] <= targets.size(1),
          "Expected tensor to have size at least {} at dimension 1, but got size {} for argument #2 'targets' (while "
          "checking arguments for ctc_loss_cpu)",
          b.longest, targets.size(1));
  }
  check(rows || start == targets.numel(), "Expected target_lengths to add up to the {} targets, but their sum is {}",
        targets.numel(), start);
  for (int64_t n = 0; n < b.count; ++n) {
    for (int64_t s = 1; s < b.states(n); s += 2) {
      const int64_t label = b.label(n, s);
      check_index(label >= 0 && label < b.classes, "ctc_loss: target {} is out of range for {} classes", label,
                  b.classes);
    }
  }
  return b;
}

/// Fills log_alpha of one sample, the log probability of all paths to each state; returns minus that of the target.
double forward(const Batch& b, int64_t n, double* log_alpha) {
  const int64_t steps = b.lengths[n], states = b.states(n);
  if (steps == 0) return states == 1 ? 0.0 : -never;
  for (int64_t t = 0; t < steps; ++t) {
    const double* const p = b.at(t, n);
    double* const now = log_alpha + b.alpha_index(n, t);
    const double* const before = t == 0 ? nullptr : log_alpha + b.alpha_index(n, t - 1);
    for (int64_t s = 0; s < states; ++s) {
      double sum = s < 2 ? 0.0 : never;
      if (before) {
        const double stay = before[s], step = s >= 1 ? before[s - 1] : never;
        sum = log_sum(stay, step, b.may_skip(n, s) ? before[s - 2] : never);
      }
      now[s] = sum + p[b.label(n, s)];
    }
  }
  const double* const end = log_alpha + b.alpha_index(n, steps - 1) + states - 1;
  return -log_sum(end[0], states > 1 ? end[-1] : never);
}

/// Adds up paths from the end; `grad` (T, N, C) receives the gradient of sample n, whose steps are zeroed already.
void backward(const Batch& b, int64_t n, const double* log_alpha, double loss, double gain, double* grad) {
  const int64_t steps = b.lengths[n], states = b.states(n);
  std::vector<double> after(static_cast<std::size_t>(states)), now(after.size());
  std::vector<double> paths(static_cast<std::size_t>(b.classes));  // through each class at step t
  for (int64_t t = steps - 1; t >= 0; --t) {
    const double* const p = b.at(t, n);
    const double* const alpha = log_alpha + b.alpha_index(n, t);
    std::fill(paths.begin(), paths.end(), never);
    for (int64_t s = 0; s < states; ++s) {
      const auto i = static_cast<std::size_t>(s);
      double sum = s >= states - 2 ? 0.0 : never;
      if (t < steps - 1) {
        const double step = s + 1 < states ? after[i + 1] : never;
        sum = log_sum(after[i], step, s + 2 < states && b.may_skip(n, s + 2) ? after[i + 2] : never);
      }
      const int64_t label = b.label(n, s);
      now[i] = sum + p[label];
      double& path = paths[static_cast<std::size_t>(label)];
      path = log_sum(path, alpha[s] + now[i]);
    }
    double* const out = grad + (t * b.count + n) * b.classes;
    for (int64_t c = 0; c < b.classes; ++c)
      out[c] = (std::exp(p[c]) - std::exp(paths[static_cast<std::size_t>(c)] + loss - p[c])) * gain;
    std::swap(after, now);
  }
}

}  // namespace

std::tuple<Tensor, Tensor> ctc_loss(const Tensor& log_probs, const Tensor& targets, IntList input_lengths,
                                    IntList target_lengths, int64_t blank, bool zero_infinity) {
  const Batch b = batch_of(log_probs, targets, input_lengths, target_lengths, blank);
  const Tensor loss = weft::empty(Dims{b.count}, DType::float64);
  const Tensor log_alpha = weft::empty(Dims{b.count, b.steps, 2 * b.longest + 1}, DType::float64);
  parallel_for(b.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const double value = forward(b, n, log_alpha.data<double>());
      loss.data<double>()[n] = zero_infinity && std::isinf(value) ? 0.0 : value;
    }
  });
  return {finished(loss, log_probs.dtype()), log_alpha};
}

Tensor ctc_loss_backward(const Tensor& grad, const Tensor& log_probs, const Tensor& targets, IntList input_lengths,
                         IntList target_lengths, const Tensor& log_alpha, int64_t blank, bool zero_infinity) {
  const Batch b = batch_of(log_probs, targets, input_lengths, target_lengths, blank);
  const Tensor out = weft::empty(log_probs.sizes(), DType::float64), gains = packed_as(grad, DType::float64);
  zero_(out);
  parallel_for(b.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      if (b.lengths[n] == 0) continue;
      const double* const last = log_alpha.data<double>() + b.alpha_index(n, b.lengths[n] - 1) + b.states(n) - 1;
      const double loss = -log_sum(last[0], b.states(n) > 1 ? last[-1] : never);
      if (zero_infinity && std::isinf(loss)) continue;
      backward(b, n, log_alpha.data<double>(), loss, gains.data<double>()[n], out.data<double>());
    }
  });
  return finished(out, log_probs.dtype());
}

Tensor no_derivative(const Tensor&, std::string_view name) {
  fail(ErrorKind::runtime, "derivative for {} is not implemented", name);
}

}  // namespace weft::ops::impl
