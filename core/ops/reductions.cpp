#include "generated/impl.h"
#include "generated/ops.h"
#include "ops/convert.h"
#include "ops/support.h"
#include "runtime/error.h"

namespace weft::ops::impl {

Tensor sum(const Tensor& self, std::optional<DType> dtype) { return ops::sum_dim(self, std::nullopt, false, dtype); }

Tensor sum_dim(const Tensor& self, const std::optional<Dims>& dim, bool keepdim, std::optional<DType> dtype) {
  const auto from = packed_as(self, DType::float64);
  uint64_t chosen = 0;
  if (!dim || dim->empty()) chosen = ~uint64_t{0};
  else for (const auto d : *dim) chosen |= uint64_t{1} << normalize_dim(d, self.dim());
  Dims shape, kept, strides;
  for (int d = 0; d < self.dim(); ++d) { shape.push_back((chosen >> d & 1) ? 1 : self.sizes()[d]); if (!(chosen >> d & 1)) kept.push_back(self.sizes()[d]); }
  auto sum = weft::empty(shape, DType::float64);
  zero_(sum);
  Dims index(self.dim());
  for (int64_t i = 0; i < from.numel(); ++i) {
    int64_t at = 0;
    for (int d = 0; d < self.dim(); ++d) if (!(chosen >> d & 1)) at += index[d] * sum.strides()[d];
    sum.data<double>()[at] += from.data<double>()[i];
    for (int d = self.dim() - 1; d >= 0 && ++index[d] == self.sizes()[d]; --d) index[d] = 0;
  }
  auto out = converted(sum, dtype.value_or(is_integral(self.dtype()) ? DType::int64 : self.dtype()));
  return keepdim ? out : view_of(out, kept, contiguous_strides(kept), 0);
}

Tensor unreduced(const Tensor& g, IntList sizes, const std::optional<Dims>& dim, bool keepdim) {
  Tensor raised = g;
  const auto ndim = static_cast<int>(sizes.size());
  if (!keepdim && dim && !dim->empty()) {
    uint64_t chosen = 0;
    for (const auto d : *dim) chosen |= uint64_t{1} << normalize_dim(d, ndim);
    for (int d = 0; d < ndim; ++d)
      if ((chosen >> d & 1) != 0) raised = ops::unsqueeze(raised, d);
  }
  return ops::expand(raised, sizes);
}

}  // namespace weft::ops::impl
