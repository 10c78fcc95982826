#include <limits>

#include "autograd/meta.h"
#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/pointwise.h"
#include "ops/row_layout.h"
#include "ops/support.h"

namespace weft::ops::impl {

namespace {

kernels::Reduction reduction_of(std::string_view name) {
  if (name == "none") return kernels::Reduction::none;
  if (name == "mean") return kernels::Reduction::mean;
  check_value(name == "sum", "{} is not a valid value for reduction", name);
  return kernels::Reduction::sum;
}

/// Scores of shape (N, C, ...) or (C) and the shape their targets must have.
struct Classes {
  kernels::LossShape shape;
  Dims target;
};
Classes classes_of(const Dims& sizes) {
  if (sizes.size() == 1) return {{1, sizes[0], 1}, Dims()};
  Classes c{{sizes[0], sizes[1], 1}, Dims{sizes[0]}};
  for (int d = 2; d < sizes.size(); ++d) {
    c.shape.inner *= sizes[d];
    c.target.push_back(sizes[d]);
  }
  return c;
}

Classes checked(const Tensor& x, const Tensor& target, const Tensor& weight) {
  check(x.dim() >= 1, "cross_entropy: expected scores of shape (C), (N, C) or (N, C, ...), got a 0-dim tensor");
  check_floating(x, "nll_loss_out_frame");
  const Classes c = classes_of(x.sizes());
  check(is_integral(target.dtype()) && target.dtype() != DType::boolean, "expected scalar type Long but found {}",
        scalar_type_name(target.dtype()));
  if (x.dim() >= 2 && target.dim() >= 1 && target.sizes()[0] != x.sizes()[0])
    fail(ErrorKind::value, "Expected input batch_size ({}) to match target batch_size ({}).", x.sizes()[0],
         target.sizes()[0]);
  check(target.sizes() == c.target, "Expected target size {}, got {}", c.target, target.sizes());
  check(!weight.defined() || (weight.dim() == 1 && weight.sizes()[0] == c.shape.classes),
        "weight tensor should be defined either for all {} classes or no classes but got weight tensor of shape: {}",
        c.shape.classes, weight.defined() ? weight.sizes() : Dims());
  return c;
}

void check_targets(int64_t bad, const Tensor& target) {
  if (bad >= 0) fail(ErrorKind::index, "Target {} is out of bounds.", target.data<int64_t>()[bad]);
}

Tensor loss_output(const Classes& c, kernels::Reduction reduction, DType work) {
  return weft::empty(reduction == kernels::Reduction::none ? c.target : Dims(), work);
}

/// The gradient of each position, shaped to broadcast with the scores; recorded.
Tensor position_gradient(const Tensor& grad, const Dims& sizes, kernels::Reduction reduction,
                         const Tensor& total_weight) {
  if (reduction == kernels::Reduction::mean) {
    // Nothing but ignored targets: no position has a gradient, and 0 / 0 must not make one.
    if (item(total_weight).to_double() == 0) return grad;
    return ops::div(grad, ops::to(total_weight, grad.dtype()));
  }
  if (reduction == kernels::Reduction::sum) return grad;
  return sizes.size() == 1 ? grad : ops::unsqueeze(grad, 1);
}

/// The sum of all losses divided by `divisor`, in one pass where the tensors lie as the loop of `loss` reads them;
/// else of the losses that `each` computes.
template <class Each>
Tensor total_of(kernels::PointwiseId loss, const Tensor& self, const Tensor& target,
                std::initializer_list<double> options, double divisor, const Each& each) {
  const DType type = self.dtype();
  const bool direct = (type == DType::float32 || type == DType::float64) && target.dtype() == type &&
                      self.sizes() == target.sizes() && self.is_contiguous() && target.is_contiguous();
  if (!direct) {
    const Tensor losses = each();
    const Tensor sum = ops::sum(losses, float_work(losses.dtype()));
    return finished(ops::div(sum, wrapped_number(Scalar(divisor))), losses.dtype());
  }
  kernels::Param params[2];
  int count = 0;
  for (const double option : options) params[count++] = pointwise::param(option);
  const auto compute = type == DType::float32 ? kernels::Compute::f32 : kernels::Compute::f64;
  const auto loop = kernels::table().pointwise.loops[static_cast<int>(loss)][static_cast<int>(compute)];
  const Tensor out = weft::empty(Dims(), type);
  kernels::table().reduce.sum_computed[float_index(type)](
      {pointwise::param(divisor), loop, params, 2, {self.bytes(), target.bytes()}}, self.numel(), out.bytes());
  return out;
}

Tensor constant(double value) { return wrapped_number(Scalar(value)); }

}  // namespace

Tensor cross_entropy(const Tensor& self, const Tensor& target, const Tensor& weight, int64_t ignore_index,
                     std::string_view reduction, double label_smoothing) {
  check(label_smoothing >= 0 && label_smoothing <= 1, "label_smoothing must be between 0.0 and 1.0. Got: {}",
        label_smoothing);
  if (!is_floating(target.dtype()))
    return ops::_cross_entropy(self, target, weight, ignore_index, reduction, label_smoothing);
  // Probabilities: a weighted mean of the log-likelihoods of all classes.
  check(self.sizes() == target.sizes(),
        "cross_entropy: probabilities as target must have the shape of the scores, {}, got {}", self.sizes(),
        target.sizes());
  const int dim = self.dim() == 1 ? 0 : 1;
  const int64_t classes = self.sizes()[dim];
  Tensor probability = target;
  if (label_smoothing > 0)
    probability = ops::add(ops::mul(target, constant(1 - label_smoothing)),
                           constant(label_smoothing / static_cast<double>(classes)));
  Tensor score = ops::_log_softmax(self, dim);
  if (weight.defined()) {
    Dims shape(self.dim(), 1);
    shape[dim] = classes;
    score = ops::mul(score, ops::reshape(weight, shape));
  }
  const Tensor terms = ops::mul(score, probability);
  const auto kind = reduction_of(reduction);
  if (kind == kernels::Reduction::none) return ops::neg(ops::sum_dim(terms, Dims{dim}, false));
  const Tensor total = ops::neg(ops::sum(terms));
  const int64_t positions = classes == 0 ? 0 : self.numel() / classes;
  return kind == kernels::Reduction::sum ? total : ops::div(total, constant(static_cast<double>(positions)));
}

std::tuple<Tensor, Tensor, Tensor> cross_entropy_of_classes(const Tensor& self, const Tensor& target,
                                                            const Tensor& weight, int64_t ignore_index,
                                                            std::string_view reduction, double label_smoothing) {
  const Classes c = checked(self, target, weight);
  const auto kind = reduction_of(reduction);
  const DType work = float_work(self.dtype());
  const Tensor x = packed_as(self, work), t = packed_as(target, DType::int64), w = float_input(weight, work);
  const Tensor loss = loss_output(c, kind, work), lse = weft::empty(c.target, work), total = weft::empty(Dims(), work);
  check_targets(kernels::table().loss.cross_entropy[float_index(work)](x.bytes(), t.data<int64_t>(), pointer(w),
                                                                       c.shape, {ignore_index, label_smoothing, kind},
                                                                       loss.bytes(), lse.bytes(), total.bytes()),
                t);
  return {finished(loss, self.dtype()), lse, total};
}

Tensor cross_entropy_of_classes_backward(const Tensor& grad, const Tensor& logits, const Tensor& target,
                                         const Tensor& weight, int64_t ignore_index, std::string_view reduction,
                                         double label_smoothing, const Tensor& lse, const Tensor& total_weight) {
  const Classes c = classes_of(logits.sizes());
  const auto kind = reduction_of(reduction);
  const DType work = lse.dtype();
  const kernels::LossOptions options{ignore_index, label_smoothing, kind};
  const Tensor t = packed_as(target, DType::int64), w = float_input(weight, work);
  if (must_record(grad, logits)) {
    // For a unit gradient at every position dx is softmax * scale - rest; both factors are constants. They come from
    // the kernel itself: with equal logits z the softmax is 1 / C, and the kernel gives scale / C - rest.
    const int dim = logits.dim() == 1 ? 0 : 1;
    const Tensor ones = ops::ones(c.target, work), equal = ops::zeros(logits.sizes(), work),
                 at_equal = weft::empty(logits.sizes(), work);
    const Tensor log_count = ops::log_softmax(equal, dim);
    const Tensor even = ops::neg(ops::select(log_count, dim, 0));
    kernels::table().loss.cross_entropy_backward[float_index(work)](
        ones.bytes(), equal.bytes(), t.data<int64_t>(), pointer(w), packed(even).bytes(), total_weight.bytes(), c.shape,
        {ignore_index, label_smoothing, kernels::Reduction::none}, at_equal.bytes());
    const Tensor infinite = ops::full(c.target, Scalar(std::numeric_limits<double>::infinity()), work);
    const Tensor rest = weft::empty(logits.sizes(), work);  // exp(0 - inf) takes the softmax away
    kernels::table().loss.cross_entropy_backward[float_index(work)](
        ones.bytes(), equal.bytes(), t.data<int64_t>(), pointer(w), infinite.bytes(), total_weight.bytes(), c.shape,
        {ignore_index, label_smoothing, kernels::Reduction::none}, rest.bytes());
    const Tensor scale = ops::mul(ops::sub(at_equal, rest), constant(static_cast<double>(c.shape.classes)));
    const Tensor direction =
        ops::add(ops::mul(ops::_softmax(logits, dim), ops::to(scale, logits.dtype())), ops::to(rest, logits.dtype()));
    return ops::mul(direction, position_gradient(grad, logits.sizes(), kind, total_weight));
  }
  const Tensor g = packed_as(grad, work), x = packed_as(logits, work), dx = weft::empty(logits.sizes(), work);
  if (x.numel() > 0)
    kernels::table().loss.cross_entropy_backward[float_index(work)](g.bytes(), x.bytes(), t.data<int64_t>(), pointer(w),
                                                                    lse.bytes(), total_weight.bytes(), c.shape, options,
                                                                    dx.bytes());
  return finished(dx, logits.dtype());
}

Tensor squared_difference_total(const Tensor& self, const Tensor& target, double divisor) {
  return total_of(kernels::PointwiseId::SquaredDifference, self, target, {}, divisor,
                  [&] { return ops::squared_difference(self, target); });
}

Tensor absolute_difference_total(const Tensor& self, const Tensor& target, double divisor) {
  return total_of(kernels::PointwiseId::AbsoluteDifference, self, target, {}, divisor,
                  [&] { return ops::absolute_difference(self, target); });
}

Tensor sigmoid_cross_entropy_total(const Tensor& self, const Tensor& target, double divisor) {
  return total_of(kernels::PointwiseId::SigmoidCrossEntropy, self, target, {}, divisor,
                  [&] { return ops::sigmoid_cross_entropy(self, target); });
}

Tensor huber_total(const Tensor& self, const Tensor& target, double delta, double scale, double divisor) {
  return total_of(kernels::PointwiseId::Huber, self, target, {delta, scale}, divisor,
                  [&] { return ops::huber(self, target, delta, scale); });
}

Tensor divergence_total(const Tensor& self, const Tensor& target, double divisor) {
  return total_of(kernels::PointwiseId::Divergence, self, target, {}, divisor,
                  [&] { return ops::divergence(self, target); });
}

Tensor log_divergence_total(const Tensor& self, const Tensor& target, double divisor) {
  return total_of(kernels::PointwiseId::LogDivergence, self, target, {}, divisor,
                  [&] { return ops::log_divergence(self, target); });
}

std::tuple<Tensor, Tensor> nll_loss(const Tensor& self, const Tensor& target, const Tensor& weight,
                                    int64_t ignore_index, std::string_view reduction) {
  const Classes c = checked(self, target, weight);
  const auto kind = reduction_of(reduction);
  const DType work = float_work(self.dtype());
  const Tensor x = packed_as(self, work), t = packed_as(target, DType::int64), w = float_input(weight, work);
  const Tensor loss = loss_output(c, kind, work), total = weft::empty(Dims(), work);
  check_targets(kernels::table().loss.nll[float_index(work)](x.bytes(), t.data<int64_t>(), pointer(w), c.shape,
                                                             {ignore_index, 0.0, kind}, loss.bytes(), total.bytes()),
                t);
  return {finished(loss, self.dtype()), total};
}

Tensor nll_loss_backward(const Tensor& grad, IntList sizes, const Tensor& target, const Tensor& weight,
                         int64_t ignore_index, std::string_view reduction, const Tensor& total_weight) {
  const Classes c = classes_of(Dims(sizes));
  const DType work = total_weight.dtype();
  const Tensor g = packed_as(grad, work), t = packed_as(target, DType::int64), w = float_input(weight, work);
  const Tensor dx = weft::empty(sizes, work);
  if (dx.numel() > 0)
    kernels::table().loss.nll_backward[float_index(work)](g.bytes(), t.data<int64_t>(), pointer(w),
                                                          total_weight.bytes(), c.shape,
                                                          {ignore_index, 0.0, reduction_of(reduction)}, dx.bytes());
  return finished(dx, grad.dtype());
}

}  // namespace weft::ops::impl
