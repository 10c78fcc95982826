// Ctrl-C inside native work. The bindings install a poll for the main thread; long loops ask it now and then.
#pragma once

namespace weft {

/// Answers whether a pending signal wants the running operation to stop. Called at most every 50 ms.
using InterruptPoll = bool (*)();

/// While one lives, check_interrupt() on this thread asks `poll`. Nests.
class InterruptScope {
 public:
  explicit InterruptScope(InterruptPoll poll) noexcept;
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

 private:
  InterruptPoll previous_;
};

/// Raises Error(interrupted) when this thread's poll says so; a few nanoseconds otherwise. parallel_for calls it
/// between pieces on the calling thread.
void check_interrupt();

}  // namespace weft
