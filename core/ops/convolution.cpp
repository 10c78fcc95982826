// Convolutions: shapes, layouts and checks here, arithmetic in kernels/conv.h.
#include "ops/convolution.h"

#include <atomic>

#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/convert.h"
#include "ops/support.h"
#include "runtime/error.h"

namespace weft::ops {

namespace {
constinit std::atomic<bool> winograd{true};
}  // namespace

bool winograd_enabled() noexcept { return winograd.load(std::memory_order_relaxed); }
void set_winograd_enabled(bool enabled) noexcept { winograd.store(enabled, std::memory_order_relaxed); }

namespace impl {

namespace {

using kernels::Compute;
using kernels::ConvArgs;
using kernels::ConvTensor;

/// The settings of a convolution of any rank. Transposed, `image` and `map` change places.
struct Setting {
  IntList stride, padding, dilation;
  bool transposed;
  IntList output_padding;
  int64_t groups;
};

DType compute_type(DType dtype) {
  check_implemented(dtype != DType::boolean, "convolution", dtype);
  // Integers up to 2^53 are exact in float64.
  return dtype == DType::float64 || is_integral(dtype) ? DType::float64 : DType::float32;
}

/// A product of two complex operands, of the products of their parts.
template <class Product>
Tensor of_parts(const Tensor& a, const Tensor& b, const Product& product) {
  const auto a_re = packed(ops::real(a)), a_im = packed(ops::imag(a));
  const auto b_re = packed(ops::real(b)), b_im = packed(ops::imag(b));
  return ops::complex(ops::sub(product(a_re, b_re), product(a_im, b_im)),
                      ops::add(product(a_re, b_im), product(a_im, b_re)));
}

bool prefers_channels_last(const Tensor& t) noexcept { return !t.is_contiguous() && t.is_channels_last(); }

MemoryFormat channels_last_format(int dim) noexcept {
  return dim == 4 ? MemoryFormat::channels_last : MemoryFormat::channels_last_3d;
}

/// The layout of a result: channels last if one of the operands has it so.
MemoryFormat layout_of(const Tensor& a, const Tensor& b) noexcept {
  const bool last = prefers_channels_last(a) || prefers_channels_last(b);
  return last ? channels_last_format(a.dim()) : MemoryFormat::contiguous;
}

Tensor as_type(const Tensor& t, DType dtype) { return t.dtype() == dtype ? t : converted(t, dtype); }

/// Strides of five axes, where those that the tensor lacks fit in front of its own.
ConvTensor described(const Tensor& t) noexcept {
  ConvTensor c;
  c.data = t.bytes();
  const int missing = 5 - t.dim();
  c.stride[0] = t.stride(0);
  c.stride[1] = t.stride(1);
  for (int d = 2; d < t.dim(); ++d) c.stride[d + missing] = t.stride(d);
  for (int d = 1 + missing; d >= 2; --d) {
    const bool own = d + 1 - missing >= 2;
    c.stride[d] = d == 4 ? 1 : c.stride[d + 1] * (own ? t.size(d + 1 - missing) : 1);
  }
  return c;
}

/// `image` is the larger side (a convolution's input, a transposed one's result), `map` the other.
ConvArgs arguments(const Tensor& image, const Tensor& weight, const Tensor& map, const Setting& s) {
  ConvArgs args;
  args.batch = image.size(0);
  args.groups = s.groups;
  args.in_channels = image.size(1);
  args.out_channels = map.size(1);
  const int spatial = image.dim() - 2, missing = 3 - spatial;
  for (int d = 0; d < spatial; ++d) {
    args.in_size[missing + d] = image.size(2 + d);
    args.out_size[missing + d] = map.size(2 + d);
    args.kernel[missing + d] = weight.size(2 + d);
    args.stride[missing + d] = s.stride[d];
    args.padding[missing + d] = s.padding[d];
    args.dilation[missing + d] = s.dilation[d];
  }
  args.input = described(image);
  args.weight = described(weight);
  args.output = described(map);
  args.winograd = winograd_enabled();
  return args;
}

/// y from x: the image's side to the map's, or back when transposed.
void run(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& y, const Setting& s, bool to_map) {
  const int type = static_cast<int>(y.dtype() == DType::float64 ? Compute::f64 : Compute::f32);
  auto args = to_map ? arguments(x, weight, y, s) : arguments(y, weight, x, s);
  args.bias = bias.defined() ? bias.bytes() : nullptr;
  const auto& table = kernels::table().conv;
  (to_map ? table.forward : table.backward_input)[type](args);
}

void check_settings(const Tensor& input, const Tensor& weight, const Tensor& bias, const Setting& s) {
  const int spatial = input.dim() - 2;
  check(spatial >= 1 && spatial <= 3, "convolution: expected one to three spatial dimensions, got input of size {}",
        input.sizes());
  check(weight.dim() == input.dim(),
        "Expected {}-dimensional input for {}-dimensional weight {}, but got {}-dimensional "
        "input of size {} instead",
        weight.dim(), weight.dim(), weight.sizes(), input.dim(), input.sizes());
  const auto rank = static_cast<std::size_t>(spatial);
  check(s.stride.size() == rank && s.padding.size() == rank && s.dilation.size() == rank &&
            (!s.transposed || s.output_padding.size() == rank),
        "convolution: stride, padding, dilation and output_padding must have {} values each", spatial);
  check(s.groups > 0, "non-positive groups is not supported");
  for (int d = 0; d < spatial; ++d) {
    check(s.stride[d] > 0, "non-positive stride is not supported");
    check(s.padding[d] >= 0, "negative padding is not supported");
    check(s.dilation[d] > 0, "dilation should be greater than zero");
    check(weight.size(2 + d) > 0, "convolution: kernel size should be greater than zero, but got weight {}",
          weight.sizes());
    if (s.transposed) {
      check(s.output_padding[d] >= 0, "negative output_padding is not supported");
      check(s.output_padding[d] < s.stride[d] || s.output_padding[d] < s.dilation[d],
            "output padding must be smaller than either stride or dilation, but got output_padding: {}, stride: {}, "
            "dilation: {}",
            s.output_padding, s.stride, s.dilation);
    }
  }
  const int64_t channels = input.size(1);
  if (s.transposed) {
    check(weight.size(0) == channels,
          "Given transposed=1, weight of size {}, expected input{} to have {} channels, but got {} channels instead",
          weight.sizes(), input.sizes(), weight.size(0), channels);
    check(channels % s.groups == 0, "convolution: {} input channels cannot be divided into {} groups", channels,
          s.groups);
  } else {
    check(weight.size(0) >= s.groups && weight.size(0) % s.groups == 0,
          "Given groups={}, expected weight to be divisible by {} at dimension 0, but got weight of size {} instead",
          s.groups, s.groups, weight.sizes());
    check(weight.size(1) * s.groups == channels,
          "Given groups={}, weight of size {}, expected input{} to have {} channels, but got {} channels instead",
          s.groups, weight.sizes(), input.sizes(), weight.size(1) * s.groups, channels);
  }
  check(input.dtype() == weight.dtype(), "Input type ({}) and weight type ({}) should be the same",
        dtype_name(input.dtype()), dtype_name(weight.dtype()));
  if (!bias.defined()) return;
  const int64_t outputs = s.transposed ? weight.size(1) * s.groups : weight.size(0);
  check(bias.dtype() == input.dtype(), "Input type ({}) and bias type ({}) should be the same",
        dtype_name(input.dtype()), dtype_name(bias.dtype()));
  check(bias.dim() == 1 && bias.size(0) == outputs,
        "Given weight of size {}, expected bias to be 1-dimensional with {} elements, but got bias of size {} instead",
        weight.sizes(), outputs, bias.sizes());
}

Dims result_shape(const Tensor& input, const Tensor& weight, const Setting& s) {
  Dims shape{input.size(0), s.transposed ? weight.size(1) * s.groups : weight.size(0)};
  for (int d = 0; d + 2 < input.dim(); ++d) {
    const int64_t reach = s.dilation[d] * (weight.size(2 + d) - 1) + 1, size = input.size(2 + d);
    if (s.transposed) {
      shape.push_back((size - 1) * s.stride[d] - 2 * s.padding[d] + reach + s.output_padding[d]);
      check(shape.back() > 0,
            "Given input size per channel: {}. Calculated output size per channel: {}. Output size is "
            "too small",
            input.sizes(), shape);
    } else {
      const int64_t padded = size + 2 * s.padding[d];
      check(padded >= reach,
            "Calculated padded input size per channel: ({}). Kernel size: ({}). Kernel size can't be "
            "greater than actual input size",
            padded, reach);
      shape.push_back((padded - reach) / s.stride[d] + 1);
    }
  }
  return shape;
}

Tensor convolved(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding,
                 IntList dilation, bool transposed, IntList output_padding, int64_t groups, const char* op) {
  const int spatial = static_cast<int>(stride.size());
  const bool batched = input.dim() == spatial + 2;
  check(batched || input.dim() == spatial + 1,
        "Expected {}D (unbatched) or {}D (batched) input to {}, but got input of size: {}", spatial + 1, spatial + 2,
        op, input.sizes());
  const auto x = batched ? input : ops::unsqueeze(input, 0);
  const auto y = ops::convolution(x, weight, bias, stride, padding, dilation, transposed, output_padding, groups);
  return batched ? y : ops::squeeze_dim(y, Dims{0});
}

Tensor convolved(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride,
                 std::string_view padding, IntList dilation, int64_t groups, const char* op) {
  const int spatial = static_cast<int>(stride.size());
  const Dims none(spatial);
  if (padding == "valid") return convolved(input, weight, bias, stride, none, dilation, false, none, groups, op);
  check(padding == "same", "Invalid padding string: '{}'; expected 'valid' or 'same'", padding);
  check(weight.dim() == spatial + 2, "{}: expected a weight of {} dimensions, got {}", op, spatial + 2, weight.sizes());
  // An odd amount of padding goes to the right: pad both sides by the larger half and drop the first results.
  Dims both(spatial);
  for (int d = 0; d < spatial; ++d) {
    check(stride[d] == 1, "padding='same' is not supported for strided convolutions");
    both[d] = (dilation[d] * (weight.size(2 + d) - 1) + 1) / 2;
  }
  auto out = convolved(input, weight, bias, stride, both, dilation, false, none, groups, op);
  for (int d = 0; d < spatial; ++d) {
    if (dilation[d] * (weight.size(2 + d) - 1) % 2 == 0) continue;
    const int at = out.dim() - spatial + d;
    out = ops::narrow(out, at, 1, out.size(at) - 1);
  }
  return ops::contiguous(out);
}

}  // namespace

Tensor convolution(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding,
                   IntList dilation, bool transposed, IntList output_padding, int64_t groups) {
  const Setting s{stride, padding, dilation, transposed, output_padding, groups};
  check_settings(input, weight, bias, s);
  const Dims shape = result_shape(input, weight, s);
  if (is_complex(input.dtype())) {
    const auto out = of_parts(input, weight, [&](const Tensor& a, const Tensor& b) {
      return convolution(a, b, {}, stride, padding, dilation, transposed, output_padding, groups);
    });
    if (!bias.defined()) return out;
    Dims channels(out.dim(), 1);
    channels[1] = bias.numel();
    return ops::add(out, ops::reshape(bias, channels));
  }
  const DType type = compute_type(input.dtype());
  const auto out = weft::empty(shape, type, layout_of(input, weight));
  const auto row = bias.defined() ? packed_as(bias, type) : Tensor();
  run(as_type(input, type), as_type(weight, type), row, out, s, !transposed);
  return as_type(out, input.dtype());
}

Tensor convolution_input(const Tensor& grad, const Tensor& weight, IntList sizes, IntList stride, IntList padding,
                         IntList dilation, bool transposed, IntList output_padding, int64_t groups) {
  if (is_complex(grad.dtype()))
    return of_parts(grad, weight, [&](const Tensor& a, const Tensor& b) {
      return convolution_input(a, b, sizes, stride, padding, dilation, transposed, output_padding, groups);
    });
  const Setting s{stride, padding, dilation, transposed, output_padding, groups};
  const DType type = compute_type(grad.dtype());
  const auto out = weft::empty(sizes, type, layout_of(grad, weight));
  run(as_type(grad, type), as_type(weight, type), {}, out, s, transposed);
  return as_type(out, grad.dtype());
}

Tensor convolution_weight(const Tensor& grad, const Tensor& input, IntList sizes, IntList stride, IntList padding,
                          IntList dilation, bool transposed, IntList output_padding, int64_t groups) {
  if (is_complex(grad.dtype()))
    return of_parts(grad, input, [&](const Tensor& a, const Tensor& b) {
      return convolution_weight(a, b, sizes, stride, padding, dilation, transposed, output_padding, groups);
    });
  const Setting s{stride, padding, dilation, transposed, output_padding, groups};
  const DType type = compute_type(grad.dtype());
  const auto out = weft::empty(sizes, type);
  const auto x = as_type(input, type), y = as_type(grad, type);
  const auto args = transposed ? arguments(y, out, x, s) : arguments(x, out, y, s);
  kernels::table().conv.backward_weight[static_cast<int>(type == DType::float64 ? Compute::f64 : Compute::f32)](args);
  return as_type(out, grad.dtype());
}

Tensor channel_sum(const Tensor& g) {
  Dims dims;
  for (int d = 0; d < g.dim(); ++d)
    if (d != 1) dims.push_back(d);
  return ops::sum_dim(g, dims, false);
}

Tensor conv1d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding,
              IntList dilation, int64_t groups) {
  return convolved(input, weight, bias, stride, padding, dilation, false, Dims(1), groups, "conv1d");
}
Tensor conv2d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding,
              IntList dilation, int64_t groups) {
  return convolved(input, weight, bias, stride, padding, dilation, false, Dims(2), groups, "conv2d");
}
Tensor conv3d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding,
              IntList dilation, int64_t groups) {
  return convolved(input, weight, bias, stride, padding, dilation, false, Dims(3), groups, "conv3d");
}

Tensor conv1d_padding(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride,
                      std::string_view padding, IntList dilation, int64_t groups) {
  return convolved(input, weight, bias, stride, padding, dilation, groups, "conv1d");
}
Tensor conv2d_padding(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride,
                      std::string_view padding, IntList dilation, int64_t groups) {
  return convolved(input, weight, bias, stride, padding, dilation, groups, "conv2d");
}
Tensor conv3d_padding(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride,
                      std::string_view padding, IntList dilation, int64_t groups) {
  return convolved(input, weight, bias, stride, padding, dilation, groups, "conv3d");
}

Tensor conv_transpose1d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding,
                        IntList output_padding, int64_t groups, IntList dilation) {
  return convolved(input, weight, bias, stride, padding, dilation, true, output_padding, groups, "conv_transpose1d");
}
Tensor conv_transpose2d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding,
                        IntList output_padding, int64_t groups, IntList dilation) {
  return convolved(input, weight, bias, stride, padding, dilation, true, output_padding, groups, "conv_transpose2d");
}
Tensor conv_transpose3d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding,
                        IntList output_padding, int64_t groups, IntList dilation) {
  return convolved(input, weight, bias, stride, padding, dilation, true, output_padding, groups, "conv_transpose3d");
}

}  // namespace impl

}  // namespace weft::ops
