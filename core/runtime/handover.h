// How our threads pass Python's lock to one another: a thread that wants it spins for as long as a wake-up would take,
// more threads than CPUs take turns, and now and then the lock is left open for everybody else. Why so:
// docs/notes/gil.md.
#pragma once

#include <cstdint>

namespace weft::handover {

/// The calling thread has just let go of the lock.
void let_go() noexcept;
/// The calling thread wants it back, since `now`. Returns the time from which it waited for the lock alone, and not for
/// its turn.
int64_t before_taking(int64_t now) noexcept;
/// The calling thread has it back.
void after_taking() noexcept;

}  // namespace weft::handover
