#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/row_layout.h"

namespace weft::ops::impl {

namespace {

using Forward = void (*)(const void*, int64_t, int64_t, int64_t, void*);
using Backward = void (*)(const void*, const void*, int64_t, int64_t, int64_t, void*);

Tensor run(const Tensor& self, int64_t dim, const char* op, const Forward (&kernels)[2]) {
  check_floating(self, op);
  const int d = normalize_dim(dim, self.dim());
  const DType work = float_work(self.dtype());
  const Tensor x = packed_as(self, work), y = weft::empty(self.sizes(), work);
  const Lines lines = lines_of(x, d);
  if (x.numel() > 0) kernels[float_index(work)](x.bytes(), lines.outer, lines.n, lines.inner, y.bytes());
  return finished(y, self.dtype());
}

Tensor run_backward(const Tensor& grad, const Tensor& output, int64_t dim, const Backward (&kernels)[2]) {
  const int d = normalize_dim(dim, output.dim());
  const DType work = float_work(output.dtype());
  const Tensor g = packed_as(grad, work), y = packed_as(output, work), dx = weft::empty(output.sizes(), work);
  const Lines lines = lines_of(y, d);
  if (y.numel() > 0) kernels[float_index(work)](g.bytes(), y.bytes(), lines.outer, lines.n, lines.inner, dx.bytes());
  return finished(dx, output.dtype());
}

}  // namespace

Tensor softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
  return ops::_softmax(dtype && *dtype != self.dtype() ? ops::to(self, *dtype) : self, dim);
}
Tensor log_softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
  return ops::_log_softmax(dtype && *dtype != self.dtype() ? ops::to(self, *dtype) : self, dim);
}

Tensor softmax_lines(const Tensor& self, int64_t dim) {
  return run(self, dim, "softmax_lastdim_kernel_impl", kernels::table().softmax.softmax);
}
Tensor log_softmax_lines(const Tensor& self, int64_t dim) {
  return run(self, dim, "log_softmax_lastdim_kernel_impl", kernels::table().softmax.log_softmax);
}
Tensor softmax_lines_backward(const Tensor& grad, const Tensor& output, int64_t dim) {
  return run_backward(grad, output, dim, kernels::table().softmax.softmax_backward);
}
Tensor log_softmax_lines_backward(const Tensor& grad, const Tensor& output, int64_t dim) {
  return run_backward(grad, output, dim, kernels::table().softmax.log_softmax_backward);
}

}  // namespace weft::ops::impl
