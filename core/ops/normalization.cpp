#include <cmath>
#include <limits>

#include "autograd/meta.h"
#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/row_layout.h"
#include "ops/support.h"

namespace weft::ops::impl {

namespace {

/// Differentiable gradients of y = xhat * weight + bias, where statistics are taken over `dims` and the weight, already
/// shaped to broadcast, is shared over `shared`.
struct Normalization {
  Dims dims, shared;
  double eps;
  bool centered;
};
std::tuple<Tensor, Tensor, Tensor> differentiable_backward(const Tensor& g, const Tensor& x, const Tensor& weight,
                                                           const Normalization& norm) {
  int64_t count = 1;
  for (const auto d : norm.dims) count *= x.sizes()[static_cast<int>(d)];
  const auto mean_of = [&](const Tensor& t) {
    return ops::div(ops::sum_dim(t, norm.dims, true), wrapped_number(Scalar(count)));
  };
  const Tensor offset = norm.centered ? ops::sub(x, mean_of(x)) : x;
  const Tensor var = mean_of(ops::mul(offset, offset));
  const Tensor rstd = ops::rsqrt(ops::add(var, wrapped_number(Scalar(norm.eps))));
  const Tensor xhat = ops::mul(offset, rstd);
  const Tensor gw = weight.defined() ? ops::mul(g, weight) : g;
  const Tensor along = ops::mul(xhat, mean_of(ops::mul(gw, xhat)));
  const Tensor rest = norm.centered ? ops::sub(gw, mean_of(gw)) : gw;
  return {ops::mul(rstd, ops::sub(rest, along)), ops::sum_dim(ops::mul(g, xhat), norm.shared, true),
          ops::sum_dim(g, norm.shared, true)};
}

Tensor reshaped(const Tensor& t, const Dims& shape) { return t.defined() ? ops::reshape(t, shape) : t; }

/// The rows that the last dimensions make, checked against the parameters.
struct Rows {
  int64_t count = 1, length = 1;
};
Rows rows_of(const char* op, const Tensor& input, IntList normalized_shape, const Tensor& weight, const Tensor& bias) {
  const auto n = static_cast<int>(normalized_shape.size());
  const Dims shape(normalized_shape);
  check(n >= 1,
        "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
        "normalized_shape = {}",
        shape);
  for (const auto* parameter : {&weight, &bias})
    check(!parameter->defined() || parameter->sizes() == shape,
          "{}: expected {} to be of same shape as normalized_shape, but got {} of shape {} and normalized_shape = {}",
          op, parameter == &weight ? "weight" : "bias", parameter == &weight ? "weight" : "bias",
          parameter->defined() ? parameter->sizes() : shape, shape);
  bool fits = input.dim() >= n;
  for (int d = 0; fits && d < n; ++d) fits = input.sizes()[input.dim() - n + d] == shape[d];
  check(fits,
        "Given normalized_shape={}, expected input whose last dimensions have these sizes, but got input of size{}",
        shape, input.sizes());
  Rows rows;
  rows.length = product(shape);
  for (int d = 0; d < input.dim() - n; ++d) rows.count *= input.sizes()[d];
  return rows;
}

double eps_of(std::optional<double> eps, DType dtype) {
  if (eps) return *eps;
  return dtype == DType::float64 ? 0x1p-52 : 0x1p-23;
}

/// Forward over rows; a null mean asks for RMS norm.
Tensor run_rows(const Tensor& input, const Tensor& weight, const Tensor& bias, double eps, Rows rows,
                const Tensor& mean, const Tensor& rstd) {
  const DType work = rstd.dtype();
  const Tensor x = packed_as(input, work), w = float_input(weight, work), b = float_input(bias, work);
  const Tensor y = weft::empty(input.sizes(), work);
  if (x.numel() > 0)
    kernels::table().norm.layer[float_index(work)](x.bytes(), pointer(w), pointer(b), eps, rows.count, rows.length,
                                                   y.bytes(), output_pointer(mean), rstd.bytes());
  return finished(y, input.dtype());
}

std::tuple<Tensor, Tensor, Tensor> run_rows_backward(const Tensor& grad, const Tensor& input, const Tensor& weight,
                                                     const Tensor& mean, const Tensor& rstd, IntList normalized_shape,
                                                     bool wants_weight, bool wants_bias) {
  const int64_t length = product(normalized_shape);
  const DType work = rstd.dtype();
  const Tensor g = packed_as(grad, work), x = packed_as(input, work), w = float_input(weight, work);
  const Tensor dx = weft::empty(input.sizes(), work);
  const Tensor dw = wants_weight ? weft::empty(normalized_shape, work) : Tensor(),
               db = wants_bias ? weft::empty(normalized_shape, work) : Tensor();
  if (x.numel() > 0) {
    kernels::table().norm.layer_backward[float_index(work)](g.bytes(), x.bytes(), pointer(w), pointer(mean),
                                                            rstd.bytes(), rstd.numel(), length, dx.bytes(),
                                                            output_pointer(dw), output_pointer(db));
  } else {
    for (const auto& t : {dw, db})
      if (t.defined()) zero_(t);
  }
  const DType type = weight.defined() ? weight.dtype() : input.dtype();
  return {finished(dx, input.dtype()), finished(dw, type), finished(db, type)};
}

/// The differentiable gradients over rows, in the shapes of input and weight.
std::tuple<Tensor, Tensor, Tensor> differentiable_rows(const Tensor& grad, const Tensor& input, const Tensor& weight,
                                                       IntList normalized_shape, double eps, bool centered) {
  const int64_t length = product(normalized_shape);
  const Dims flat{length == 0 ? 0 : input.numel() / length, length};
  auto [dx, dw, db] = differentiable_backward(ops::reshape(grad, flat), ops::reshape(input, flat),
                                              reshaped(weight, Dims{length}), {Dims{1}, Dims{0}, eps, centered});
  return {ops::reshape(dx, input.sizes()), ops::reshape(dw, normalized_shape), ops::reshape(db, normalized_shape)};
}

/// [batch, channels, inner] of a tensor (N, C, ...); in channels-last memory the positions join the batch.
struct Channels {
  kernels::ChannelShape shape;
  MemoryFormat format = MemoryFormat::contiguous;
};
Channels channels_of(const Tensor& t) {
  const int64_t batch = t.sizes()[0], count = t.sizes()[1];
  const int64_t inner = count == 0 || batch == 0 ? 0 : t.numel() / (batch * count);
  if (t.is_channels_last() && !t.is_contiguous())
    return {{batch * inner, count, 1}, t.dim() == 5 ? MemoryFormat::channels_last_3d : MemoryFormat::channels_last};
  return {{batch, count, inner}};
}
/// `t` in the given layout and type.
Tensor laid_out(const Tensor& t, const Channels& channels, DType work) {
  if (channels.format == MemoryFormat::contiguous) return packed_as(t, work);
  const Tensor typed = finished(t, work);
  return typed.is_channels_last() ? typed : copy_to_format(typed, channels.format);
}

void check_channels(const char* op, const char* name, const Tensor& t, int64_t count) {
  check(!t.defined() || (t.dim() == 1 && t.sizes()[0] == count), "{} should contain {} elements not {}", name, count,
        t.defined() ? t.numel() : 0);
  check(!t.defined() || is_floating(t.dtype()), "{}: {} must be of a floating-point dtype", op, name);
}

/// A running statistic as the kernel wants it; `store` brings an update back.
struct Running {
  Tensor given, work;
  Running(const Tensor& t, DType type) : given(t), work(float_input(t, type)) {}
  void store() const {
    if (!given.defined()) return;
    if (!(work == given)) copy_elements(given, work);
    given.bump_version();
  }
};

Dims channel_shape(const Tensor& t) {
  Dims shape(t.dim(), 1);
  shape[1] = t.sizes()[1];
  return shape;
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> layer_norm(const Tensor& input, IntList normalized_shape, const Tensor& weight,
                                              const Tensor& bias, double eps, bool) {
  check_floating(input, "LayerNormKernelImpl");
  const Rows rows = rows_of("layer_norm", input, normalized_shape, weight, bias);
  const DType work = float_work(input.dtype());
  const Tensor mean = weft::empty(Dims{rows.count}, work), rstd = weft::empty(Dims{rows.count}, work);
  return {run_rows(input, weight, bias, eps, rows, mean, rstd), mean, rstd};
}

std::tuple<Tensor, Tensor, Tensor> layer_norm_backward(const Tensor& grad, const Tensor& input,
                                                       IntList normalized_shape, const Tensor& weight,
                                                       const Tensor& mean, const Tensor& rstd, double eps,
                                                       bool wants_weight, bool wants_bias) {
  if (must_record(grad, input, weight)) return differentiable_rows(grad, input, weight, normalized_shape, eps, true);
  return run_rows_backward(grad, input, weight, mean, rstd, normalized_shape, wants_weight, wants_bias);
}

std::tuple<Tensor, Tensor> rms_norm(const Tensor& input, IntList normalized_shape, const Tensor& weight,
                                    std::optional<double> eps) {
  check_floating(input, "rms_norm");
  const Rows rows = rows_of("rms_norm", input, normalized_shape, weight, Tensor());
  const Tensor rstd = weft::empty(Dims{rows.count}, float_work(input.dtype()));
  return {run_rows(input, weight, Tensor(), eps_of(eps, input.dtype()), rows, Tensor(), rstd), rstd};
}

std::tuple<Tensor, Tensor> rms_norm_backward(const Tensor& grad, const Tensor& input, IntList normalized_shape,
                                             const Tensor& weight, const Tensor& rstd, std::optional<double> eps,
                                             bool wants_weight) {
  auto [dx, dw, unused] =
      must_record(grad, input, weight)
          ? differentiable_rows(grad, input, weight, normalized_shape, eps_of(eps, input.dtype()), false)
          : run_rows_backward(grad, input, weight, Tensor(), rstd, normalized_shape, wants_weight, false);
  return {dx, dw};
}

std::tuple<Tensor, Tensor, Tensor> batch_norm(const Tensor& input, const Tensor& running_mean,
                                              const Tensor& running_var, const Tensor& weight, const Tensor& bias,
                                              bool training, double momentum, double eps) {
  check_floating(input, "batch_norm");
  check(input.dim() >= 2, "batch_norm: expected input of shape (N, C, ...), got {}", input.sizes());
  const int64_t count = input.sizes()[1];
  check_channels("batch_norm", "running_mean", running_mean, count);
  check_channels("batch_norm", "running_var", running_var, count);
  check_channels("batch_norm", "weight", weight, count);
  check_channels("batch_norm", "bias", bias, count);
  check(training || (running_mean.defined() && running_var.defined()),
        "Expected running_mean and running_var to be defined when training=False");
  const DType work = float_work(input.dtype());
  const Channels channels = channels_of(input);
  const Tensor x = laid_out(input, channels, work), w = float_input(weight, work), b = float_input(bias, work);
  const Tensor y = weft::empty(input.sizes(), work, channels.format);
  const Tensor mean = weft::empty(Dims{count}, work), invstd = weft::empty(Dims{count}, work);
  const Running rm(running_mean, work), rv(running_var, work);
  const auto& table = kernels::table().norm;
  const int at = float_index(work);
  if (training) {
    if (x.numel() > 0)  // an empty batch leaves the running statistics alone
      table.batch[at](x.bytes(), pointer(w), pointer(b), output_pointer(rm.work), output_pointer(rv.work), momentum,
                      eps, channels.shape, y.bytes(), mean.bytes(), invstd.bytes());
    rm.store();
    rv.store();
  } else {
    copy_elements(mean, rm.work);
    for (int64_t c = 0; c < count; ++c) {
      if (at == 1)
        invstd.data<double>()[c] = 1.0 / std::sqrt(rv.work.data<double>()[c] + eps);
      else
        invstd.data<float>()[c] =
            static_cast<float>(1.0 / std::sqrt(static_cast<double>(rv.work.data<float>()[c]) + eps));
    }
    if (x.numel() > 0)
      table.batch_eval[at](x.bytes(), pointer(w), pointer(b), mean.bytes(), invstd.bytes(), channels.shape, y.bytes());
  }
  return {finished(y, input.dtype()), mean, invstd};
}

std::tuple<Tensor, Tensor, Tensor> batch_norm_backward(const Tensor& grad, const Tensor& input, const Tensor& weight,
                                                       const Tensor& mean, const Tensor& invstd, bool training,
                                                       double eps, bool wants_weight, bool wants_bias) {
  const int64_t count = input.sizes()[1];
  if (must_record(grad, input, weight)) {
    const Dims shape = channel_shape(input);
    Dims others{0};
    for (int d = 2; d < input.dim(); ++d) others.push_back(d);
    const Tensor w = reshaped(weight, shape);
    if (training) {
      auto [dx, dw, db] = differentiable_backward(grad, input, w, {others, others, eps, true});
      return {dx, ops::reshape(dw, Dims{count}), ops::reshape(db, Dims{count})};
    }
    const Tensor r = ops::reshape(invstd, shape);
    const Tensor xhat = ops::mul(ops::sub(input, ops::reshape(mean, shape)), r);
    return {ops::mul(weight.defined() ? ops::mul(grad, w) : grad, r), ops::sum_dim(ops::mul(grad, xhat), others, false),
            ops::sum_dim(grad, others, false)};
  }
  const DType work = invstd.dtype();
  const Channels channels = channels_of(input);
  const Tensor g = laid_out(grad, channels, work), x = laid_out(input, channels, work), w = float_input(weight, work);
  const Tensor dx = weft::empty(input.sizes(), work, channels.format);
  const Tensor dw = wants_weight ? weft::empty(Dims{count}, work) : Tensor(),
               db = wants_bias ? weft::empty(Dims{count}, work) : Tensor();
  if (x.numel() > 0) {
    kernels::table().norm.batch_backward[float_index(work)](g.bytes(), x.bytes(), pointer(w), mean.bytes(),
                                                            invstd.bytes(), channels.shape, training, dx.bytes(),
                                                            output_pointer(dw), output_pointer(db));
  } else {
    for (const auto& t : {dw, db})
      if (t.defined()) zero_(t);
  }
  const DType type = weight.defined() ? weight.dtype() : input.dtype();
  return {finished(dx, input.dtype()), finished(dw, type), finished(db, type)};
}

std::tuple<Tensor, Tensor, Tensor> group_norm(const Tensor& input, int64_t num_groups, const Tensor& weight,
                                              const Tensor& bias, double eps) {
  check_floating(input, "GroupNormKernelImpl");
  check(input.dim() >= 2, "Expected at least 2 dimensions for input tensor but received {}", input.dim());
  const int64_t batch = input.sizes()[0], count = input.sizes()[1];
  check(num_groups > 0, "Expected num groups to be greater than 0, got {}", num_groups);
  check(
      count % num_groups == 0,
      "Expected number of channels in input to be divisible by num_groups, but got input of shape {} and num_groups={}",
      input.sizes(), num_groups);
  check_channels("group_norm", "weight", weight, count);
  check_channels("group_norm", "bias", bias, count);
  const DType work = float_work(input.dtype());
  const Tensor x = packed_as(input, work), w = float_input(weight, work), b = float_input(bias, work);
  const Tensor y = weft::empty(input.sizes(), work);
  const Tensor mean = weft::empty(Dims{batch * num_groups}, work), rstd = weft::empty(Dims{batch * num_groups}, work);
  if (x.numel() > 0)
    kernels::table().norm.group[float_index(work)](x.bytes(), pointer(w), pointer(b), eps,
                                                   {batch, count, x.numel() / (batch * count)}, num_groups, y.bytes(),
                                                   mean.bytes(), rstd.bytes());
  return {finished(y, input.dtype()), mean, rstd};
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> native_group_norm(const Tensor& input, const Tensor& weight,
                                                                     const Tensor& bias, int64_t N, int64_t C,
                                                                     int64_t HxW, int64_t group, double eps) {
  check(input.dim() >= 2 && input.size(0) == N && input.size(1) == C && input.numel() == N * C * HxW,
        "native_group_norm(): expected {} samples of {} channels of {} elements, got an input of shape {}", N, C, HxW,
        input.sizes());
  auto [out, mean, rstd] = group_norm(input, group, weight, bias, eps);
  if (input.numel() == 0) {
    mean = ops::zeros_like(mean);
    rstd = ops::full_like(rstd, Scalar(std::numeric_limits<double>::quiet_NaN()));
  }
  const Dims shape{N, group};
  const auto shown = [&](const Tensor& t) {
    return finished(view_of(t, shape, contiguous_strides(shape), 0), input.dtype());
  };
  return {out, shown(mean), shown(rstd), mean, rstd};
}

std::tuple<Tensor, Tensor, Tensor> native_group_norm_backward(const Tensor& grad, const Tensor& grad_mean,
                                                              const Tensor& grad_rstd, const Tensor& input,
                                                              int64_t group, const Tensor& weight, const Tensor& mean,
                                                              const Tensor& rstd, double eps, bool wants_weight,
                                                              bool wants_bias) {
  auto [dx, dw, db] = ops::group_norm_backward(grad, input, group, weight, mean, rstd, eps, wants_weight, wants_bias);
  if (input.numel() == 0) return {dx, dw, db};
  const int64_t batch = input.size(0), count = input.numel() / (batch * group);
  const Dims one{batch, group, 1};
  const Tensor n = wrapped_number(Scalar(static_cast<double>(count)));
  const Tensor x = ops::reshape(input, Dims{batch, group, count});
  const auto add = [&](const Tensor& part) {
    dx = ops::add(dx, ops::reshape(ops::expand(part, x.sizes()), input.sizes()));
  };
  if (grad_mean.defined()) add(ops::div(ops::reshape(grad_mean, one), n));
  if (grad_rstd.defined()) {
    const Tensor centred = ops::sub(x, ops::mean_dim(x, Dims{2}, true));
    const Tensor variance = ops::mean_dim(ops::mul(centred, centred), Dims{2}, true);
    const Tensor deviation = ops::rsqrt(ops::add(variance, wrapped_number(Scalar(eps))));
    const Tensor cube = ops::mul(deviation, ops::mul(deviation, deviation));
    add(ops::neg(ops::mul(ops::div(ops::mul(ops::reshape(grad_rstd, one), cube), n), centred)));
  }
  return {dx, dw, db};
}

std::tuple<Tensor, Tensor, Tensor> group_norm_backward(const Tensor& grad, const Tensor& input, int64_t num_groups,
                                                       const Tensor& weight, const Tensor& mean, const Tensor& rstd,
                                                       double eps, bool wants_weight, bool wants_bias) {
  const int64_t batch = input.sizes()[0], count = input.sizes()[1];
  const int64_t inner = input.numel() == 0 ? 0 : input.numel() / (batch * count);
  if (must_record(grad, input, weight)) {
    const Dims split{batch, num_groups, count / num_groups, inner}, shared{1, num_groups, count / num_groups, 1};
    auto [dx, dw, db] = differentiable_backward(ops::reshape(grad, split), ops::reshape(input, split),
                                                reshaped(weight, shared), {Dims{2, 3}, Dims{0, 3}, eps, true});
    return {ops::reshape(dx, input.sizes()), ops::reshape(dw, Dims{count}), ops::reshape(db, Dims{count})};
  }
  const DType work = rstd.dtype();
  const Tensor g = packed_as(grad, work), x = packed_as(input, work), w = float_input(weight, work);
  const Tensor dx = weft::empty(input.sizes(), work);
  const Tensor dw = wants_weight ? weft::empty(Dims{count}, work) : Tensor(),
               db = wants_bias ? weft::empty(Dims{count}, work) : Tensor();
  if (x.numel() > 0) {
    kernels::table().norm.group_backward[float_index(work)](g.bytes(), x.bytes(), pointer(w), mean.bytes(),
                                                            rstd.bytes(), {batch, count, inner}, num_groups, dx.bytes(),
                                                            output_pointer(dw), output_pointer(db));
  } else {
    for (const auto& t : {dw, db})
      if (t.defined()) zero_(t);
  }
  const DType type = weight.defined() ? weight.dtype() : input.dtype();
  return {finished(dx, input.dtype()), finished(dw, type), finished(db, type)};
}

}  // namespace weft::ops::impl
