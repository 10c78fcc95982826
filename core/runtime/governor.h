// When letting go of the GIL pays. The algorithm and its evidence: docs/notes/gil.md. This file knows nothing of
// Python: the bindings tell it when the lock was let go, taken back, and how long that took.
#pragma once

#include <cstdint>
#include <optional>

#include "runtime/handover.h"

namespace weft::governor {

enum class Policy : uint8_t { automatic, release, hold };

Policy process_policy() noexcept;
void set_process_policy(Policy policy) noexcept;
/// This thread's own policy, over the process's; nullopt follows the process.
std::optional<Policy> thread_policy() noexcept;
void set_thread_policy(std::optional<Policy> policy) noexcept;

/// S of the algorithm, in nanoseconds (sys.getswitchinterval(), 5 ms unless told).
void set_switch_interval(int64_t nanoseconds) noexcept;

/// What the calls of one place really took, as a multiple of their estimates, by size of the estimate. The table's
/// costs are those of a middling core and one thread; caches, cores and the pool make them wrong by factors. Guarded by
/// the GIL.
struct Correction {
  static constexpr int classes = 5;
  float factor[classes] = {1, 1, 1, 1, 1};
  uint8_t known[classes] = {};  ///< measurements, as far as they matter
};

/// One decision about one native call. All calls with the GIL held, on the calling thread, in the order
/// decide -> (native work) -> done. On a build without a GIL the bindings do not ask.
struct Decision {
  bool release = true;
  uint8_t size_class = 0;
  uint32_t flips = 0;  ///< the class's flips when decided: a change means the wait is no evidence
  int64_t estimate = 0;
  int64_t begin = 0;
  Correction* correction = nullptr;

  /// Whether others may want the lock and the policy is ours to choose.
  bool shared() const noexcept { return correction != nullptr; }
};
/// `estimate`: expected native time in nanoseconds. `alone`: the interpreter has one thread only.
Decision decide(int64_t estimate, bool alone, Correction& correction) noexcept;
struct Wait {
  int64_t begin;  ///< of waiting for the lock
  handover::Company company;
};
/// The call let go of the lock; its native work ended at `end`, and it has had the lock back since now().
void done_released(const Decision& decision, int64_t end, const Wait& wait) noexcept;
/// The call held the lock.
void done_held(const Decision& decision) noexcept;

struct Stats {
  uint64_t held;
  uint64_t released;
  int64_t waited;  ///< nanoseconds spent getting the lock back
};
Stats stats() noexcept;
void reset_stats() noexcept;

/// A monotonic clock in nanoseconds, cheap enough to read per call.
int64_t now() noexcept;

}  // namespace weft::governor
