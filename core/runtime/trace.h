// Records what happened when, thread by thread, while a profile is on. Off, each place that could record costs one load
// and a branch that is never taken. The bindings say what the times mean for Python's lock; docs/notes/profiler.md.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::trace {

enum class Kind : uint8_t {
  op,      ///< a call of an operator, from its bound arguments to its result
  native,  ///< native work inside: the lock was let go in [first, second) and waited for in [second, end)
  python,  ///< Python called from native work: the lock was waited for in [begin, first)
  node,    ///< the backward of one node
  range,   ///< named by the user
  help,    ///< a worker's part in the work of thread `owner`
};

/// Times are governor::now(). `first` and `second` are 0 where the lock was held all along.
struct Event {
  const char* name = nullptr;  ///< lives as long as the process: a literal or intern()'s
  int64_t begin = 0;
  int64_t first = 0;
  int64_t second = 0;
  int64_t end = 0;
  int64_t bytes = 0;  ///< allocated less freed by the thread meanwhile
  uint32_t owner = 0;
  Kind kind = Kind::op;
  const std::string* detail = nullptr;  ///< interned: shapes and stack, as the bindings wrote them
};

struct Thread {
  uint32_t index;
  int64_t id;  ///< the system's
  std::string name;
};

struct Recording {
  std::vector<std::pair<uint32_t, Event>> events;  ///< with the thread's index; in order of ending on each thread
  std::vector<Thread> threads;
  uint64_t lost;  ///< events there was no room for
};

namespace detail {
inline constinit std::atomic<bool> on{false};
}

inline bool enabled() noexcept { return detail::on.load(std::memory_order_relaxed); }
void enable(bool on) noexcept;

/// Adds an event of the calling thread.
void record(const Event& event) noexcept;
/// The calling thread's number in a recording, from 1.
uint32_t thread_index() noexcept;
/// All that was recorded since the last take().
Recording take();
/// One copy of each text, for good.
const std::string* intern(std::string_view text);

/// From construction to destruction an event, if a profile is on at both ends.
class Scope {
 public:
  Scope() noexcept = default;
  Scope(Kind kind, const char* name) noexcept { start(kind, name); }
  ~Scope() {
    if (event_.begin != 0) [[unlikely]]
      finish();
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  void start(Kind kind, const char* name) noexcept {
    if (enabled()) [[unlikely]]
      begin(kind, name);
  }
  bool active() const noexcept { return event_.begin != 0; }
  Event& event() noexcept { return event_; }

 private:
  void begin(Kind kind, const char* name) noexcept;
  void finish() noexcept;

  Event event_;
};

}  // namespace weft::trace
