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
constexpr int64_t turn = 10'000'000;       // how long a thread keeps its seat while others want one
constexpr int64_t abandoned = 2'000'000;   // a seat not used for so long is anybody's
constexpr int64_t longest_park = 50'000'000;
constexpr int64_t between_openings = 10'000'000;
constexpr int64_t opening = 150'000;  // whoever waits for the lock has woken by then

// A seat for each CPU: threads with one compete for the lock, the others sleep. Written by whoever takes the seat; the
// times are hints.
struct alignas(64) Seat {
  std::atomic<uint32_t> owner{0};  // the thread's number, 0 when free
  std::atomic<int64_t> since{0};   // when the owner's turn began
  std::atomic<int64_t> seen{0};    // when it last wanted the lock
};
constexpr int most_seats = 64;
constinit Seat seats[most_seats];

// Threads without a seat sleep on `given_up`, which counts seats given up.
alignas(64) constinit std::atomic<uint32_t> given_up{0};
constinit std::atomic<int> parked{0};

// All of these are hints: a wrong one costs time, not order. Python's lock is what excludes.
alignas(64) constinit std::atomic<bool> taken{false};  // one of ours has the lock or is about to
constinit std::atomic<uint32_t> taker{0};              // which
constinit std::atomic<int> blocked{0};                 // of ours, waiting in Python's queue because they spun too long
constinit std::atomic<bool> passed_on{false};          // from one of ours to another since the last opening
constinit std::atomic<int64_t> last_opening{0};

constinit std::atomic<uint32_t> last_number{0};

// The calling thread's.
constinit thread_local uint32_t number = 0;
constinit thread_local Seat* seat = nullptr;
constinit thread_local bool blocking = false;

// Relaxed throughout: nothing is published by these fields.
template <class T>
T read(const std::atomic<T>& field) noexcept {
  return field.load(std::memory_order_relaxed);
}
template <class T>
void write(std::atomic<T>& field, std::type_identity_t<T> value) noexcept {
  field.store(value, std::memory_order_relaxed);
}

bool sit_down(int64_t now) noexcept {
  for (Seat* place = seats; place < seats + std::min(allowed_cpus(), most_seats); ++place) {
    uint32_t owner = read(place->owner);
    if (owner != 0 && now - read(place->seen) < abandoned) continue;
    if (!place->owner.compare_exchange_strong(owner, number, std::memory_order_relaxed)) continue;
    write(place->since, now);
    write(place->seen, now);
    seat = place;
    return true;
  }
  return false;
}

int64_t park(int64_t now) noexcept {
  const int64_t end = now + longest_park;
  parked.fetch_add(1, std::memory_order_relaxed);
  do {
    detail::futex_wait(given_up, read(given_up), turn);
    now = governor::now();
  } while (!sit_down(now) && now < end);
  parked.fetch_sub(1, std::memory_order_relaxed);
  return now;
}

/// Returns the time when it is this thread's turn.
int64_t await_turn(int64_t now) noexcept {
  if (number == 0) number = last_number.fetch_add(1, std::memory_order_relaxed) + 1;
  if (seat == nullptr || read(seat->owner) != number) return sit_down(now) ? now : park(now);
  write(seat->seen, now);
  if (read(parked) == 0 || now - read(seat->since) < turn) return now;
  write(seat->owner, 0);
  given_up.fetch_add(1, std::memory_order_relaxed);
  detail::futex_wake(given_up, 1);
  return park(now);
}

}  // namespace

void let_go() noexcept {
  if (read(passed_on)) {
    const int64_t now = governor::now();
    if (now - read(last_opening) > between_openings) {
      write(passed_on, false);
      write(last_opening, now);
    }
  }
  write(taken, false);
}

int64_t before_taking(int64_t now) noexcept {
  now = await_turn(now);
  if (const int64_t left = read(last_opening) + opening - now; left > 0) {
    const timespec time = {0, left};
    nanosleep(&time, nullptr);
    now = governor::now();
  }
  const int64_t start = now;
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

void after_taking() noexcept {
  if (blocking) {
    blocking = false;
    blocked.fetch_sub(1, std::memory_order_relaxed);
    write(taken, true);
  }
  if (read(taker) != number) {
    write(taker, number);
    write(passed_on, true);
  }
}

}  // namespace weft::handover

namespace weft::detail {

void handover_after_fork_in_child() noexcept {
  using namespace handover;
  for (Seat& place : seats) write(place.owner, 0);
  write(parked, 0);
  write(blocked, 0);
  write(taken, false);
}

}  // namespace weft::detail
