#include "tensor/storage.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "runtime/allocator.h"
#include "runtime/error.h"

namespace weft {

namespace {

constexpr std::size_t header_bytes = 64;  // keeps the data beside it 64-byte aligned
constexpr std::size_t inline_limit = 1024 - header_bytes;

}  // namespace

Ref<Storage> Storage::create(std::size_t bytes) {
  static_assert(sizeof(Storage) <= header_bytes);
  const bool beside = bytes <= inline_limit;
  const std::size_t allocation = header_bytes + (beside ? bytes : 0);
  auto* memory = static_cast<char*>(allocate(allocation));
  auto* storage = new (memory) Storage;
  Ref<Storage> ref(storage);  // owns the header should the next allocation raise
  storage->allocation_ = allocation;
  storage->inline_data_ = beside;
  storage->data_ = beside ? memory + header_bytes : static_cast<char*>(allocate(bytes));
  storage->bytes_ = bytes;
  return ref;
}

Ref<Storage> Storage::borrow(void* data, std::size_t bytes, void* owner, void (*free)(void*) noexcept) {
  auto* storage = new (allocate(header_bytes)) Storage;
  storage->allocation_ = header_bytes;
  storage->data_ = static_cast<char*>(data);
  storage->bytes_ = bytes;
  storage->owner_ = owner;
  storage->free_ = free;
  return Ref<Storage>(storage);
}

void Storage::free_data() noexcept {
  if (free_)
    free_(owner_);
  else if (!inline_data_)
    deallocate(data_, bytes_);
}

void Storage::resize(std::size_t bytes) {
  check_unpinned();
  auto* fresh = static_cast<char*>(allocate(bytes));
  if (data_ != nullptr && fresh != nullptr) std::memcpy(fresh, data_, std::min(bytes, bytes_));
  free_data();
  data_ = fresh;
  bytes_ = bytes;
  inline_data_ = false;
  free_ = nullptr;
}

void Storage::check_unpinned() const {
  check(pins_.load(std::memory_order_relaxed) == 0,
        "Trying to resize storage that is not resizable: an array or buffer looks at its memory");
}

void Storage::move_to(void* data, void* owner, void (*free)(void* owner) noexcept) {
  check_unpinned();
  if (bytes_ != 0) std::memcpy(data, data_, bytes_);
  free_data();
  data_ = static_cast<char*>(data);
  owner_ = owner;
  free_ = free;
  inline_data_ = false;
}

void Storage::destroy(Storage* storage) noexcept {
  storage->free_data();
  const auto bytes = storage->allocation_;
  storage->~Storage();
  deallocate(storage, bytes);
}

}  // namespace weft
