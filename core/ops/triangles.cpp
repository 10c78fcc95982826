#include "generated/impl.h"
#include "generated/ops.h"
#include "ops/strided_loop.h"
#include "ops/support.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace weft::ops::impl {

namespace {

/// Where the zeros of row i begin and end.
struct Span {
  int64_t begin, end;
};

/// Zeroes the columns `zeros_of(i)` in row i of every matrix of `self`.
template <class ZerosOf>
void zero_in_rows(const Tensor& self, const char* name, ZerosOf&& zeros_of) {
  check(self.dim() >= 2, "{}: input tensor must have at least 2 dimensions", name);
  check_no_internal_overlap(self);
  const int64_t rows = self.size(-2), columns = self.size(-1), size = self.element_size();
  if (self.numel() == 0) return;
  const int64_t row_step = self.stride(-2) * size, column_step = self.stride(-1) * size;
  const int batch_dims = self.dim() - 2;
  parallel_elements(self.numel() / columns, 0.2 * static_cast<double>(columns), [&](int64_t first, int64_t last) {
    for (int64_t r = first; r < last; ++r) {
      const auto [begin, end] = zeros_of(r % rows);
      if (begin >= end) continue;
      char* row = self.bytes() + r % rows * row_step;
      int64_t rest = r / rows;
      for (int d = batch_dims - 1; d >= 0; --d) {
        row += rest % self.sizes()[d] * self.strides()[d] * size;
        rest /= self.sizes()[d];
      }
      if (column_step == size) {
        __builtin_memset(row + begin * size, 0, static_cast<std::size_t>((end - begin) * size));
      } else {
        for (int64_t c = begin; c < end; ++c)
          __builtin_memset(row + c * column_step, 0, static_cast<std::size_t>(size));
      }
    }
  });
}

/// Within [-m, n], where moving the diagonal still changes something: sums with it cannot overflow.
int64_t bounded(const Tensor& self, int64_t diagonal) {
  return self.dim() < 2 ? 0 : std::clamp(diagonal, -self.size(-2), self.size(-1));
}

}  // namespace

void tril_(const Tensor& self, int64_t diagonal) {
  const int64_t k = bounded(self, diagonal);
  zero_in_rows(self, "tril",
               [&](int64_t i) { return Span{std::clamp<int64_t>(i + k + 1, 0, self.size(-1)), self.size(-1)}; });
}

void triu_(const Tensor& self, int64_t diagonal) {
  const int64_t k = bounded(self, diagonal);
  zero_in_rows(self, "triu", [&](int64_t i) { return Span{0, std::clamp<int64_t>(i + k, 0, self.size(-1))}; });
}

Tensor diag_embed(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
  const int ndim = self.dim() + 1;
  const int a = normalize_dim(dim1, ndim), b = normalize_dim(dim2, ndim);
  check(a != b, "diagonal dimensions cannot be identical {}, {}", dim1, dim2);
  check_index(self.dim() > 0, "diag_embed: expected at least one dimension, got a 0-dim tensor");
  const int64_t side = self.size(-1) + std::abs(offset);
  Dims sizes(self.sizes());
  sizes.erase(sizes.size() - 1);
  sizes.insert(std::min(a, b), side);
  sizes.insert(std::max(a, b), side);
  return ops::diagonal_backward(self, sizes, offset, a, b);
}

Tensor diag(const Tensor& self, int64_t diagonal) {
  check(self.dim() == 1 || self.dim() == 2, "diag(): Supports 1D or 2D tensors. Got {}D", self.dim());
  return self.dim() == 1 ? ops::diag_embed(self, diagonal) : ops::clone(ops::diagonal(self, diagonal, 0, 1));
}

Tensor diagflat(const Tensor& self, int64_t offset) { return ops::diag(ops::reshape(self, Dims{-1}), offset); }

Tensor trace(const Tensor& self) {
  check(self.dim() == 2, "trace: expected a matrix, but got tensor with dim {}", self.dim());
  check_implemented(self.dtype() != DType::boolean, "trace", self.dtype());
  return ops::sum(ops::diagonal(self, 0, 0, 1));
}

}  // namespace weft::ops::impl
