// The per-thread poll behind check_interrupt().
#include "runtime/interrupt.h"

#include <cstdint>

#include "runtime/error.h"
#include "runtime/governor.h"

namespace weft {
namespace {

constexpr int64_t poll_interval = 50'000'000;

constinit thread_local InterruptPoll current_poll = nullptr;
// 0 until the first check of a scope, so that opening one costs no clock reading and short work never polls.
constinit thread_local int64_t next_poll = 0;

}  // namespace

InterruptScope::InterruptScope(InterruptPoll poll) noexcept : previous_(current_poll) {
  current_poll = poll;
  next_poll = 0;
}

InterruptScope::~InterruptScope() { current_poll = previous_; }

void check_interrupt() {
  if (current_poll == nullptr) [[likely]]
    return;
  const int64_t now = governor::now();
  if (now < next_poll) return;
  const bool first = next_poll == 0;
  next_poll = now + poll_interval;
  if (!first && current_poll()) raise(ErrorKind::interrupted, "interrupted");
}

}  // namespace weft
