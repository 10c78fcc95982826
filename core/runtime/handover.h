// How our threads pass Python's lock to one another: a thread that wants it spins for as long as a wake-up would take,
// and now and then the lock is left open for everybody else. Why so: docs/notes/gil.md.
#pragma once

#include <cstdint>

namespace weft::handover {

/// The calling thread is about to let go of the lock, and then has.
void before_letting_go() noexcept;
void after_letting_go() noexcept;
/// The calling thread wants it back, since `now`. Returns the time from which it waited for the lock alone, and not for
/// an opening to end.
int64_t before_taking(int64_t now) noexcept;

/// What other threads of ours did while this one waited.
struct Company {
  int threads = 0;     ///< of them, now at native work or waiting for the lock themselves
  int64_t passes = 0;  ///< how often the lock went from one of ours to another
};
/// The calling thread has it back.
Company after_taking() noexcept;

}  // namespace weft::handover
