#include "ops/promotion.h"

#include <atomic>

#include "runtime/error.h"

namespace weft::ops {

namespace {

std::atomic<DType> default_float{DType::float32};  // written by set_default_dtype only

int category(DType d) noexcept { return d == DType::boolean ? 0 : is_integral(d) ? 1 : is_floating(d) ? 2 : 3; }

/// The strongest dtype of each class of operand.
struct Promotion {
  // dimensioned tensors, 0-dim tensors, Python numbers
  DType type[3]{};
  bool any[3]{};

  void add(const Tensor& t) noexcept {
    const int rank = t.impl()->wrapped_number ? 2 : t.dim() == 0 ? 1 : 0;
    DType dtype = t.dtype();
    if (rank == 2 && dtype == DType::float64) dtype = default_dtype();
    if (rank == 2 && dtype == DType::complex128)
      dtype = default_dtype() == DType::float64 ? DType::complex128 : DType::complex64;
    type[rank] = any[rank] ? promote(type[rank], dtype) : dtype;
    any[rank] = true;
  }

  /// A weaker class counts only if it has a higher category.
  DType result() const noexcept {
    DType dtype{};
    bool have = false;
    for (int rank = 0; rank < 3; ++rank) {
      if (!any[rank]) continue;
      if (!have)
        dtype = type[rank];
      else if (category(type[rank]) == 3 && category(dtype) == 2)
        dtype = promote(dtype, DType::complex64);  // keeps its precision
      else if (category(type[rank]) > category(dtype))
        dtype = promote(dtype, type[rank]);
      have = true;
    }
    return dtype;
  }
};

}  // namespace

DType result_type(TensorSpan tensors) {
  Promotion promotion;
  for (const auto& t : tensors)
    if (t.defined()) promotion.add(t);
  return promotion.result();
}

DType result_type(std::initializer_list<const Tensor*> tensors) {
  Promotion promotion;
  for (const auto* t : tensors)
    if (t->defined()) promotion.add(*t);
  return promotion.result();
}

DType default_dtype() noexcept { return default_float.load(std::memory_order_relaxed); }

void set_default_dtype(DType dtype) {
  check_type(is_floating(dtype), "only floating-point types are supported as the default type, got {}", dtype);
  default_float.store(dtype, std::memory_order_relaxed);
}

Dims broadcast_shapes(IntList a, IntList b) {
  const auto n = static_cast<int>(std::max(a.size(), b.size()));
  Dims out(n);
  for (int d = 0; d < n; ++d) {
    const int i = d - (n - static_cast<int>(a.size())), j = d - (n - static_cast<int>(b.size()));
    const int64_t x = i < 0 ? 1 : a[i], y = j < 0 ? 1 : b[j];
    check(x == y || x == 1 || y == 1,
          "The size of tensor a ({}) must match the size of tensor b ({}) at non-singleton dimension {}", x, y, d);
    out[d] = x == 1 ? y : x;
  }
  return out;
}

}  // namespace weft::ops
