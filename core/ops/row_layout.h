// How operators hand tensors to kernels that work along one dimension.
#pragma once

#include <optional>

#include "ops/convert.h"
#include "ops/support.h"
#include "runtime/error.h"
#include "tensor/tensor.h"

namespace weft::ops {

/// A contiguous tensor as [outer, n, inner] around one dimension.
struct Lines {
  int64_t outer = 1, n = 1, inner = 1;
};

inline Lines lines_of(const Tensor& t, int dim) noexcept {
  Lines lines;
  if (t.dim() == 0) return lines;
  for (int d = 0; d < dim; ++d) lines.outer *= t.sizes()[d];
  lines.n = t.sizes()[dim];
  for (int d = dim + 1; d < t.dim(); ++d) lines.inner *= t.sizes()[d];
  return lines;
}

/// The type that floating-point kernels compute `dtype` in: half precision in float32.
inline DType float_work(DType dtype) noexcept { return dtype == DType::float64 ? DType::float64 : DType::float32; }
/// Its index in kernel tables built for float and double.
inline int float_index(DType dtype) noexcept { return dtype == DType::float64 ? 1 : 0; }

/// Raises as PyTorch does for dtypes an operator has no kernel for.
inline void check_floating(const Tensor& t, const char* op) {
  check_implemented(is_floating(t.dtype()), op, t.dtype());
}

/// `t` contiguous in the type it is computed in; undefined stays undefined.
inline Tensor float_input(const Tensor& t, DType work) { return t.defined() ? packed_as(t, work) : t; }
inline const void* pointer(const Tensor& t) noexcept { return t.defined() && t.numel() > 0 ? t.bytes() : nullptr; }
inline void* output_pointer(const Tensor& t) noexcept { return t.defined() && t.numel() > 0 ? t.bytes() : nullptr; }
/// A finished result in the dtype it was asked for.
inline Tensor finished(const Tensor& t, DType dtype) {
  return !t.defined() || t.dtype() == dtype ? t : converted(t, dtype);
}

/// The type that order and addition are computed in: integers and bool as int64, half precision as float32.
inline DType ordered_work(DType dtype) noexcept { return is_integral(dtype) ? DType::int64 : float_work(dtype); }
/// Its index in tables built for float, double and int64.
inline int ordered_index(DType dtype) noexcept { return is_integral(dtype) ? 2 : float_index(dtype); }

/// The index of an element size in tables built for 1, 2, 4, 8 and 16 bytes.
inline int size_class(int64_t element_size) noexcept { return __builtin_ctzll(static_cast<uint64_t>(element_size)); }

}  // namespace weft::ops
