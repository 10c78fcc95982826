// governor::now(): the CPU's time stamp counter where it is steady, scaled once against the system's clock.
#include <time.h>

#include <atomic>
#include <cstdint>

#include "runtime/governor.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace weft::governor {
namespace {

int64_t system_now() noexcept {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

#if defined(__x86_64__)

bool counter_is_steady() noexcept {
  unsigned a, b, c, d;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & (1u << 8)) != 0;  // "invariant TSC"
}

struct Origin {
  int64_t ticks = static_cast<int64_t>(__builtin_ia32_rdtsc());
  int64_t nanoseconds = system_now();
  bool steady = counter_is_steady();
};
const Origin origin;

// Nanoseconds per tick; 0 while the span since `origin` is too short to tell.
std::atomic<double> scale{0};

[[gnu::cold, gnu::noinline]] int64_t calibrate() noexcept {
  constexpr int64_t long_enough = 20'000'000;  // readings are off by tens of nanoseconds: a few parts in a million
  const int64_t ticks = static_cast<int64_t>(__builtin_ia32_rdtsc()) - origin.ticks;
  const int64_t now = system_now();
  const int64_t span = now - origin.nanoseconds;
  if (origin.steady && span > long_enough && ticks > 0) {
    scale.store(static_cast<double>(span) / static_cast<double>(ticks), std::memory_order_relaxed);
  }
  return now;
}

#endif

}  // namespace

#if defined(__x86_64__)

// 10 ns where clock_gettime takes 26.
int64_t now() noexcept {
  const double factor = scale.load(std::memory_order_relaxed);
  if (factor == 0) [[unlikely]]
    return calibrate();
  const int64_t ticks = static_cast<int64_t>(__builtin_ia32_rdtsc()) - origin.ticks;
  return origin.nanoseconds + static_cast<int64_t>(static_cast<double>(ticks) * factor);
}

#else

int64_t now() noexcept { return system_now(); }

#endif

}  // namespace weft::governor
