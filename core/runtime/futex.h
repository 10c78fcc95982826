// Sleeping on a 32-bit word, as the kernel offers it: no memory of its own, so nothing to repair after a fork.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdint>

namespace weft::detail {

inline constexpr int64_t no_timeout = -1;

/// Returns when `word` is no longer `expected`, when woken, after `timeout` nanoseconds, or for no reason at all.
inline void futex_wait(std::atomic<uint32_t>& word, uint32_t expected, int64_t timeout = no_timeout) noexcept {
  const timespec relative = {timeout / 1'000'000'000, timeout % 1'000'000'000};
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, timeout == no_timeout ? nullptr : &relative, nullptr, 0);
}

inline void futex_wake(std::atomic<uint32_t>& word, int threads = INT_MAX) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, threads, nullptr, nullptr, 0);
}

/// Tells the core that this is a spin loop.
inline void pause_cpu() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace weft::detail
