#include "tensor/tensor.h"

#include <numeric>

#include "runtime/allocator.h"
#include "runtime/error.h"

namespace weft {

thread_local bool detail::inference_mode = false;

void* TensorImpl::operator new(std::size_t bytes) { return allocate(bytes); }
void TensorImpl::operator delete(void* memory, std::size_t bytes) noexcept { deallocate(memory, bytes); }

void (*drop_left)(void*) noexcept = nullptr;

void TensorImpl::destroy(TensorImpl* impl) noexcept {
  if (void* const left = impl->left.load(std::memory_order_acquire)) drop_left(left);
  delete impl->autograd.load(std::memory_order_relaxed);
  delete impl;
}

namespace {

/// Whether dimensions walked in the order `order` (outermost first) tile memory without gaps.
template <class Order>
bool packed(const Dims& sizes, const Dims& strides, const Order& order) noexcept {
  int64_t expected = 1;
  for (int i = sizes.size() - 1; i >= 0; --i) {
    const int d = order(i);
    if (sizes[d] == 1) continue;
    if (strides[d] != expected) return false;
    expected *= sizes[d];
  }
  return true;
}

int64_t checked_numel(IntList sizes) {
  int64_t n = 1;
  bool overflow = false;
  bool empty = false;
  for (const auto size : sizes) {
    check(size >= 0, "Trying to create tensor with negative dimension {}: {}", size, Listed{sizes});
    empty |= size == 0;
    overflow |= __builtin_mul_overflow(n, size == 0 ? 1 : size, &n);
  }
  check(empty || !overflow, "Storage size calculation overflowed with sizes={}", Listed{sizes});
  return empty ? 0 : n;
}

std::size_t checked_bytes(int64_t elements, DType dtype, IntList sizes) {
  int64_t bytes = 0;
  check(!__builtin_mul_overflow(elements, element_size(dtype), &bytes),
        "Storage size calculation overflowed with sizes={}", Listed{sizes});
  return static_cast<std::size_t>(bytes);
}

Dims channels_last_order(int ndim) {
  Dims order;  // outermost first: batch, spatial..., channels
  order.push_back(0);
  for (int d = 2; d < ndim; ++d) order.push_back(d);
  order.push_back(1);
  return order;
}

Dims strides_in_order(IntList sizes, const Dims& order) {
  Dims strides(static_cast<int>(sizes.size()));
  int64_t step = 1;
  for (int i = order.size() - 1; i >= 0; --i) {
    const auto d = static_cast<int>(order[i]);
    strides[d] = step;
    step *= std::max<int64_t>(sizes[d], 1);
  }
  return strides;
}

}  // namespace

void refresh_geometry(TensorImpl& impl) noexcept {
  impl.numel = product(impl.sizes);
  impl.contiguous = impl.numel == 0 || packed(impl.sizes, impl.strides, [](int i) { return i; });
}

bool Tensor::is_channels_last() const noexcept {
  if (dim() != 4 && dim() != 5) return false;
  const auto order = channels_last_order(dim());
  return packed(sizes(), strides(), [&](int i) { return static_cast<int>(order[i]); });
}

bool Tensor::is_dense() const noexcept {
  if (is_contiguous()) return true;
  Dims order(dim());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    const auto i = static_cast<int>(a), j = static_cast<int>(b);
    // Dimensions of size one may carry any stride: keep them outermost.
    if ((sizes()[i] == 1) != (sizes()[j] == 1)) return sizes()[i] == 1;
    return strides()[i] > strides()[j];
  });
  return packed(sizes(), strides(), [&](int i) { return static_cast<int>(order[i]); });
}

Dims contiguous_strides(IntList sizes) {
  Dims strides(static_cast<int>(sizes.size()));
  int64_t step = 1;
  for (int d = strides.size() - 1; d >= 0; --d) {
    strides[d] = step;
    step *= std::max<int64_t>(sizes[d], 1);
  }
  return strides;
}

Dims strides_for(IntList sizes, MemoryFormat format) {
  const auto ndim = static_cast<int>(sizes.size());
  if (format == MemoryFormat::channels_last) {
    check(ndim == 4, "required rank 4 tensor to use channels_last format, got rank {}", ndim);
  } else if (format == MemoryFormat::channels_last_3d) {
    check(ndim == 5, "required rank 5 tensor to use channels_last_3d format, got rank {}", ndim);
  } else {
    return contiguous_strides(sizes);
  }
  return strides_in_order(sizes, channels_last_order(ndim));
}

namespace {

Tensor make_tensor(Ref<Storage> storage, Dims sizes, Dims strides, DType dtype) {
  Tensor tensor(Ref<TensorImpl>(new TensorImpl));
  auto& impl = *tensor.impl();
  impl.storage = std::move(storage);
  impl.sizes = std::move(sizes);
  impl.strides = std::move(strides);
  impl.dtype = dtype;
  return tensor;
}

}  // namespace

Tensor empty(IntList sizes, DType dtype, MemoryFormat format) {
  const int64_t numel = checked_numel(sizes);
  const bool row_major = format == MemoryFormat::contiguous || format == MemoryFormat::preserve;
  auto tensor = make_tensor(Storage::create(checked_bytes(numel, dtype, sizes)), sizes,
                            row_major ? contiguous_strides(sizes) : strides_for(sizes, format), dtype);
  if (row_major)
    tensor.impl()->numel = numel;  // contiguous as made
  else
    refresh_geometry(*tensor.impl());
  return tensor;
}

Tensor empty_strided(IntList sizes, IntList strides, DType dtype) {
  check(sizes.size() == strides.size(), "empty_strided: {} sizes but {} strides", sizes.size(), strides.size());
  const int64_t numel = checked_numel(sizes);
  int64_t extent = numel == 0 ? 0 : 1;
  for (std::size_t d = 0; numel != 0 && d < sizes.size(); ++d) {
    check(strides[d] >= 0, "empty_strided: negative strides are not supported, got {}", Listed{strides});
    int64_t reach = 0;
    check(!__builtin_mul_overflow(sizes[d] - 1, strides[d], &reach) && !__builtin_add_overflow(extent, reach, &extent),
          "Storage size calculation overflowed with sizes={} and strides={}", Listed{sizes}, Listed{strides});
  }
  auto tensor = make_tensor(Storage::create(checked_bytes(extent, dtype, sizes)), sizes, strides, dtype);
  refresh_geometry(*tensor.impl());
  return tensor;
}

Tensor empty_like(const Tensor& like, DType dtype) {
  if (like.is_contiguous()) return empty(like.sizes(), dtype);
  if (like.is_dense()) return empty_strided(like.sizes(), like.strides(), dtype);
  // An insertion sort, outermost first, in which repeated dimensions (stride 0) hold their place: as PyTorch orders
  // them.
  Dims order(like.dim());
  std::iota(order.begin(), order.end(), 0);
  for (int i = like.dim() - 2; i >= 0; --i) {
    int at = i;
    for (int j = i + 1; j < like.dim(); ++j) {
      const int64_t outer = like.strides()[static_cast<int>(order[at])],
                    inner = like.strides()[static_cast<int>(order[j])];
      if (outer == 0 || inner == 0) continue;
      if (outer >= inner) break;
      std::swap(order[at], order[j]);
      at = j;
    }
  }
  return empty_strided(like.sizes(), strides_in_order(like.sizes(), order), dtype);
}

Tensor scalar_tensor(const Scalar& value, DType dtype) {
  auto tensor = empty({}, dtype);
  char* const out = tensor.bytes();
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto& slot = *reinterpret_cast<T*>(out);
    if constexpr (std::is_same_v<T, bool>)
      slot = value.to_bool();
    else if constexpr (std::is_integral_v<T>)
      slot = static_cast<T>(value.to_int());
    else if constexpr (std::is_same_v<T, Complex<float>>)
      slot = {static_cast<float>(value.to_double()), static_cast<float>(value.imag())};
    else if constexpr (std::is_same_v<T, Complex<double>>)
      slot = {value.to_double(), value.imag()};
    else if constexpr (std::is_same_v<T, double>)
      slot = value.to_double();
    else
      slot = static_cast<T>(static_cast<float>(value.to_double()));
  });
  return tensor;
}

Tensor wrapped_number(const Scalar& value) {
  auto tensor = scalar_tensor(value, value.kind());
  tensor.impl()->wrapped_number = true;
  return tensor;
}

Tensor view_of(const Tensor& source, Dims sizes, Dims strides, int64_t offset) {
  auto view = make_tensor(source.storage(), std::move(sizes), std::move(strides), source.dtype());
  view.impl()->offset = offset;
  view.impl()->inference = source.impl()->inference;
  view.impl()->untracked_writes = source.impl()->untracked_writes;
  refresh_geometry(*view.impl());
  return view;
}

Tensor alias(const Tensor& source) { return view_of(source, source.sizes(), source.strides(), source.offset()); }

int normalize_dim(int64_t dim, int ndim) {
  const int64_t limit = std::max(ndim, 1);
  check_index(dim >= -limit && dim < limit, "Dimension out of range (expected to be in range of [{}, {}], but got {})",
              -limit, limit - 1, dim);
  return static_cast<int>(dim < 0 ? dim + limit : dim);
}

Scalar item(const Tensor& tensor) {
  check(tensor.numel() == 1, "a Tensor with {} elements cannot be converted to Scalar", tensor.numel());
  return visit_dtype(tensor.dtype(), [&](auto tag) -> Scalar {
    using T = typename decltype(tag)::type;
    const T value = *tensor.data<T>();
    if constexpr (std::is_same_v<T, bool>)
      return Scalar(value);
    else if constexpr (std::is_integral_v<T>)
      return Scalar(static_cast<int64_t>(value));
    else if constexpr (std::is_same_v<T, Complex<float>> || std::is_same_v<T, Complex<double>>)
      return Scalar(static_cast<double>(value.re), static_cast<double>(value.im));
    else if constexpr (std::is_same_v<T, double>)
      return Scalar(value);
    else
      return Scalar(static_cast<double>(static_cast<float>(value)));
  });
}

}  // namespace weft
