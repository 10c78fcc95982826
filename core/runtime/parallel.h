// The one worker pool of the process. Callers take part in their own work; when the pool is busy they do it all.
#pragma once

#include <pthread.h>

#include <cstdint>

#include "runtime/function_ref.h"

namespace weft {

/// Whom a region asks for help. Waking a parked worker costs more than a short region saves, unless such regions follow
/// one another so closely that the worker stays awake: `awake` says that this one is short, `all` leaves it to how long
/// such regions lately took.
enum class Helpers : uint8_t { all, awake };

/// Runs f(begin, end) over [0, n) in pieces of `grain` (the last may be shorter). The pieces depend on n and grain
/// alone, never on the number of threads, so an f whose pieces are independent gives the same bits everywhere.
/// n <= grain runs inline. Nested and concurrent calls share the same workers. The first exception thrown by f is
/// rethrown here once no piece is running any more. Raises Error(interrupted) when the user pressed Ctrl-C
/// (runtime/interrupt.h).
void parallel_for(int64_t n, int64_t grain, FunctionRef<void(int64_t begin, int64_t end)> f,
                  Helpers helpers = Helpers::all);

/// How many threads one parallel region may use, the caller included: the allowed CPUs, followed as they change, unless
/// set_num_threads() or WEFT_NUM_THREADS said otherwise.
int num_threads() noexcept;
/// Sets that number (>= 1); more than the allowed CPUs is permitted, for tests.
void set_num_threads(int n);
/// CPUs this process may use: affinity, then the cgroup quota, then WEFT_NUM_THREADS when set.
int allowed_cpus();

namespace detail {
/// CPUs of the process's affinity, which is its main thread's.
int cpus_by_affinity() noexcept;
/// allowed_cpus() when the pool last looked, at the cost of a load.
int known_cpus() noexcept;
/// Gives a thread the process's affinity, less one CPU where it has others. A worker would else keep that of the thread
/// that started it.
void adopt_process_affinity(pthread_t thread, int but = -1) noexcept;
}  // namespace detail

}  // namespace weft
