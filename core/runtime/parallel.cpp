// The worker pool: job slots, claims, waking and parking. The design and its figures: docs/notes/runtime.md.
#include "runtime/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <iterator>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/error.h"
#include "runtime/fork.h"
#include "runtime/futex.h"
#include "runtime/governor.h"
#include "runtime/interrupt.h"
#include "runtime/trace.h"

namespace weft {
namespace {

using Body = FunctionRef<void(int64_t, int64_t)>;

constexpr int slot_count = 256;
constexpr int most_workers = 4096;
constexpr int wake_fan_out = 4;  // the woken wake others: a tree
// Nanoseconds. Waking a parked thread costs the waker 6 to 20 us and reaches the woken after 4 to 40 (measured under
// KVM), so a worker spins that long where work has lately come so soon, else only for a moment.
constexpr int64_t soon = 40'000;
constexpr int64_t long_spin = 50'000;
constexpr int64_t short_spin = 3'000;
constexpr int64_t longest_wait = 200'000;  // as the average sees it
constexpr int64_t caller_spin = 30'000;    // before a caller parks whose last pieces are still running
constexpr int soon_in_a_row = 12;          // short regions that wake parked workers
constexpr int64_t tiny_region = 8'000;     // on one thread: not worth handing over
constexpr int64_t short_region = 80'000;   // nor waking a parked worker, which comes after 20 to 60 us
constexpr int64_t quantum = 100'000;       // a worker looks at other callers' jobs at least this often
constexpr int64_t interrupt_poll = 50'000'000;
constexpr int64_t look_interval = 100'000'000;  // at the affinity, which the user may change while we run
constexpr auto fork_patience = std::chrono::milliseconds(500);
constexpr uint32_t owner_parked = 1u << 31;  // in Job::pending
constexpr int64_t most_pieces = 1 << 30;     // in one job

// Pieces [first, end) of a job that nobody has claimed.
struct Offer {
  uint32_t first = 0, end = 0;
  uint32_t count() const noexcept { return end - first; }
};
static_assert(std::atomic<Offer>::is_always_lock_free);

// What is to be run. Every second region of a thread takes its pieces the other way, and so meets first what the one
// before left in the caches last. The caller's part, which it claims from the front, and that of the workers, who claim
// from the back, turn each by itself.
struct Region {
  const Body* body = nullptr;
  int64_t n = 0, grain = 1;
  uint32_t pieces = 0, callers = 0;  // callers: how many of them are its part
  bool turned = false;

  void run(uint32_t i) const {
    if (turned) i = (i < callers ? callers : callers + pieces) - 1 - i;
    const int64_t begin = i * grain;
    (*body)(begin, std::min(begin + grain, n));
  }
};

// One region on offer. Slots are never freed, so a worker may look at a stale one: it touches the plain fields only
// while it holds a piece, and the owner writes them only while no piece is on offer or in flight.
struct alignas(64) Job {
  Region region;
  uint32_t traced = 0;    // the owner's number when a profile is on
  bool wakes_all = true;  // parked workers too
  std::atomic<bool> cancelled{false};
  std::atomic<bool> failed{false};
  std::exception_ptr error;                 // written by the thread that set `failed`
  std::atomic<const void*> owner{nullptr};  // the calling thread's tag; null when the slot is free
  std::atomic<bool> running{false};         // the owner is computing, and not already counted elsewhere

  alignas(64) std::atomic<Offer> offer{Offer{}};
  alignas(64) std::atomic<uint32_t> pending{0};  // pieces not finished; a futex word
};

struct Worker {
  pthread_t handle;
  bool started = false;
  bool ended = false;
};

struct Pool {
  Job slots[slot_count];
  std::atomic<int> used{0};         // slots ever taken: the bound of a scan
  std::atomic<int> limit{0};        // num_threads(); 0 until asked
  std::atomic<int> cpus{1};         // what the machine allows, whatever the limit is
  std::atomic<int> ready{0};        // the limit that workers were last started for
  std::atomic<bool> chosen{false};  // the user set the limit: the affinity has no say
  std::atomic<int> affinity{0};     // CPUs when last looked at
  std::atomic<int64_t> next_look{0};
  std::atomic<int> avoided{-1};  // the CPU that the workers keep away from

  alignas(64) std::atomic<uint32_t> epoch{0};  // a futex word: bumped to wake
  std::atomic<int> idle{0};                    // workers that wait for a bump
  std::atomic<int> sleeping{0};                // those of them that are parked
  std::atomic<int> alive{0};

  alignas(64) std::mutex mutex;  // guards the rest, and starting and ending workers
  std::condition_variable worker_ended;
  std::vector<Worker> workers;
  int stoppers = 0;                   // threads about to fork
  std::atomic<bool> stopping{false};  // stoppers != 0
  std::atomic<uint32_t> process{0};   // counts forks: a worker of another process has to end
};

Pool& pool() noexcept {
  static Pool& instance = *new Pool;  // never destroyed: workers may be busy while the process exits
  return instance;
}

constinit thread_local char thread_tag = 0;             // its address names the thread
constinit thread_local bool thread_is_counted = false;  // as a running caller or as a worker
constinit thread_local int usual_slot = 0;
constinit thread_local int64_t last_region = 0;  // when it ended
constinit thread_local bool last_turned = false;
// How long regions of this thread lately took, or would have taken on it alone, by what they were: the same work tends
// to come back. A stranger counts as long.
struct Remembered {
  uint32_t key, time;
};
constinit thread_local Remembered remembered[64] = {};
constinit thread_local int regions_soon = 0;  // that began soon after the one before, in a row

int running_callers(Pool& p) noexcept {
  int callers = 0;
  const int used = p.used.load(std::memory_order_acquire);
  for (int i = 0; i < used; ++i) callers += p.slots[i].running.load(std::memory_order_relaxed);
  return callers;
}

// Threads that may still be put to work without exceeding the limit.
int room(Pool& p) noexcept {
  const int awake = p.alive.load(std::memory_order_relaxed) - p.idle.load(std::memory_order_relaxed);
  return p.limit.load(std::memory_order_relaxed) - running_callers(p) - awake;
}

bool oversubscribed(Pool& p) noexcept {
  return p.limit.load(std::memory_order_relaxed) > p.cpus.load(std::memory_order_relaxed);
}

// Called with pieces on offer. The sequentially consistent pair (offer, read idle) here and (raise idle, look for
// offers) in a worker going idle leaves no moment in which both miss each other.
void wake_workers(Pool& p, uint32_t pieces, bool wakes_all) noexcept {
  const int idle = p.idle.load();
  if (idle == 0 || (!wakes_all && idle == p.sleeping.load())) return;
  const int wanted = std::min({static_cast<int>(std::min<uint32_t>(pieces, wake_fan_out)), idle, room(p)});
  if (wanted <= 0) return;
  p.epoch.fetch_add(1);
  const int sleeping = p.sleeping.load();
  const int spinning = idle - sleeping;
  if (wakes_all && sleeping > 0 && wanted > spinning) detail::futex_wake(p.epoch, wanted - std::max(spinning, 0));
}

void finish(Job& job, uint32_t pieces) noexcept {
  if (job.pending.fetch_sub(pieces, std::memory_order_acq_rel) - pieces == owner_parked)
    detail::futex_wake(job.pending);
}

// Called from a catch block, by a thread that holds a piece or owns the job.
void fail_job(Job& job) noexcept {
  if (!job.failed.exchange(true)) job.error = std::current_exception();
  job.cancelled.store(true, std::memory_order_relaxed);
  const uint32_t dropped = job.offer.exchange({}).count();
  if (dropped != 0) finish(job, dropped);
}

// Reports pieces done. Recorded first: the owner's profile may end with the job.
void leave(Job& job, uint32_t pieces, trace::Event& help) noexcept {
  if (help.begin != 0) [[unlikely]] {
    help.end = governor::now();
    trace::record(help);
  }
  finish(job, pieces);
}

[[gnu::cold, gnu::noinline]] void move_workers_off(Pool& p, int cpu) noexcept {
  if (cpu < 0 || oversubscribed(p) || running_callers(p) > 1) return;
  const std::unique_lock lock(p.mutex, std::try_to_lock);
  if (!lock) return;
  for (const Worker& worker : p.workers) {
    if (worker.started && !worker.ended) detail::adopt_process_affinity(worker.handle, cpu);
  }
  p.avoided.store(cpu, std::memory_order_relaxed);
}

// The workers of an only caller may run on any CPU but its own: the scheduler of a guest was seen to leave both on one
// (docs/notes/runtime.md). A region inside another changes nothing.
void keep_workers_away(Pool& p, const Job& job) noexcept {
  if (p.idle.load(std::memory_order_relaxed) == 0 || !job.running.load(std::memory_order_relaxed)) return;
  const int cpu = sched_getcpu();
  if (cpu != p.avoided.load(std::memory_order_relaxed)) [[unlikely]]
    move_workers_off(p, cpu);
}

// Works on `job` until it offers no more or `deadline` has passed, and reports the pieces done at once, to write to the
// shared counters seldom.
template <bool is_owner>
uint32_t take_part(Pool& p, Job& job, int64_t deadline) noexcept {
  uint32_t done = 0;
  trace::Event help{.kind = trace::Kind::help};
  for (;;) {
    // Large claims while much is left, single pieces at the end. The owner takes from the front, workers from the back:
    // in a chain of operators each half of the data stays in the core that wrote it.
    Offer offer = job.offer.load(std::memory_order_relaxed), rest;
    const uint32_t share = 4 * static_cast<uint32_t>(p.limit.load(std::memory_order_relaxed));
    uint32_t count;
    do {
      if (offer.count() == 0) {
        if (done != 0) leave(job, done, help);
        return done;
      }
      count = std::max(offer.count() / share, 1u);
      rest = offer;
      if (is_owner)
        rest.first += count;
      else
        rest.end -= count;
    } while (!job.offer.compare_exchange_weak(offer, rest, std::memory_order_acquire, std::memory_order_relaxed));
    if (rest.count() != 0) {
      if constexpr (is_owner) keep_workers_away(p, job);
      wake_workers(p, rest.count(), job.wakes_all);
    }
    if (!is_owner && done == 0 && job.traced != 0) [[unlikely]]
      help.owner = job.traced, help.begin = governor::now();
    try {
      const uint32_t first = is_owner ? offer.first : rest.end;
      for (uint32_t i = first; i != first + count && !job.cancelled.load(std::memory_order_relaxed); ++i) {
        job.region.run(i);
        if constexpr (is_owner) check_interrupt();
      }
    } catch (...) {
      fail_job(job);
    }
    done += count;
    if (!is_owner && governor::now() > deadline) {
      leave(job, done, help);
      return done;
    }
  }
}

bool spin_until(int64_t budget, auto condition) noexcept {
  const int64_t deadline = governor::now() + budget;
  do {
    for (int i = 0; i < 8; ++i) {
      if (condition()) return true;
      detail::pause_cpu();
    }
  } while (governor::now() < deadline);
  return condition();
}

void wait_for_pieces(Pool& p, Job& job) noexcept {
  const auto none_pending = [&] { return job.pending.load(std::memory_order_acquire) == 0; };
  if (none_pending()) return;
  if (!oversubscribed(p) && spin_until(caller_spin, none_pending)) return;
  uint32_t pending = job.pending.fetch_or(owner_parked, std::memory_order_acq_rel) | owner_parked;
  while (pending != owner_parked) {
    detail::futex_wait(job.pending, pending, interrupt_poll);
    try {
      check_interrupt();
    } catch (...) {
      fail_job(job);
    }
    pending = job.pending.load(std::memory_order_acquire);
  }
}

// ---- Workers ----

bool has_offer(const Job& job) noexcept { return job.offer.load().count() != 0; }

// Does a quantum of work for some caller; false when there is none, or when the callers keep all CPUs busy themselves.
bool help(Pool& p, int& cursor) noexcept {
  const int used = p.used.load(std::memory_order_acquire);
  for (int i = 0; i < used; ++i) {
    const int slot = (cursor + i) % used;
    if (!has_offer(p.slots[slot])) continue;
    if (room(p) < 0) return false;
    cursor = slot + 1;
    take_part<false>(p, p.slots[slot], governor::now() + quantum);
    return true;
  }
  return false;
}

bool has_work(Pool& p) noexcept {
  const int used = p.used.load();
  for (int i = 0; i < used; ++i) {
    // This worker is idle now: it would need room for one.
    if (has_offer(p.slots[i])) return room(p) > 0;
  }
  return false;
}

struct WorkerArgument {
  int index;
  uint32_t process;
};

bool should_end(Pool& p, const WorkerArgument& self) noexcept {
  return p.stopping.load() || self.index >= p.limit.load() - 1 || self.process != p.process.load();
}

// `usual_wait` is a moving average. It counts the time this thread was ready but not running too: where others want the
// CPU, a worker parks soon.
void wait_for_work(Pool& p, const WorkerArgument& self, uint32_t seen, int64_t& usual_wait) noexcept {
  p.idle.fetch_add(1);
  const int64_t start = governor::now();
  if (!has_work(p) && !should_end(p, self)) {
    const auto bumped = [&] { return p.epoch.load(std::memory_order_relaxed) != seen; };
    if (oversubscribed(p) || !spin_until(usual_wait < soon ? long_spin : short_spin, bumped)) {
      p.sleeping.fetch_add(1);
      detail::futex_wait(p.epoch, seen);
      p.sleeping.fetch_sub(1);
    }
  }
  p.idle.fetch_sub(1);
  usual_wait += (std::min<int64_t>(governor::now() - start, longest_wait) - usual_wait) / 4;
}

// Decided under the lock, against a limit that rises again or a fork that is over.
bool end_worker(Pool& p, const WorkerArgument& self) noexcept {
  if (self.process != p.process.load()) return true;
  const std::lock_guard lock(p.mutex);
  if (!should_end(p, self)) return false;
  p.alive.fetch_sub(1);
  p.workers[static_cast<std::size_t>(self.index)].ended = true;
  p.worker_ended.notify_all();
  return true;
}

void* worker_main(void* argument) {
  detail::adopt_process_affinity(pthread_self());
  const WorkerArgument self = *static_cast<WorkerArgument*>(argument);
  delete static_cast<WorkerArgument*>(argument);
  Pool& p = pool();
  p.avoided.store(-1, std::memory_order_relaxed);
  thread_is_counted = true;
  int cursor = self.index;
  int64_t usual_wait = 0;
  p.idle.fetch_sub(1);
  for (;;) {
    const uint32_t seen = p.epoch.load();
    while (!should_end(p, self) && help(p, cursor)) {
    }
    if (!should_end(p, self)) {
      wait_for_work(p, self, seen, usual_wait);
    } else if (end_worker(p, self)) {
      return nullptr;
    }
  }
}

void join_ended(Pool& p) noexcept {
  for (Worker& worker : p.workers) {
    if (!worker.started || !worker.ended) continue;
    pthread_join(worker.handle, nullptr);
    worker = {};
  }
}

// A thread that cannot be created is done without: callers never wait for one.
bool start_worker(Pool& p, int index) noexcept {
  auto* const argument = new (std::nothrow) WorkerArgument{index, p.process.load()};
  if (argument == nullptr) return false;
  p.alive.fetch_add(1);
  p.idle.fetch_add(1);
  Worker& worker = p.workers[static_cast<std::size_t>(index)];
  if (pthread_create(&worker.handle, nullptr, worker_main, argument) != 0) {
    p.alive.fetch_sub(1);
    p.idle.fetch_sub(1);
    delete argument;
    return false;
  }
  pthread_setname_np(worker.handle, "weft-worker");
  worker.started = true;
  return true;
}

[[gnu::cold, gnu::noinline]] void start_workers(Pool& p, int limit) {
  const std::lock_guard lock(p.mutex);
  if (p.stoppers != 0 || p.ready.load() == limit) return;
  join_ended(p);
  const int wanted = std::min(limit - 1, most_workers);
  if (static_cast<int>(p.workers.size()) < wanted) p.workers.resize(static_cast<std::size_t>(wanted));
  // Signals are for Python's threads, but for those that report a fault of the worker itself.
  sigset_t blocked, previous;
  sigfillset(&blocked);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}) sigdelset(&blocked, fault);
  pthread_sigmask(SIG_SETMASK, &blocked, &previous);
  for (int i = 0; i < wanted; ++i) {
    if (!p.workers[static_cast<std::size_t>(i)].started && !start_worker(p, i)) break;
  }
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
  p.ready.store(limit);
}

void wake_all(Pool& p) noexcept {
  p.epoch.fetch_add(1);
  detail::futex_wake(p.epoch);
}

// ---- Callers ----

bool try_take(Job& job) noexcept {
  const void* nobody = nullptr;
  return job.owner.load(std::memory_order_relaxed) == nullptr &&
         job.owner.compare_exchange_strong(nobody, &thread_tag, std::memory_order_acquire);
}

// A thread comes back to the slot it had, which is still in its core's cache. Null when all are taken.
Job* take_slot(Pool& p) noexcept {
  const auto in_use = [&](int i) {
    int used = p.used.load(std::memory_order_relaxed);
    while (used <= i && !p.used.compare_exchange_weak(used, i + 1)) {
    }
    usual_slot = i;
    return &p.slots[i];
  };
  if (try_take(p.slots[usual_slot])) return in_use(usual_slot);
  for (int i = 0; i < slot_count; ++i) {
    if (try_take(p.slots[i])) return in_use(i);
  }
  return nullptr;
}

// What the caller did itself.
struct Share {
  uint32_t pieces;
  int64_t until;
};

// All pieces but the first `done`.
Share run_shared(Pool& p, Job& job, const Region& region, uint32_t done, bool wakes_all) {
  job.region = region;
  job.wakes_all = wakes_all;
  job.traced = trace::enabled() ? trace::thread_index() : 0;
  job.cancelled.store(false, std::memory_order_relaxed);
  job.pending.store(region.pieces - done, std::memory_order_relaxed);
  const bool counted_here = !thread_is_counted;
  if (counted_here) {
    thread_is_counted = true;
    job.running.store(true, std::memory_order_relaxed);
  }
  job.offer.store({done, region.pieces});
  const uint32_t own = take_part<true>(p, job, 0);
  const int64_t until = governor::now();
  if (counted_here) {
    thread_is_counted = false;
    job.running.store(false, std::memory_order_relaxed);
  }
  wait_for_pieces(p, job);

  std::exception_ptr error;
  if (job.failed.load(std::memory_order_relaxed)) {
    error = std::exchange(job.error, nullptr);
    job.failed.store(false, std::memory_order_relaxed);
  }
  job.owner.store(nullptr, std::memory_order_release);
  if (error) std::rethrow_exception(error);
  return {own, until};
}

uint32_t key_of(int64_t n, int64_t grain, const Body& body) noexcept {
  uint64_t key = body.type();
  for (const int64_t part : {n, grain}) key = (key ^ static_cast<uint64_t>(part)) * 0x9e3779b97f4a7c15u;
  return static_cast<uint32_t>(key >> 32);
}

[[gnu::cold, gnu::noinline]] void look_at_affinity(Pool& p, int64_t now) noexcept {
  p.next_look.store(now + look_interval, std::memory_order_relaxed);
  const int cpus = detail::cpus_by_affinity();
  if (p.affinity.exchange(cpus) == cpus) return;
  p.avoided.store(-1, std::memory_order_relaxed);
  try {
    const int allowed = allowed_cpus();
    const std::lock_guard lock(p.mutex);
    p.cpus.store(std::max(1, std::min(cpus, static_cast<int>(std::thread::hardware_concurrency()))));
    if (p.chosen.load()) return;
    p.limit.store(allowed);
    p.ready.store(0);
    wake_all(p);  // workers past the limit end; new ones start with the next region, on the CPUs allowed now
  } catch (const std::exception&) {  // a malformed WEFT_NUM_THREADS, or no memory: all stays as it is
  }
}

void run_piece(const Region& region, uint32_t i) {
  region.run(i);
  check_interrupt();
}

void run_region(int64_t n, int64_t grain, const Body& body, Helpers helpers) {
  Pool& p = pool();
  const int64_t now = governor::now();
  if (now > p.next_look.load(std::memory_order_relaxed)) [[unlikely]]
    look_at_affinity(p, now);
  regions_soon = now - last_region < soon ? std::min(regions_soon + 1, soon_in_a_row) : 0;
  const int limit = num_threads();
  const auto pieces = static_cast<uint32_t>((n - 1) / grain + 1);
  last_turned = !last_turned;
  const Region region{&body, n, grain, pieces, pieces / static_cast<uint32_t>(limit), last_turned};
  uint32_t done = 0;
  if (limit > 1) {
    if (p.ready.load(std::memory_order_relaxed) != limit) [[unlikely]]
      start_workers(p, limit);
    const uint32_t key = key_of(n, grain, body);
    Remembered& last = remembered[key % std::size(remembered)];
    const int64_t usual = last.key == key ? last.time : short_region;
    // What was tiny runs alone, until it proves not to be tiny today.
    if (helpers == Helpers::all && usual < tiny_region)
      while (done < pieces && governor::now() - now < 2 * tiny_region) run_piece(region, done++);
    Share own{pieces - done, 0};
    if (Job* const job = done == pieces ? nullptr : take_slot(p)) {
      const bool wakes_all = (helpers == Helpers::all && usual >= short_region) || regions_soon == soon_in_a_row;
      own = run_shared(p, *job, region, done, wakes_all || done != 0);
    } else {
      for (uint32_t i = done; i < pieces; ++i) run_piece(region, i);
      own.until = governor::now();
    }
    own.pieces += done;
    last_region = own.until;
    const int64_t alone = (own.until - now) * pieces / std::max(own.pieces, 1u);
    last = {key, static_cast<uint32_t>(std::min<int64_t>(alone, UINT32_MAX))};
    return;
  }
  for (; done < pieces; ++done) run_piece(region, done);
}

[[gnu::cold, gnu::noinline]] int first_limit(Pool& p) noexcept {
  int cpus = 1;
  try {
    cpus = allowed_cpus();
  } catch (const Error&) {  // a malformed WEFT_NUM_THREADS: allowed_cpus() reports it to whoever asks
  }
  int unset = 0;
  p.cpus.store(std::max(1, std::min(cpus, static_cast<int>(std::thread::hardware_concurrency()))));
  p.affinity.store(detail::cpus_by_affinity());
  return p.limit.compare_exchange_strong(unset, cpus) ? cpus : unset;
}

}  // namespace

void parallel_for(int64_t n, int64_t grain, FunctionRef<void(int64_t begin, int64_t end)> f, Helpers helpers) {
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  if (n <= grain) return f(0, n);
  if (n / most_pieces < grain) [[likely]]
    return run_region(n, grain, f, helpers);
  const int64_t span = grain * most_pieces;
  for (int64_t start = 0; start < n; start += span) {
    run_region(
        std::min(span, n - start), grain, [&](int64_t begin, int64_t end) { f(start + begin, start + end); }, helpers);
  }
}

int num_threads() noexcept {
  const int limit = pool().limit.load(std::memory_order_relaxed);
  return limit != 0 ? limit : first_limit(pool());
}

int detail::known_cpus() noexcept {
  num_threads();  // sets `cpus`
  return pool().cpus.load(std::memory_order_relaxed);
}

void set_num_threads(int n) {
  check_value(n >= 1, "set_num_threads: expected a positive number of threads, got {}", n);
  num_threads();  // sets `cpus`
  Pool& p = pool();
  const std::lock_guard lock(p.mutex);
  p.chosen.store(true);
  p.limit.store(n);
  p.ready.store(0);
  wake_all(p);  // workers past the limit end
}

// ---- Fork ----

void detail::pool_before_fork() noexcept {
  Pool& p = pool();
  std::unique_lock lock(p.mutex);
  p.stopping.store(++p.stoppers != 0);
  wake_all(p);
  // A busy worker ends after its piece. One that does not (it may be waiting for the lock that Python's fork holds) is
  // left running: the child does not have it, the parent does not miss it.
  const auto self = pthread_self();
  p.worker_ended.wait_for(lock, fork_patience, [&] {
    return std::all_of(p.workers.begin(), p.workers.end(), [&](const Worker& worker) {
      return !worker.started || worker.ended || pthread_equal(worker.handle, self);
    });
  });
  join_ended(p);
  p.ready.store(0);
  lock.release();  // held until the handler after the fork
}

void detail::pool_after_fork_in_parent() noexcept {
  Pool& p = pool();
  p.stopping.store(--p.stoppers != 0);
  p.mutex.unlock();
}

void detail::pool_after_fork_in_child() noexcept {
  Pool& p = pool();
  for (Job& job : p.slots) {
    if (job.owner.load() == nullptr || job.owner.load() == &thread_tag) continue;
    job.offer.store({});
    job.running.store(false);
    job.failed.store(false);
    job.owner.store(nullptr);
  }
  p.idle.store(0);
  p.sleeping.store(0);
  p.alive.store(0);
  p.workers.clear();
  p.stoppers = 0;
  p.stopping.store(false);
  p.process.fetch_add(1);
  new (&p.worker_ended) std::condition_variable;  // another forking thread may have been waiting on it
  p.mutex.unlock();
}

}  // namespace weft
