// When letting go of the GIL pays. The algorithm and its evidence: docs/notes/gil.md. This file knows nothing of
// Python: the bindings tell it when the lock was let go, taken back, and how long that took.
#pragma once

#include <cstdint>
#include <optional>

namespace weft::governor {

enum class Policy : uint8_t { automatic, release, hold };

Policy process_policy() noexcept;
void set_process_policy(Policy policy) noexcept;
/// This thread's own policy, over the process's; nullopt follows the process.
std::optional<Policy> thread_policy() noexcept;
void set_thread_policy(std::optional<Policy> policy) noexcept;

/// S of the algorithm, in nanoseconds (sys.getswitchinterval(), 5 ms unless told).
void set_switch_interval(int64_t nanoseconds) noexcept;

/// One decision about one native call. All calls with the GIL held, on the calling thread, in the order
/// decide -> (native work) -> done. On a build without a GIL the bindings do not ask.
struct Decision {
  bool release;
  uint8_t size_class;
  uint32_t flips;  ///< the class's flips when decided: a change means the wait is no evidence
  int64_t estimate;
};
/// `estimate`: expected native time in nanoseconds. `alone`: the interpreter has one thread only.
Decision decide(int64_t estimate, bool alone) noexcept;
/// `wait`: nanoseconds spent getting the GIL back (0 when it was held).
void done(const Decision& decision, int64_t wait) noexcept;

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
