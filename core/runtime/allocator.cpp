// Thread caches over one shared pool over the system. The design and its figures: docs/notes/runtime.md.
#include "runtime/allocator.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "runtime/error.h"
#include "runtime/fork.h"
#include "runtime/per_thread.h"
#include "runtime/size_class.h"

namespace weft {
namespace {

using detail::class_bytes;
using detail::class_count;
using detail::size_class;

constexpr std::size_t alignment = 64;
// Blocks of a class below this may rest in a thread's cache, and come from malloc; the others are mapped.
constexpr int first_large = size_class(std::size_t{256} << 10);
constexpr int64_t flush_at = 1 << 20;  // a thread reports its balance when it has moved this far

// A free block holds the link to the next one, and the thread that freed it.
struct Block {
  Block* next;
  const void* freed_by;
};

struct List {
  Block* head = nullptr;
  uint32_t count = 0;

  void push(void* data, const void* freed_by = nullptr) noexcept {
    head = new (data) Block{head, freed_by};
    ++count;
  }
  void* pop() noexcept {
    Block* const block = head;
    head = block->next;
    --count;
    return block;
  }

  // One that this thread freed, if it is among the newest: the caches of its core may hold it still, while another
  // core's writes would have to be fetched from there.
  void* pop_own(const void* thread) noexcept {
    constexpr int among = 32;
    Block** link = &head;
    for (int i = 0; i < among && *link != nullptr; ++i, link = &(*link)->next) {
      Block* const block = *link;
      if (block->freed_by != thread) continue;
      *link = block->next;
      --count;
      return block;
    }
    return pop();
  }
};

// ---- The system ----

void* system_allocate(int index) noexcept {
  const std::size_t bytes = class_bytes(index);
  if (index < first_large) return std::aligned_alloc(alignment, bytes);
  void* const data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return data == MAP_FAILED ? nullptr : data;
}

void system_free(void* data, int index) noexcept {
  if (index < first_large) {
    std::free(data);
  } else {
    munmap(data, class_bytes(index));
  }
}

int64_t default_cache_limit() noexcept {
  const int64_t memory = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  return std::max(int64_t{1} << 30, memory / 4);
}

// What may be kept for reuse; 0 sends each freed block to the system, which suits the address sanitizer.
int64_t cache_limit() noexcept {
  static const int64_t limit = [] {
    const char* const text = std::getenv("WEFT_CACHE_BYTES");
    int64_t bytes;
    if (text != nullptr && std::from_chars(text, text + std::strlen(text), bytes).ec == std::errc() && bytes >= 0) {
      return bytes;
    }
    return default_cache_limit();
  }();
  return limit;
}

// ---- The shared pool ----

struct alignas(64) Shelf {
  std::mutex mutex;
  List blocks;  // guarded by mutex
  std::atomic<uint64_t> last_use{0};
};
constinit Shelf shelves[class_count];
std::atomic<int64_t> pool_bytes{0};  // on the shelves; written per batch or large block only
std::atomic<uint64_t> uses{0};       // a clock for last_use, advanced by large blocks

void system_free(List list, int index) noexcept {
  while (list.count != 0) system_free(list.pop(), index);
}

List take_from(Shelf& shelf, int index, uint32_t most, const void* thread = nullptr) noexcept {
  List taken;
  {
    const std::lock_guard lock(shelf.mutex);
    while (taken.count < most && shelf.blocks.count != 0)
      taken.push(thread != nullptr ? shelf.blocks.pop_own(thread) : shelf.blocks.pop());
  }
  const auto bytes = static_cast<int64_t>(class_bytes(index) * taken.count);
  if (bytes != 0) pool_bytes.fetch_sub(bytes, std::memory_order_relaxed);
  return taken;
}

void release_pool() noexcept {
  for (int index = 0; index < class_count; ++index) system_free(take_from(shelves[index], index, UINT32_MAX), index);
}

// Gives back blocks from the shelves used longest ago until `bytes` more fit.
void make_room(int64_t bytes) noexcept {
  for (;;) {
    const int64_t excess = pool_bytes.load(std::memory_order_relaxed) + bytes - cache_limit();
    if (excess <= 0) return;
    int oldest = -1;
    uint64_t oldest_use = UINT64_MAX;
    for (int index = 0; index < class_count; ++index) {
      const std::lock_guard lock(shelves[index].mutex);
      const uint64_t use = shelves[index].last_use.load(std::memory_order_relaxed);
      if (shelves[index].blocks.count != 0 && use < oldest_use) oldest_use = use, oldest = index;
    }
    if (oldest < 0) return;
    const auto size = static_cast<int64_t>(class_bytes(oldest));
    system_free(take_from(shelves[oldest], oldest, static_cast<uint32_t>((excess + size - 1) / size)), oldest);
  }
}

uint64_t tick(int index) noexcept {
  return index < first_large ? uses.load(std::memory_order_relaxed) : uses.fetch_add(1, std::memory_order_relaxed);
}

List take_from_shelf(int index, uint32_t most, const void* thread) noexcept {
  Shelf& shelf = shelves[index];
  if (shelf.last_use.load(std::memory_order_relaxed) == 0) return {};  // never used
  shelf.last_use.store(1 + tick(index), std::memory_order_relaxed);
  return take_from(shelf, index, most, index < first_large ? nullptr : thread);
}

// Blocks past the bound go to the system.
void put_on_shelf(int index, List list, const void* thread) noexcept {
  const auto bytes = static_cast<int64_t>(class_bytes(index) * list.count);
  if (bytes == 0) return;
  if (bytes > cache_limit()) return system_free(list, index);
  make_room(bytes);
  pool_bytes.fetch_add(bytes, std::memory_order_relaxed);
  Shelf& shelf = shelves[index];
  const std::lock_guard lock(shelf.mutex);
  while (list.count != 0) shelf.blocks.push(list.pop(), thread);
  shelf.last_use.store(1 + tick(index), std::memory_order_relaxed);
}

// ---- Counting ----

std::atomic<int64_t> reported{0};  // live bytes that threads have reported
std::atomic<int64_t> reported_peak{0};

void raise_peak(int64_t bytes) noexcept {
  int64_t peak = reported_peak.load(std::memory_order_relaxed);
  while (bytes > peak && !reported_peak.compare_exchange_weak(peak, bytes, std::memory_order_relaxed)) {
  }
}

// ---- Thread caches ----

// How many blocks of a class a thread keeps: 256 KiB, at most 128.
constexpr uint32_t most_blocks(int index) noexcept {
  return static_cast<uint32_t>(std::min<std::size_t>((256u << 10) / class_bytes(index), 128));
}

constexpr std::size_t most_per_thread = [] {
  std::size_t bytes = 0;
  for (int index = 0; index < first_large; ++index) bytes += most_blocks(index) * class_bytes(index);
  return bytes;
}();
static_assert(most_per_thread < 8u << 20);

// A List whose count others may read, and its bound.
struct Bin {
  Block* head = nullptr;
  std::atomic<uint32_t> count{0};
  uint32_t most = 0;

  [[gnu::always_inline]] void push(void* data) noexcept {
    head = new (data) Block{head, nullptr};
    count.store(size() + 1, std::memory_order_relaxed);
  }
  [[gnu::always_inline]] void* pop() noexcept {
    Block* const block = head;
    head = block->next;
    count.store(size() - 1, std::memory_order_relaxed);
    return block;
  }
  [[gnu::always_inline]] uint32_t size() const noexcept { return count.load(std::memory_order_relaxed); }

  List take(uint32_t blocks) noexcept {
    List taken;
    for (; blocks != 0 && size() != 0; --blocks) taken.push(pop());
    return taken;
  }
};

// Written by its thread only, but for `high`, which reset_peak_memory() lowers; others read the atomics.
struct ThreadCache {
  Bin bins[first_large];
  std::atomic<int64_t> balance{0};  // bytes allocated less bytes freed since the last report
  std::atomic<int64_t> high{0};     // its largest value since then
  int64_t earlier = 0;              // the sum of what was reported before

  ThreadCache() noexcept {
    if (cache_limit() < static_cast<int64_t>(most_per_thread)) return;
    for (int index = 0; index < first_large; ++index) bins[index].most = most_blocks(index);
  }
  int64_t cached() const noexcept {
    std::size_t bytes = 0;
    for (int index = 0; index < first_large; ++index) bytes += bins[index].size() * class_bytes(index);
    return static_cast<int64_t>(bytes);
  }
  void retire() noexcept;
  void report() noexcept;
};
using Caches = detail::PerThread<ThreadCache>;

int64_t get(const std::atomic<int64_t>& counter) noexcept { return counter.load(std::memory_order_relaxed); }
void set(std::atomic<int64_t>& counter, int64_t value) noexcept { counter.store(value, std::memory_order_relaxed); }

[[gnu::noinline]] void ThreadCache::report() noexcept {
  const int64_t before = reported.fetch_add(get(balance), std::memory_order_relaxed);
  raise_peak(before + get(high));
  earlier += get(balance);
  set(balance, 0);
  set(high, 0);
}

[[gnu::always_inline]] inline void count_allocated(ThreadCache& cache, int64_t bytes) noexcept {
  const int64_t balance = get(cache.balance) + bytes;
  set(cache.balance, balance);
  if (balance > get(cache.high)) {
    set(cache.high, balance);
    if (balance > flush_at) cache.report();
  }
}

[[gnu::always_inline]] inline void count_freed(ThreadCache& cache, int64_t bytes) noexcept {
  const int64_t balance = get(cache.balance) - bytes;
  set(cache.balance, balance);
  if (balance < -flush_at) cache.report();
}

void ThreadCache::retire() noexcept {
  for (int index = 0; index < first_large; ++index) put_on_shelf(index, bins[index].take(bins[index].size()), nullptr);
  report();
}

[[noreturn, gnu::cold, gnu::noinline]] void out_of_memory(std::size_t bytes) {
  constexpr const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto amount = static_cast<double>(bytes);
  int unit = 0;
  for (; amount >= 1024 && unit < 6; ++unit) amount /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.2f %s", amount, units[unit]);
  fail(ErrorKind::out_of_memory, "out of memory: tried to allocate {}", text);
}

void* allocate_from_system(int index, std::size_t bytes) {
  if (void* const data = system_allocate(index)) return data;
  empty_cache();
  if (void* const data = system_allocate(index)) return data;
  out_of_memory(bytes);
}

// A block that the thread's cache does not have.
[[gnu::noinline]] void* allocate_slowly(ThreadCache* cache, int index, std::size_t bytes) {
  const auto size = static_cast<int64_t>(class_bytes(index));
  Bin* const bin = cache != nullptr && index < first_large ? &cache->bins[index] : nullptr;
  List found = take_from_shelf(index, bin != nullptr ? std::max(bin->most / 2, 1u) : 1, cache);
  void* const data = found.count != 0 ? found.pop() : allocate_from_system(index, bytes);
  while (found.count != 0) bin->push(found.pop());
  if (cache != nullptr) {
    count_allocated(*cache, size);
  } else {
    raise_peak(reported.fetch_add(size, std::memory_order_relaxed) + size);
  }
  return data;
}

// A block that the thread's cache has no place for.
[[gnu::noinline]] void deallocate_slowly(ThreadCache* cache, void* data, int index) noexcept {
  const auto size = static_cast<int64_t>(class_bytes(index));
  List freed;
  if (cache == nullptr) {
    reported.fetch_sub(size, std::memory_order_relaxed);
  } else {
    if (index < first_large) freed = cache->bins[index].take(cache->bins[index].most / 2);
    count_freed(*cache, size);
  }
  freed.push(data);
  put_on_shelf(index, freed, cache);
}

}  // namespace

void* allocate(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  if (bytes > detail::largest_block) [[unlikely]]
    out_of_memory(bytes);
  const int index = size_class(bytes);
  ThreadCache* const cache = Caches::local();
  if (index >= first_large || cache == nullptr || cache->bins[index].size() == 0) [[unlikely]] {
    return allocate_slowly(cache, index, bytes);
  }
  count_allocated(*cache, static_cast<int64_t>(class_bytes(index)));
  return cache->bins[index].pop();
}

void deallocate(void* data, std::size_t bytes) noexcept {
  if (data == nullptr) return;
  const int index = size_class(bytes);
  ThreadCache* const cache = Caches::local();
  if (index >= first_large || cache == nullptr || cache->bins[index].size() >= cache->bins[index].most) [[unlikely]] {
    return deallocate_slowly(cache, data, index);
  }
  count_freed(*cache, static_cast<int64_t>(class_bytes(index)));
  cache->bins[index].push(data);
}

MemoryStats memory_stats() {
  const std::lock_guard lock(Caches::mutex());
  MemoryStats stats{reported.load(), pool_bytes.load(), reported_peak.load()};
  Caches::visit([&](const ThreadCache& cache) {
    stats.allocated += get(cache.balance);
    stats.cached += cache.cached();
  });
  stats.peak = std::max(stats.peak, stats.allocated);
  // A thread was at `high` while the others, as far as we know, were where they are now.
  Caches::visit([&](const ThreadCache& cache) {
    stats.peak = std::max(stats.peak, stats.allocated - get(cache.balance) + get(cache.high));
  });
  return stats;
}

int64_t thread_balance() noexcept {
  const ThreadCache* const cache = Caches::local();
  return cache == nullptr ? 0 : cache->earlier + get(cache->balance);
}

void reset_peak_memory() {
  const std::lock_guard lock(Caches::mutex());
  int64_t allocated = reported.load();
  Caches::visit([&](ThreadCache& cache) {
    allocated += get(cache.balance);
    set(cache.high, get(cache.balance));
  });
  reported_peak.store(allocated);
}

void empty_cache() noexcept {
  if (ThreadCache* const cache = Caches::local()) {
    for (int index = 0; index < first_large; ++index) {
      system_free(cache->bins[index].take(cache->bins[index].size()), index);
    }
  }
  release_pool();
#ifdef __GLIBC__
  malloc_trim(0);  // what lies between blocks that are in use: with many threads several times as much as they hold
#endif
}

namespace {
[[maybe_unused]] const int fork_handlers = detail::install_fork_handlers();
}

void detail::allocator_before_fork() noexcept {
  Caches::mutex().lock();
  for (Shelf& shelf : shelves) shelf.mutex.lock();
}

void detail::allocator_after_fork_in_parent() noexcept {
  for (Shelf& shelf : shelves) shelf.mutex.unlock();
  Caches::mutex().unlock();
}

void detail::allocator_after_fork_in_child() noexcept {
  Caches::forget_other_threads([](ThreadCache& cache) { cache.report(); });
  allocator_after_fork_in_parent();
}

}  // namespace weft
