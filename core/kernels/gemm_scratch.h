// Working memory of a kernel, given back when it leaves scope.
#pragma once

#include <cstdint>

#include "runtime/allocator.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

/// `count` elements, 64-byte aligned, not cleared, with one cache line to spare so that a full vector may be written
/// at the last element.
template <class T>
class Scratch {
 public:
  [[gnu::always_inline]] explicit Scratch(int64_t count)
      : bytes_(count > 0 ? static_cast<std::size_t>(count) * sizeof(T) + 64 : 0),
        data_(static_cast<T*>(allocate(bytes_))) {}
  [[gnu::always_inline]] ~Scratch() {
    if (bytes_ != 0) deallocate(data_, bytes_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[gnu::always_inline]] T* data() const noexcept { return data_; }
  [[gnu::always_inline]] T& operator[](int64_t i) const noexcept { return data_[i]; }

 private:
  std::size_t bytes_;
  T* data_;
};

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
