// Tensor: a small handle to a strided view over shared storage.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "tensor/dims.h"
#include "tensor/dtype.h"
#include "tensor/ref.h"
#include "tensor/scalar.h"
#include "tensor/storage.h"

namespace weft {

namespace detail {
// Initial-exec speed from a shared library: the flag fits glibc's static TLS reserve.
extern thread_local bool inference_mode [[gnu::tls_model("initial-exec")]];
}  // namespace detail

/// Whether tensors that this thread makes stay out of autograd for good.
inline bool inference_mode() noexcept { return detail::inference_mode; }

/// What autograd hangs on a tensor; the tensor layer only owns it (autograd/meta.h fills it in).
struct AutogradMetaBase {
  virtual ~AutogradMetaBase() = default;
};

/// How a view came about, and so whether writing to it in place can be recorded.
enum class ViewKind : uint8_t { recorded, unrecorded, one_of_several };

/// One tensor. Geometry and storage are written only while a single thread knows the tensor, or by the in-place
/// resizing operations, which PyTorch too leaves to the user to order.
struct TensorImpl : RefCounted<TensorImpl> {
  Ref<Storage> storage;
  int64_t offset = 0;  ///< of the first element, in elements
  int64_t numel = 0;
  Dims sizes;
  Dims strides;  ///< in elements
  DType dtype = DType::float32;
  bool contiguous = true;             ///< row-major without gaps
  bool wrapped_number = false;        ///< came from a Python number: weakest in type promotion
  bool inference = inference_mode();  ///< made in inference mode
  bool opaque = false;                ///< only its geometry is true: the elements are known to Python (sparse)
  bool untracked_writes = false;      ///< from `.data`: in-place writes do not advance the version
  ViewKind view_kind = ViewKind::recorded;
  std::atomic<uint32_t> view_version{0};             ///< the storage's version when autograd last looked at this view
  Ref<TensorImpl> view_base;                         ///< of a differentiable view: the tensor it looks into
  std::atomic<AutogradMetaBase*> autograd{nullptr};  ///< owned; set once, by any thread
  std::atomic<void*> python{nullptr};  ///< the Python object that wraps this, if alive; bindings/ guards it
  std::atomic<void*> left{nullptr};    ///< owned; what the last Python object left to the next one (bindings/)

  static void destroy(TensorImpl* impl) noexcept;
  static void* operator new(std::size_t bytes);
  static void operator delete(void* memory, std::size_t bytes) noexcept;
};

class Tensor {
 public:
  Tensor() noexcept = default;
  explicit Tensor(Ref<TensorImpl> impl) noexcept : impl_(std::move(impl)) {}

  bool defined() const noexcept { return static_cast<bool>(impl_); }
  explicit operator bool() const noexcept { return defined(); }
  TensorImpl* impl() const noexcept { return impl_.get(); }
  const Ref<TensorImpl>& ref() const noexcept { return impl_; }

  int dim() const noexcept { return impl_->sizes.size(); }
  const Dims& sizes() const noexcept { return impl_->sizes; }
  const Dims& strides() const noexcept { return impl_->strides; }
  /// `d` may count from the end; it must be in range (see normalize_dim).
  int64_t size(int d) const noexcept { return impl_->sizes[d < 0 ? d + dim() : d]; }
  int64_t stride(int d) const noexcept { return impl_->strides[d < 0 ? d + dim() : d]; }
  int64_t numel() const noexcept { return impl_->numel; }
  DType dtype() const noexcept { return impl_->dtype; }
  int64_t element_size() const noexcept { return weft::element_size(impl_->dtype); }
  int64_t offset() const noexcept { return impl_->offset; }
  const Ref<Storage>& storage() const noexcept { return impl_->storage; }
  bool is_contiguous() const noexcept { return impl_->contiguous; }
  bool is_channels_last() const noexcept;
  /// No two elements share memory and there are no gaps, in whatever order of dimensions.
  bool is_dense() const noexcept;

  char* bytes() const noexcept { return impl_->storage->data() + impl_->offset * element_size(); }
  template <class T>
  T* data() const noexcept {
    return reinterpret_cast<T*>(bytes());
  }

  uint32_t version() const noexcept { return impl_->storage->version(); }
  void bump_version() const noexcept {
    if (!impl_->untracked_writes) impl_->storage->bump_version();
  }

  friend bool operator==(const Tensor& a, const Tensor& b) noexcept { return a.impl_ == b.impl_; }

 private:
  Ref<TensorImpl> impl_;
};

/// Frees what a Python object left with a tensor; set once by bindings/.
extern void (*drop_left)(void* left) noexcept;

using TensorList = std::vector<Tensor>;
using TensorSpan = std::span<const Tensor>;

enum class MemoryFormat : uint8_t { contiguous, channels_last, channels_last_3d, preserve };

/// Row-major strides; a size of 0 counts as 1.
Dims contiguous_strides(IntList sizes);
/// Strides of the given format; `preserve` means contiguous here.
Dims strides_for(IntList sizes, MemoryFormat format);

/// Uninitialised. Sizes must be >= 0; overflow and out of memory raise.
Tensor empty(IntList sizes, DType dtype, MemoryFormat format = MemoryFormat::contiguous);
Tensor empty_strided(IntList sizes, IntList strides, DType dtype);
/// The strides of `like` when it is dense, in the same order of dimensions otherwise.
Tensor empty_like(const Tensor& like, DType dtype);
/// A 0-dim tensor holding `value`.
Tensor scalar_tensor(const Scalar& value, DType dtype);
/// A 0-dim tensor that takes part in type promotion as a Python number.
Tensor wrapped_number(const Scalar& value);

/// Another view of the same storage, unknown to autograd. Bounds are the caller's duty.
Tensor view_of(const Tensor& source, Dims sizes, Dims strides, int64_t offset);
/// The same elements, detached from autograd; shares the storage and its version.
Tensor alias(const Tensor& source);

/// Recomputes numel and contiguity after sizes or strides changed.
void refresh_geometry(TensorImpl& impl) noexcept;

/// `dim` in [-ndim, ndim) as [0, ndim); a 0-dim tensor counts as 1-dim. Raises IndexError with PyTorch's words.
int normalize_dim(int64_t dim, int ndim);

/// Reads one element (the tensor must have exactly one).
Scalar item(const Tensor& tensor);

}  // namespace weft
