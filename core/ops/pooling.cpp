// Pooling: shapes, layouts and checks here, arithmetic in kernels/pool.h.
#include <algorithm>

#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/convert.h"
#include "ops/support.h"
#include "runtime/error.h"

namespace weft::ops::impl {

namespace {

using kernels::Compute;
using kernels::PoolArgs;
using kernels::PoolTable;

/// What averages are computed in; integers through float64.
DType average_type(const char* op, DType dtype) {
  if (is_complex(dtype) || dtype == DType::boolean)
    fail(ErrorKind::not_implemented, "\"{}\" not implemented for '{}'", op, scalar_type_name(dtype));
  return dtype == DType::float64 || is_integral(dtype) ? DType::float64 : DType::float32;
}
DType max_type(DType dtype) { return is_integral(dtype) ? DType::int64 : average_type("max_pool", dtype); }

Compute compute_of(DType dtype) noexcept {
  return dtype == DType::float64 ? Compute::f64 : dtype == DType::int64 ? Compute::i64 : Compute::f32;
}

bool channels_last(const Tensor& t) noexcept { return !t.is_contiguous() && t.is_channels_last(); }
MemoryFormat format_of(int dim, bool last) noexcept {
  if (!last) return MemoryFormat::contiguous;
  return dim == 4 ? MemoryFormat::channels_last : MemoryFormat::channels_last_3d;
}

/// `t` in a dense layout with its channels last or not, as the kernels want it.
Tensor dense(const Tensor& t, DType dtype, bool last) {
  if (!last) return packed_as(t, dtype);
  if (t.dtype() == dtype && t.is_channels_last()) return t;
  const auto out = weft::empty(t.sizes(), dtype, format_of(t.dim(), true));
  copy_elements(out, t);
  return out;
}

/// Batch, channels and the sizes of both sides.
PoolArgs geometry(IntList in, IntList out, bool last) {
  PoolArgs args;
  args.batch = in[0];
  args.channels = in[1];
  args.channels_last = last;
  const auto missing = 5 - in.size();
  for (std::size_t d = 2; d < in.size(); ++d) {
    args.in_size[missing + d - 2] = in[d];
    args.out_size[missing + d - 2] = out[d];
  }
  return args;
}

void set_windows(PoolArgs& args, IntList kernel, IntList stride, IntList padding, IntList dilation) {
  const auto missing = 3 - kernel.size();
  for (std::size_t d = 0; d < kernel.size(); ++d) {
    args.kernel[missing + d] = kernel[d];
    args.stride[missing + d] = stride[d];
    args.padding[missing + d] = padding[d];
    args.dilation[missing + d] = dilation.empty() ? 1 : dilation[d];
  }
}

Dims pooled_shape(const char* op, const Tensor& self, IntList kernel, IntList stride, IntList padding, IntList dilation,
                  bool ceil_mode) {
  Dims shape{self.size(0), self.size(1)};
  for (int d = 0; d + 2 < self.dim(); ++d) {
    const int64_t k = kernel[d], s = stride[d], p = padding[d], step = dilation.empty() ? 1 : dilation[d];
    check(k > 0, "{}: kernel size should be greater than zero, but got {}", op, kernel);
    check(s > 0, "{}: stride should be greater than zero, but got {}", op, stride);
    check(step > 0, "{}: dilation should be greater than zero, but got {}", op, dilation);
    check(p >= 0, "pad must be non-negative, but got pad: {}", p);
    check(p <= ((k - 1) * step + 1) / 2,
          "pad should be at most half of effective kernel size, but got pad={}, kernel_size={} and dilation={}", p, k,
          step);
    const int64_t room = self.size(2 + d) + 2 * p - step * (k - 1) - 1;
    int64_t size = room < 0 ? (ceil_mode && room > -s ? 1 : 0) : (room + (ceil_mode ? s - 1 : 0)) / s + 1;
    // A window must start inside the input or its left padding.
    if (ceil_mode && (size - 1) * s >= self.size(2 + d) + p) --size;
    shape.push_back(size);
    check(size > 0, "{}: given input size {}, the output size {} is too small", op, self.sizes(), shape);
  }
  return shape;
}

/// The pools of n spatial dimensions take inputs with and without a batch.
template <class Pool>
auto batched(const char* op, const Tensor& self, int spatial, Pool&& pool) {
  const bool has_batch = self.dim() == spatial + 2;
  check(has_batch || self.dim() == spatial + 1, "{}: Expected {}D or {}D input tensor, but got {}", op, spatial + 1,
        spatial + 2, self.sizes());
  for (int d = has_batch ? 1 : 0; d < self.dim(); ++d)
    check(self.size(d) > 0, "{}: Expected {}D or {}D (batch mode) tensor with non-zero sizes but got {}", op,
          spatial + 1, spatial + 2, self.sizes());
  return pool(has_batch ? self : ops::unsqueeze(self, 0), has_batch);
}
Tensor unbatched(const Tensor& t, bool has_batch) { return has_batch ? t : ops::squeeze_dim(t, Dims{0}); }

/// stride=None means the kernel size, and so does an empty list.
IntList stride_or(const std::optional<Dims>& stride, IntList kernel) {
  return stride && !stride->empty() ? IntList(*stride) : kernel;
}

Tensor max_pool_of(const char* op, const Tensor& self, IntList kernel, const std::optional<Dims>& stride,
                   IntList padding, IntList dilation, bool ceil_mode) {
  return batched(op, self, static_cast<int>(kernel.size()), [&](const Tensor& x, bool has_batch) {
    return unbatched(ops::max_pool(x, kernel, stride_or(stride, kernel), padding, dilation, ceil_mode), has_batch);
  });
}
std::tuple<Tensor, Tensor> max_pool_and_indices(const char* op, const Tensor& self, IntList kernel,
                                                const std::optional<Dims>& stride, IntList padding, IntList dilation,
                                                bool ceil_mode) {
  return batched(op, self, static_cast<int>(kernel.size()), [&](const Tensor& x, bool has_batch) {
    auto [out, indices] =
        ops::max_pool_with_indices(x, kernel, stride_or(stride, kernel), padding, dilation, ceil_mode);
    return std::make_tuple(unbatched(out, has_batch), unbatched(indices, has_batch));
  });
}
Tensor avg_pool_of(const char* op, const Tensor& self, IntList kernel, const std::optional<Dims>& stride,
                   IntList padding, bool ceil_mode, bool count_include_pad, std::optional<int64_t> divisor) {
  check(divisor != 0, "divisor must be not zero");
  return batched(op, self, static_cast<int>(kernel.size()), [&](const Tensor& x, bool has_batch) {
    return unbatched(
        ops::avg_pool(x, kernel, stride_or(stride, kernel), padding, ceil_mode, count_include_pad, divisor), has_batch);
  });
}
Tensor adaptive_of(const char* op, const Tensor& self, IntList size) {
  for (const auto n : size) check(n >= 0, "{}: elements of output_size must be greater than or equal to 0", op);
  return batched(op, self, static_cast<int>(size.size()), [&](const Tensor& x, bool has_batch) {
    const bool whole = std::all_of(size.begin(), size.end(), [](int64_t n) { return n == 1; });
    if (!whole || !is_floating(x.dtype()) || x.numel() == 0)
      return unbatched(ops::adaptive_avg_pool(x, size), has_batch);
    Dims dims;
    for (int d = 2; d < x.dim(); ++d) dims.push_back(d);
    return unbatched(ops::mean_dim(x, dims, true, std::nullopt), has_batch);
  });
}

void run(PoolTable::Function const (&functions)[kernels::compute_count], const Tensor& input, const Tensor& output,
         const Tensor& indices, PoolArgs& args) {
  args.input = input.bytes();
  args.output = output.bytes();
  args.indices = indices.defined() ? indices.data<int64_t>() : nullptr;
  bool outside = false;
  args.outside = &outside;
  functions[static_cast<int>(compute_of(input.dtype()))](args);
  check_index(!outside, "max_pool: expected indices of elements of the input, got others");
}

/// Raises unless pooled values and their indices belong to an input of the given sizes.
void check_pooled(const char* op, IntList sizes, const Tensor& pooled, const Tensor& indices) {
  const int n = static_cast<int>(sizes.size());
  check(n >= 3 && n <= 5 && pooled.dim() == n && pooled.sizes() == indices.sizes() && sizes[0] == pooled.size(0) &&
            sizes[1] == pooled.size(1),
        "{}: expected values and indices of one shape, pooled of an input of size {}, got {} and {}", op, Dims(sizes),
        pooled.sizes(), indices.sizes());
}

Tensor as_type(const Tensor& t, DType dtype) { return t.dtype() == dtype ? t : converted(t, dtype); }

}  // namespace

std::tuple<Tensor, Tensor> max_pool(const Tensor& self, IntList kernel_size, IntList stride, IntList padding,
                                    IntList dilation, bool ceil_mode) {
  const Dims shape = pooled_shape("max_pool", self, kernel_size, stride, padding, dilation, ceil_mode);
  const bool last = channels_last(self);
  const DType type = max_type(self.dtype());
  const auto x = dense(self, type, last);
  const auto out = weft::empty(shape, type, format_of(self.dim(), last));
  const auto indices = weft::empty(shape, DType::int64, format_of(self.dim(), last));
  auto args = geometry(self.sizes(), shape, last);
  set_windows(args, kernel_size, stride, padding, dilation);
  run(kernels::table().pool.max, x, out, indices, args);
  return {as_type(out, self.dtype()), indices};
}

Tensor max_pool_backward(const Tensor& grad, const Tensor& indices, IntList sizes) {
  check_pooled("max_pool_backward", sizes, grad, indices);
  const bool last = channels_last(indices);
  const DType type = average_type("max_pool_backward", grad.dtype());
  const auto g = dense(grad, type, last);
  const auto out = weft::empty(sizes, type, format_of(grad.dim(), last));
  auto args = geometry(sizes, grad.sizes(), last);
  run(kernels::table().pool.max_backward, out, g, dense(indices, DType::int64, last), args);
  return as_type(out, grad.dtype());
}

Tensor max_pool_gather(const Tensor& self, const Tensor& indices) {
  check_pooled("max_pool_gather", self.sizes(), indices, indices);
  const bool last = channels_last(indices);
  const DType type = average_type("max_pool_gather", self.dtype());
  const auto out = weft::empty(indices.sizes(), type, format_of(self.dim(), last));
  auto args = geometry(self.sizes(), indices.sizes(), last);
  run(kernels::table().pool.max_gather, dense(self, type, last), out, dense(indices, DType::int64, last), args);
  return as_type(out, self.dtype());
}

Tensor avg_pool(const Tensor& self, IntList kernel_size, IntList stride, IntList padding, bool ceil_mode,
                bool count_include_pad, std::optional<int64_t> divisor_override) {
  const Dims shape = pooled_shape("avg_pool", self, kernel_size, stride, padding, {}, ceil_mode);
  return avg_pool_like(self, shape, kernel_size, stride, padding, count_include_pad, divisor_override);
}

Tensor avg_pool_like(const Tensor& self, IntList sizes, IntList kernel_size, IntList stride, IntList padding,
                     bool count_include_pad, std::optional<int64_t> divisor_override) {
  const bool last = channels_last(self);
  const DType type = average_type("avg_pool", self.dtype());
  const auto out = weft::empty(sizes, type, format_of(self.dim(), last));
  auto args = geometry(self.sizes(), sizes, last);
  set_windows(args, kernel_size, stride, padding, {});
  args.count_include_pad = count_include_pad;
  args.divisor_override = divisor_override.value_or(0);
  run(kernels::table().pool.average, dense(self, type, last), out, {}, args);
  return as_type(out, self.dtype());
}

Tensor avg_pool_backward(const Tensor& grad, IntList sizes, IntList kernel_size, IntList stride, IntList padding,
                         bool count_include_pad, std::optional<int64_t> divisor_override) {
  const bool last = channels_last(grad);
  const DType type = average_type("avg_pool_backward", grad.dtype());
  const auto out = weft::empty(sizes, type, format_of(grad.dim(), last));
  auto args = geometry(sizes, grad.sizes(), last);
  set_windows(args, kernel_size, stride, padding, {});
  args.count_include_pad = count_include_pad;
  args.divisor_override = divisor_override.value_or(0);
  run(kernels::table().pool.average_backward, out, dense(grad, type, last), {}, args);
  return as_type(out, grad.dtype());
}

Tensor adaptive_avg_pool(const Tensor& self, IntList output_size) {
  Dims shape{self.size(0), self.size(1)};
  for (const auto n : output_size) shape.push_back(n);
  const bool last = channels_last(self);
  const DType type = average_type("adaptive_avg_pool", self.dtype());
  const auto out = weft::empty(shape, type, format_of(self.dim(), last));
  auto args = geometry(self.sizes(), shape, last);
  args.adaptive = true;
  run(kernels::table().pool.average, dense(self, type, last), out, {}, args);
  return as_type(out, self.dtype());
}

Tensor adaptive_avg_pool_backward(const Tensor& grad, IntList sizes) {
  const bool last = channels_last(grad);
  const DType type = average_type("adaptive_avg_pool_backward", grad.dtype());
  const auto out = weft::empty(sizes, type, format_of(grad.dim(), last));
  auto args = geometry(sizes, grad.sizes(), last);
  args.adaptive = true;
  run(kernels::table().pool.average_backward, out, dense(grad, type, last), {}, args);
  return as_type(out, grad.dtype());
}

Tensor adaptive_avg_pool_like(const Tensor& self, IntList sizes) {
  check(static_cast<int>(sizes.size()) == self.dim() && sizes.size() > 2,
        "adaptive_avg_pool_like: expected {} sizes, more than 2, got {}", self.dim(), sizes);
  return ops::adaptive_avg_pool(self, sizes.subspan(2));
}

Tensor max_pool1d(const Tensor& self, IntList kernel_size, const std::optional<Dims>& stride, IntList padding,
                  IntList dilation, bool ceil_mode) {
  return max_pool_of("max_pool1d", self, kernel_size, stride, padding, dilation, ceil_mode);
}
Tensor max_pool2d(const Tensor& self, IntList kernel_size, const std::optional<Dims>& stride, IntList padding,
                  IntList dilation, bool ceil_mode) {
  return max_pool_of("max_pool2d", self, kernel_size, stride, padding, dilation, ceil_mode);
}
Tensor max_pool3d(const Tensor& self, IntList kernel_size, const std::optional<Dims>& stride, IntList padding,
                  IntList dilation, bool ceil_mode) {
  return max_pool_of("max_pool3d", self, kernel_size, stride, padding, dilation, ceil_mode);
}

std::tuple<Tensor, Tensor> max_pool1d_with_indices(const Tensor& self, IntList kernel_size,
                                                   const std::optional<Dims>& stride, IntList padding, IntList dilation,
                                                   bool ceil_mode) {
  return max_pool_and_indices("max_pool1d", self, kernel_size, stride, padding, dilation, ceil_mode);
}
std::tuple<Tensor, Tensor> max_pool2d_with_indices(const Tensor& self, IntList kernel_size,
                                                   const std::optional<Dims>& stride, IntList padding, IntList dilation,
                                                   bool ceil_mode) {
  return max_pool_and_indices("max_pool2d", self, kernel_size, stride, padding, dilation, ceil_mode);
}
std::tuple<Tensor, Tensor> max_pool3d_with_indices(const Tensor& self, IntList kernel_size,
                                                   const std::optional<Dims>& stride, IntList padding, IntList dilation,
                                                   bool ceil_mode) {
  return max_pool_and_indices("max_pool3d", self, kernel_size, stride, padding, dilation, ceil_mode);
}

Tensor avg_pool1d(const Tensor& self, IntList kernel_size, const std::optional<Dims>& stride, IntList padding,
                  bool ceil_mode, bool count_include_pad) {
  return avg_pool_of("avg_pool1d", self, kernel_size, stride, padding, ceil_mode, count_include_pad, std::nullopt);
}
Tensor avg_pool2d(const Tensor& self, IntList kernel_size, const std::optional<Dims>& stride, IntList padding,
                  bool ceil_mode, bool count_include_pad, std::optional<int64_t> divisor_override) {
  return avg_pool_of("avg_pool2d", self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override);
}
Tensor avg_pool3d(const Tensor& self, IntList kernel_size, const std::optional<Dims>& stride, IntList padding,
                  bool ceil_mode, bool count_include_pad, std::optional<int64_t> divisor_override) {
  return avg_pool_of("avg_pool3d", self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override);
}

Tensor adaptive_avg_pool1d(const Tensor& self, IntList output_size) {
  return adaptive_of("adaptive_avg_pool1d", self, output_size);
}
Tensor adaptive_avg_pool2d(const Tensor& self, IntList output_size) {
  return adaptive_of("adaptive_avg_pool2d", self, output_size);
}
Tensor adaptive_avg_pool3d(const Tensor& self, IntList output_size) {
  return adaptive_of("adaptive_avg_pool3d", self, output_size);
}

}  // namespace weft::ops::impl
