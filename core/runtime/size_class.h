// The allocator's size classes: multiples of 64 bytes up to 256, then four steps to each doubling.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace weft::detail {

/// The class of a block of `bytes` >= 1.
[[gnu::always_inline]] constexpr int size_class(std::size_t bytes) noexcept {
  const std::size_t last = bytes - 1;
  if (last < 256) return static_cast<int>(last / 64);
  const int log = std::bit_width(last) - 1;
  return 4 * (log - 7) + static_cast<int>((last >> (log - 2)) & 3);
}

/// The size of its blocks.
[[gnu::always_inline]] constexpr std::size_t class_bytes(int index) noexcept {
  if (index < 4) return 64 * (static_cast<std::size_t>(index) + 1);
  return (5 + static_cast<std::size_t>(index & 3)) << (index / 4 + 5);
}

inline constexpr std::size_t largest_block = std::size_t{1} << 47;  // the address space of a process
inline constexpr int class_count = size_class(largest_block) + 1;

static_assert(class_bytes(size_class(1)) == 64 && class_bytes(size_class(256)) == 256);
static_assert(class_bytes(size_class(257)) == 320 && class_bytes(size_class(512)) == 512);
static_assert(class_bytes(size_class(513)) == 640 && class_bytes(size_class(3u << 20)) == 3u << 20);
static_assert(class_bytes(class_count - 1) == largest_block);

}  // namespace weft::detail
