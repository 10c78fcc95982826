// The caching allocator: size classes, thread caches, a bound on what is kept.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft {

/// 64-byte aligned memory, not cleared. Zero bytes gives a null pointer. Raises Error(out_of_memory) naming the size.
void* allocate(std::size_t bytes);
/// `bytes` as it was asked for. Any thread may free what another allocated.
void deallocate(void* data, std::size_t bytes) noexcept;

struct MemoryStats {
  int64_t allocated;  ///< bytes in live blocks, rounded to their size class
  int64_t cached;     ///< bytes kept for reuse
  int64_t peak;       ///< largest `allocated` since the last reset
};
/// Sums over threads; exact when no other thread allocates meanwhile.
MemoryStats memory_stats();
/// Bytes that the calling thread has allocated less those it has freed, whoever did the other half.
int64_t thread_balance() noexcept;
void reset_peak_memory();
/// Gives all cached memory that is not in other threads' small caches back to the system.
void empty_cache() noexcept;

}  // namespace weft
