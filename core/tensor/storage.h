// A block of memory that tensors share, with the version that in-place writes advance.
#pragma once

#include <atomic>
#include <cstddef>

#include "tensor/ref.h"

namespace weft {

class Storage : public RefCounted<Storage> {
 public:
  /// Uninitialised memory from the caching allocator. Small blocks lie beside the header: one allocation.
  static Ref<Storage> create(std::size_t bytes);
  /// Memory that belongs to somebody else (a NumPy array, a mapped file); `free` is called with `owner` at the end.
  static Ref<Storage> borrow(void* data, std::size_t bytes, void* owner, void (*free)(void* owner) noexcept);

  char* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }
  /// Exchanges the memory for a block of `bytes`, keeping the common prefix. For resize_ only: not safe while other
  /// threads use the storage, as in PyTorch. Raises while the memory is pinned.
  void resize(std::size_t bytes);

  /// Moves the bytes to memory that belongs to somebody else, of the same size. Not safe while other threads use it.
  void move_to(void* data, void* owner, void (*free)(void* owner) noexcept);
  /// Who the memory belongs to, if it was borrowed with this `free`.
  void* owner(void (*free)(void* owner) noexcept) const noexcept { return free_ == free ? owner_ : nullptr; }

  /// While somebody outside (a NumPy array) knows the address, the memory cannot be exchanged.
  void pin() noexcept { pins_.fetch_add(1, std::memory_order_relaxed); }
  void unpin() noexcept { pins_.fetch_sub(1, std::memory_order_relaxed); }

  uint32_t version() const noexcept { return version_.load(std::memory_order_relaxed); }
  void bump_version() noexcept { version_.fetch_add(1, std::memory_order_relaxed); }

  static void destroy(Storage* storage) noexcept;

 private:
  Storage() = default;
  void free_data() noexcept;
  void check_unpinned() const;

  char* data_ = nullptr;
  std::size_t bytes_ = 0;
  void* owner_ = nullptr;
  void (*free_)(void*) noexcept = nullptr;
  std::size_t allocation_ = 0;  ///< bytes of the block that holds this header
  bool inline_data_ = false;
  std::atomic<uint32_t> version_{0};  ///< any thread may advance it
  std::atomic<uint32_t> pins_{0};     ///< any thread may pin
};

}  // namespace weft
