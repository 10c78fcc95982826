#include "runtime/handover.h"

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <type_traits>

#include "runtime/fork.h"
#include "runtime/futex.h"
#include "runtime/governor.h"
#include "runtime/parallel.h"

namespace weft::handover {
namespace {

// Nanoseconds.
constexpr int64_t longest_spin = 100'000;  // blocking and being woken costs half of it, and the lock meanwhile
constexpr int64_t between_openings = 10'000'000;
constexpr int64_t opening = 150'000;         // whoever waits for the lock has woken by then
constexpr int64_t turn = 10'000'000;         // how much a thread does before another has its turn
constexpr int64_t longest_step = 1'000'000;  // what lasted longer was not all work
// How often the one longest on the bench looks whether the others are still about, and the rest.
constexpr int64_t first_look = 4'000'000;
constexpr int64_t later_look = 20'000'000;
constexpr int64_t longest_passed_over = 4 * turn;  // for each thread on the bench

// Hints, all of them: a wrong one costs time, not order. Python's lock is what excludes; `taker` and `passes` are
// written with it held, `last_opening` by who just let go, the rest by anybody.
alignas(64) constinit std::atomic<bool> taken{false};  // one of ours has the lock or is about to
constinit std::atomic<uint32_t> taker{0};              // which
constinit std::atomic<uint64_t> passes{0};             // from one of ours to another
constinit std::atomic<int> away{0};                    // of ours, at native work or waiting for the lock
constinit std::atomic<int> blocked{0};                 // of ours, waiting in Python's queue because they spun too long
constinit std::atomic<bool> passed_on{false};          // since the last opening
constinit std::atomic<int64_t> last_opening{0};

// Surplus threads sleep on the bench. Who finds no place does not sit out.
enum State : uint32_t { vacant, settling, waiting, called };
struct alignas(64) Place {
  std::atomic<uint32_t> state{vacant};
  std::atomic<int> cpu{0};        // where the thread ran
  std::atomic<int64_t> since{0};  // when it sat down
};
constinit std::atomic<int> benched{0};  // waiting, of all places
constinit Place bench[64];

constinit std::atomic<uint32_t> last_number{0};

// The calling thread's.
constinit thread_local uint32_t number = 0;
constinit thread_local bool blocking = false;
constinit thread_local uint64_t passes_before = 0;
constinit thread_local int64_t had_lock = 0;  // when it last got it
constinit thread_local int64_t used = 0;      // of its turn

// Relaxed throughout: nothing is published by these fields.
template <class T>
T read(const std::atomic<T>& field) noexcept {
  return field.load(std::memory_order_relaxed);
}
template <class T>
void write(std::atomic<T>& field, std::type_identity_t<T> value) noexcept {
  field.store(value, std::memory_order_relaxed);
}

// Of ours, at native work or after the lock.
int active() noexcept { return read(away) - read(benched); }

bool leave(Place& place, State next) noexcept {
  uint32_t expected = waiting;
  if (!place.state.compare_exchange_strong(expected, next, std::memory_order_relaxed)) return false;
  benched.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

// Calls the one that sat longest of those that ran on this CPU, if the caller would make room here, or else on another:
// the kernel wakes them where they ran, and they may be pinned there. Nobody is passed over for long.
bool call_next(bool here) noexcept {
  if (read(benched) <= 0) return false;
  const int cpu = sched_getcpu();
  Place *longest = nullptr, *fitting = nullptr;
  for (Place& place : bench) {
    if (read(place.state) != waiting) continue;
    const auto longer = [&](const Place* other) { return other == nullptr || read(place.since) < read(other->since); };
    if (longer(longest)) longest = &place;
    if ((read(place.cpu) == cpu) == here && longer(fitting)) fitting = &place;
  }
  if (longest == nullptr) return false;
  const bool too_long = governor::now() - read(longest->since) > longest_passed_over * read(benched);
  Place* const next = too_long || (fitting == nullptr && !here) ? longest : fitting;
  if (next == nullptr || !leave(*next, called)) return false;
  detail::futex_wake(next->state);
  return true;
}

bool sat_longest(const Place& place) noexcept {
  return std::ranges::none_of(
      bench, [&](const Place& other) { return read(other.state) == waiting && read(other.since) < read(place.since); });
}

void sit_out() noexcept {
  Place* place = nullptr;
  for (Place& free : bench) {
    uint32_t expected = vacant;
    if (!free.state.compare_exchange_strong(expected, settling, std::memory_order_relaxed)) continue;
    place = &free;
    break;
  }
  if (place == nullptr) return;
  write(place->since, governor::now());
  write(place->cpu, sched_getcpu());
  benched.fetch_add(1, std::memory_order_relaxed);
  place->state.store(waiting, std::memory_order_relaxed);
  for (;;) {
    const uint64_t seen = read(passes);
    detail::futex_wait(place->state, waiting, sat_longest(*place) ? first_look : later_look);
    if (read(place->state) == called) break;
    if (read(passes) == seen && leave(*place, called)) break;  // all who could have called have left
  }
  write(place->state, vacant);
}

}  // namespace

void before_letting_go() noexcept {
  if (read(taker) != number) used = 0;  // it lost the lock in Python: slept, or read a file
}

void after_letting_go() noexcept {
  const int64_t working = away.fetch_add(1, std::memory_order_relaxed) + 1;
  if (read(passed_on)) {
    const int64_t now = governor::now();
    if (now - read(last_opening) > between_openings) {
      write(passed_on, false);
      write(last_opening, now);
    }
  }
  if (working - read(benched) < detail::known_cpus()) call_next(false);
  write(taken, false);
}

int64_t before_taking(int64_t now) noexcept {
  if (const int64_t left = read(last_opening) + opening - now; left > 0) {
    const timespec time = {0, left};
    nanosleep(&time, nullptr);
    now = governor::now();
  }
  used += std::min(now - had_lock, longest_step);
  if (used > turn) {
    const bool surplus = active() + read(taken) > detail::known_cpus();
    if (surplus || call_next(true)) {
      sit_out();
      now = governor::now();
    }
    used = 0;
  }
  passes_before = read(passes);
  const int64_t start = now;
  if (active() > detail::known_cpus()) return start;  // whoever spins would take the core of one that works
  // One of ours that blocked has been woken by the last release and needs a moment to arrive.
  while (read(blocked) > 0 && governor::now() - start < longest_spin) detail::pause_cpu();
  while (taken.exchange(true, std::memory_order_relaxed)) {
    while (read(taken)) {
      detail::pause_cpu();
      if (governor::now() - start < longest_spin) continue;
      blocking = true;
      blocked.fetch_add(1, std::memory_order_relaxed);
      return start;
    }
  }
  return start;
}

Company after_taking() noexcept {
  had_lock = governor::now();
  if (blocking) {
    blocking = false;
    blocked.fetch_sub(1, std::memory_order_relaxed);
  }
  write(taken, true);
  const int others = away.fetch_sub(1, std::memory_order_relaxed) - 1 - read(benched);
  if (others + 1 < detail::known_cpus()) call_next(false);
  const Company company = {others, static_cast<int64_t>(read(passes) - passes_before)};
  if (number == 0) number = last_number.fetch_add(1, std::memory_order_relaxed) + 1;
  if (read(taker) != number) {
    write(taker, number);
    write(passes, read(passes) + 1);
    write(passed_on, true);
  }
  return company;
}

}  // namespace weft::handover

namespace weft::detail {

void handover_after_fork_in_child() noexcept {
  using namespace handover;
  write(away, 0);
  write(blocked, 0);
  write(taken, false);
  write(benched, 0);
  for (Place& place : bench) write(place.state, vacant);
}

}  // namespace weft::detail
