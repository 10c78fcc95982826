// Wait credit per op-size class. Why it is so, and what it was measured against: docs/notes/gil.md.
#include "runtime/governor.h"

#include <algorithm>
#include <atomic>

#include "runtime/fork.h"
#include "runtime/per_thread.h"

namespace weft::governor {
namespace {

// Nanoseconds. The names are those of the note.
constexpr int64_t min_op = 300;
constexpr int64_t safe_op = 20'000;
constexpr int64_t longest_gap = 1'000'000;
constexpr int64_t in_passing = 100'000;  // who has the lock for less does not keep it
constexpr double duty = 0.2;
constexpr int first_shift = 3;
constexpr int last_shift = 6;

constexpr int class_count = Correction::classes;
constexpr uint8_t no_evidence = 255;  // a decision that done() learns nothing from

// All fields guarded by the GIL.
struct SizeClass {
  int64_t credit = 0;
  int64_t gained = 0;
  uint32_t flips = 0;
  int shift = first_shift;
  bool hold = false;
};
SizeClass classes[class_count];
int64_t switch_interval = 5'000'000;

std::atomic<Policy> policy_of_process{Policy::automatic};
constinit thread_local std::optional<Policy> policy_of_thread;

struct Counters {
  uint64_t held = 0;
  uint64_t released = 0;
  int64_t waited = 0;
};
// Both guarded by the registry's mutex: what exited threads counted, and the totals at the last reset.
constinit Counters retired;
constinit Counters baseline;

// Written by its thread only; others read the atomics.
struct ThreadState {
  double busy = 0;  // dt: moving average of the op's native time
  double gap = 0;   // dg: and of the time between ops
  int64_t last_end = 0;
  bool fresh = true;  // the averages start at the next op
  std::atomic<uint64_t> held{0};
  std::atomic<uint64_t> released{0};
  std::atomic<int64_t> waited{0};

  void add_to(Counters& sum) const noexcept {
    sum.held += held.load(std::memory_order_relaxed);
    sum.released += released.load(std::memory_order_relaxed);
    sum.waited += waited.load(std::memory_order_relaxed);
  }
  void retire() noexcept { add_to(retired); }
};
using Registry = detail::PerThread<ThreadState>;

// Only the owner writes, so a load and a store do; a locked add would cost ten times as much.
template <class T>
void add(std::atomic<T>& counter, T value) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

uint8_t size_class(int64_t estimate) noexcept {
  return estimate < 20'000 ? 0 : estimate < 100'000 ? 1 : estimate < 500'000 ? 2 : estimate < 2'000'000 ? 3 : 4;
}

// How much waiting a nanosecond of native work without the lock may cost.
int64_t patience(uint8_t size) noexcept { return size == 0 ? 1 : size < 4 ? 2 : 3; }

int64_t corrected(int64_t estimate, const Correction& correction) noexcept {
  return static_cast<int64_t>(static_cast<float>(estimate) * correction.factor[size_class(estimate)]);
}

// A moving average in which one outlier (the thread lost its core for a while) moves little. Threads share it: what
// changes nothing is not written, for a written line has to be fetched by the next core.
void correct(Correction& correction, int64_t estimate, int64_t measured) noexcept {
  constexpr float furthest = 32;
  constexpr float close = 1 / 8.0F;
  constexpr uint8_t settled = 16;
  const uint8_t size = size_class(estimate);
  float& factor = correction.factor[size];
  uint8_t& known = correction.known[size];
  const float seen = std::clamp(static_cast<float>(measured) / static_cast<float>(estimate), factor / 4, factor * 4);
  if (known == settled && std::abs(seen - factor) < close * factor) return;
  known = std::min<uint8_t>(known + 1, settled);
  factor = std::clamp(factor + (seen - factor) / static_cast<float>(known), 1 / furthest, furthest);
}

void update_averages(ThreadState& thread, int64_t estimate, int64_t begin) noexcept {
  const auto busy = static_cast<double>(estimate);
  if (thread.fresh) {
    thread.fresh = false;
    thread.busy = thread.gap = busy;
    return;
  }
  const auto gap = static_cast<double>(std::clamp<int64_t>(begin - thread.last_end, 0, longest_gap));
  thread.busy += (busy - thread.busy) / 16;
  thread.gap += (gap - thread.gap) / 16;
}

bool pays_to_release(const ThreadState& thread, SizeClass& cls, int64_t estimate) noexcept {
  if (estimate >= switch_interval) return true;
  if (estimate < min_op) return false;
  // Waiters would miss so short a window: do not restart their timers.
  if (estimate < safe_op && thread.busy < duty * (thread.busy + thread.gap)) return false;
  if (cls.hold) {
    cls.credit += estimate >> cls.shift;  // pay the debt off with native time spent holding
    if (cls.credit < 0) return false;
    cls.hold = false;  // explore again
    cls.credit = cls.gained = 0;
  }
  return true;
}

// Of a wait, what somebody who kept the lock is to blame for. A thread that computes in Python lets each of ours have
// the lock once an interval; where it went around among ours more often, they waited for one another and for CPUs, and
// holding it would make that no shorter. All who wait suffer from the same keeper: each counts its share.
int64_t blamed(int64_t wait, const handover::Company& company) noexcept {
  if (wait < in_passing) return 0;
  if (company.passes > 0 && 4 * company.passes * switch_interval > 5 * company.threads * wait) return 0;
  return std::min(wait, 2 * switch_interval) / (company.threads + 1);
}

void learn(SizeClass& cls, uint8_t size, int64_t worked, int64_t wait) noexcept {
  const int64_t bound = 2 * switch_interval;
  const int64_t earned = patience(size) * worked - wait;
  if (cls.credit == bound && earned >= 0 && cls.shift == first_shift) return;  // nothing to write
  cls.credit += earned;
  cls.gained += worked;
  if (cls.credit > bound) {
    cls.credit = bound;
    cls.shift = first_shift;
  }
  if (cls.credit < -bound) {
    if (cls.gained < bound && cls.shift < last_shift) ++cls.shift;
    cls.hold = true;
    ++cls.flips;
    cls.credit = -bound;
  }
}

}  // namespace

Policy process_policy() noexcept { return policy_of_process.load(std::memory_order_relaxed); }
void set_process_policy(Policy policy) noexcept { policy_of_process.store(policy, std::memory_order_relaxed); }
std::optional<Policy> thread_policy() noexcept { return policy_of_thread; }
void set_thread_policy(std::optional<Policy> policy) noexcept { policy_of_thread = policy; }

void set_switch_interval(int64_t nanoseconds) noexcept { switch_interval = std::max<int64_t>(nanoseconds, 1); }

Decision decide(int64_t estimate, bool alone, Correction& correction) noexcept {
  ThreadState* const thread = Registry::local();
  const Policy policy = policy_of_thread.value_or(process_policy());
  Decision decision{.release = policy == Policy::release, .size_class = no_evidence, .estimate = estimate};
  if (thread == nullptr) return decision;
  if (policy == Policy::automatic) {
    const int64_t expected = corrected(estimate, correction);
    if (alone) {
      // Nobody waits for the lock now; only an op long enough for a foreign thread to come along lets go.
      decision.release = expected >= switch_interval;
      thread->fresh = true;
    } else {
      decision.begin = now();
      decision.correction = &correction;
      update_averages(*thread, expected, decision.begin);
      decision.size_class = size_class(expected);
      SizeClass& cls = classes[decision.size_class];
      decision.release = pays_to_release(*thread, cls, expected);
      decision.flips = cls.flips;
    }
  }
  add<uint64_t>(decision.release ? thread->released : thread->held, 1);
  return decision;
}

void done_held(const Decision& decision) noexcept {
  if (decision.size_class == no_evidence) return;
  ThreadState* const thread = Registry::local();
  if (thread == nullptr) return;
  thread->last_end = now();
  correct(*decision.correction, decision.estimate, thread->last_end - decision.begin);
}

void done_released(const Decision& decision, int64_t end, const Wait& wait) noexcept {
  ThreadState* const thread = Registry::local();
  if (thread == nullptr) return;
  thread->last_end = now();
  const int64_t waited = thread->last_end - wait.begin;
  add(thread->waited, thread->last_end - end);
  if (decision.size_class == no_evidence) return;
  const int64_t measured = end - decision.begin;
  const int64_t expected = corrected(decision.estimate, *decision.correction);
  correct(*decision.correction, decision.estimate, measured);
  if (expected >= switch_interval) return;
  // A thread that lost its core meanwhile did not work all that time.
  const int64_t worked = std::min(measured, 2 * expected);
  // When the regime changed while this thread waited, its wait is no evidence.
  SizeClass& cls = classes[decision.size_class];
  if (!cls.hold && cls.flips == decision.flips) learn(cls, decision.size_class, worked, blamed(waited, wait.company));
}

namespace {

// The caller holds the registry's mutex.
Counters totals() noexcept {
  Counters sum = retired;
  Registry::visit([&](const ThreadState& thread) { thread.add_to(sum); });
  return sum;
}

}  // namespace

Stats stats() noexcept {
  const std::lock_guard lock(Registry::mutex());
  const Counters sum = totals();
  return {sum.held - baseline.held, sum.released - baseline.released, sum.waited - baseline.waited};
}

void reset_stats() noexcept {
  const std::lock_guard lock(Registry::mutex());
  baseline = totals();
}

}  // namespace weft::governor

namespace weft::detail {

void governor_before_fork() noexcept { governor::Registry::mutex().lock(); }

void governor_after_fork_in_parent() noexcept { governor::Registry::mutex().unlock(); }

void governor_after_fork_in_child() noexcept {
  governor::Registry::forget_other_threads([](governor::ThreadState& thread) { thread.retire(); });
  governor::Registry::mutex().unlock();
}

}  // namespace weft::detail
