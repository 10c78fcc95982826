// The recorder: a buffer per thread, each under a lock that only collecting contends for.
#include "runtime/trace.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mutex>
#include <new>
#include <unordered_set>
#include <utility>

#include "runtime/allocator.h"
#include "runtime/fork.h"
#include "runtime/governor.h"
#include "runtime/per_thread.h"

namespace weft::trace {
namespace {

constexpr std::size_t most_events = 1 << 22;  // of one thread: 300 MB

std::atomic<uint32_t> threads_seen{0};
constinit std::mutex texts_mutex;

// What exited threads left. Both guarded by the registry's mutex; never destroyed: threads may exit after main().
Recording& retired() {
  static Recording& recording = *new Recording{};
  return recording;
}

Thread describe(uint32_t index) {
  char name[32] = "";
  pthread_getname_np(pthread_self(), name, sizeof name);
  return {index, static_cast<int64_t>(syscall(SYS_gettid)), name};
}

struct Buffer {
  std::mutex mutex;  // guards all but `self`, which is written once, by the thread
  std::vector<Event> events;
  uint64_t lost = 0;
  const Thread self = describe(1 + threads_seen.fetch_add(1, std::memory_order_relaxed));

  void move_to(Recording& recording) {
    const std::lock_guard lock(mutex);
    if (!events.empty()) recording.threads.push_back(self);
    for (const Event& event : events) recording.events.emplace_back(self.index, event);
    events = {};
    recording.lost += std::exchange(lost, 0);
  }
  void retire() noexcept {
    try {
      move_to(retired());
    } catch (const std::bad_alloc&) {
      ++retired().lost;
    }
  }
};
using Buffers = weft::detail::PerThread<Buffer>;

}  // namespace

void enable(bool on) noexcept { detail::on.store(on); }

void record(const Event& event) noexcept {
  Buffer* const buffer = Buffers::local();
  if (buffer == nullptr) return;
  const std::lock_guard lock(buffer->mutex);
  if (buffer->events.size() == most_events) {
    ++buffer->lost;
    return;
  }
  try {
    buffer->events.push_back(event);
  } catch (const std::bad_alloc&) {
    ++buffer->lost;
  }
}

uint32_t thread_index() noexcept {
  const Buffer* const buffer = Buffers::local();
  return buffer == nullptr ? 0 : buffer->self.index;
}

Recording take() {
  const std::lock_guard lock(Buffers::mutex());
  Recording recording = std::exchange(retired(), Recording{});
  Buffers::visit([&](Buffer& buffer) { buffer.move_to(recording); });
  return recording;
}

const std::string* intern(std::string_view text) {
  static auto& texts = *new std::unordered_set<std::string>;  // guarded by texts_mutex; its nodes do not move
  const std::lock_guard lock(texts_mutex);
  return &*texts.emplace(text).first;
}

void Scope::begin(Kind kind, const char* name) noexcept {
  event_.kind = kind;
  event_.name = name;
  event_.bytes = -thread_balance();
  event_.begin = governor::now();
}

void Scope::finish() noexcept {
  event_.end = governor::now();
  event_.bytes += thread_balance();
  if (enabled()) record(event_);
}

}  // namespace weft::trace

namespace weft::detail {

void trace_before_fork() noexcept {
  trace::texts_mutex.lock();
  trace::Buffers::mutex().lock();
}

void trace_after_fork_in_parent() noexcept {
  trace::Buffers::mutex().unlock();
  trace::texts_mutex.unlock();
}

// The child starts without a profile: its parent's is not its own.
void trace_after_fork_in_child() noexcept {
  trace::enable(false);
  trace::Buffers::forget_other_threads([](trace::Buffer&) {});
  trace::Buffers::visit([](trace::Buffer& buffer) { buffer.events.clear(); });
  trace_after_fork_in_parent();
}

}  // namespace weft::detail
