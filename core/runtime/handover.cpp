#include "runtime/handover.h"

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
constexpr int64_t first_look = 4'000'000;   // how often the first on the bench looks whether the others are still about
constexpr int64_t later_look = 20'000'000;  // and the rest

// Hints, all of them: a wrong one costs time, not order. Python's lock is what excludes; `taker` and `passes` are
// written with it held, `last_opening` by who just let go, the rest by anybody.
alignas(64) constinit std::atomic<bool> taken{false};  // one of ours has the lock or is about to
constinit std::atomic<uint32_t> taker{0};              // which
constinit std::atomic<uint64_t> passes{0};             // from one of ours to another
constinit std::atomic<int> away{0};                    // of ours, at native work or waiting for the lock
constinit std::atomic<int> blocked{0};                 // of ours, waiting in Python's queue because they spun too long
constinit std::atomic<bool> passed_on{false};          // since the last opening
constinit std::atomic<int64_t> last_opening{0};

// Surplus threads sleep on the bench, each with a ticket; those below `called` may go. A word of its own for each of
// the latest tickets, which counts calls.
alignas(64) constinit std::atomic<uint32_t> tickets{0};
constinit std::atomic<uint32_t> called{0};
constexpr uint32_t places = 64;
constinit std::atomic<uint32_t> bench[places];

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

int benched() noexcept { return static_cast<int>(read(tickets) - read(called)); }

// Of ours, at native work or after the lock.
int active() noexcept { return read(away) - benched(); }

void call_up_to(uint32_t ticket) noexcept {
  uint32_t next = read(called);
  while (static_cast<int32_t>(ticket - next) >= 0) {
    if (!called.compare_exchange_weak(next, next + 1, std::memory_order_relaxed)) continue;
    bench[next % places].fetch_add(1, std::memory_order_relaxed);
    detail::futex_wake(bench[next % places]);
    ++next;
  }
}

void call_next() noexcept {
  if (benched() > 0) call_up_to(read(called));
}

void sit_out() noexcept {
  const uint32_t ticket = tickets.fetch_add(1, std::memory_order_relaxed);
  std::atomic<uint32_t>& place = bench[ticket % places];
  for (;;) {
    const uint32_t calls = read(place);
    const int32_t ahead = static_cast<int32_t>(ticket - read(called));
    if (ahead < 0) return;
    const uint64_t seen = read(passes);
    detail::futex_wait(place, calls, ahead == 0 ? first_look : later_look);
    if (read(passes) == seen) return call_up_to(ticket);  // all who could have called have left
  }
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
  if (working - benched() < detail::known_cpus()) call_next();
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
    if (surplus || benched() > 0) {
      if (!surplus) call_next();
      sit_out();
      used = 0;
      now = governor::now();
    }
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
  const int others = away.fetch_sub(1, std::memory_order_relaxed) - 1 - benched();
  if (others + 1 < detail::known_cpus()) call_next();
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
  write(called, read(tickets));
}

}  // namespace weft::detail
