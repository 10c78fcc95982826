// How many CPUs this process may use: affinity, the cgroup's quota, WEFT_NUM_THREADS.
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "runtime/error.h"
#include "runtime/parallel.h"

namespace weft {
namespace {

// Calls f(set, bytes) with the affinity of the process; false when the kernel does not tell it.
template <class F>
bool with_affinity(F&& f) noexcept {
  for (std::size_t cpus = 1024; cpus <= (1u << 20); cpus *= 2) {  // the kernel refuses a set too small for the machine
    cpu_set_t* const set = CPU_ALLOC(cpus);
    if (set == nullptr) return false;
    const std::size_t bytes = CPU_ALLOC_SIZE(cpus);
    const bool known = sched_getaffinity(getpid(), bytes, set) == 0;
    if (known) f(set, bytes);
    CPU_FREE(set);
    if (known) return true;
  }
  return false;
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// cgroup v2's cpu.max holds "max 100000" or "150000 100000".
std::optional<double> quota_v2(const std::string& folder) {
  std::istringstream line(first_line(folder + "/cpu.max"));
  double quota, period;
  if (line >> quota >> period && quota > 0 && period > 0) return quota / period;
  return std::nullopt;
}

std::optional<double> quota_v1(const std::string& folder) {
  std::istringstream quota_line(first_line(folder + "/cpu.cfs_quota_us"));
  std::istringstream period_line(first_line(folder + "/cpu.cfs_period_us"));
  double quota, period;
  if (quota_line >> quota && period_line >> period && quota > 0 && period > 0) return quota / period;
  return std::nullopt;
}

// The tightest quota from `path` up to the mount's root. Inside a container `path` may name a folder that only the host
// sees; the root is then the container's own.
template <class Quota>
void tighten(std::optional<double>& tightest, const std::string& mount, std::string path, Quota quota) {
  for (;;) {
    if (path == "/") path.clear();
    if (const auto found = quota(mount + path)) tightest = std::min(tightest.value_or(*found), *found);
    if (path.empty()) return;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

std::optional<double> cgroup_quota() {
  std::optional<double> tightest;
  std::ifstream groups("/proc/self/cgroup");  // lines "hierarchy:controllers:path"; v2's has no controllers
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    if (controllers == ",,") {
      tighten(tightest, "/sys/fs/cgroup", path, quota_v2);
      tighten(tightest, "/sys/fs/cgroup/unified", path, quota_v2);
    } else if (controllers.find(",cpu,") != std::string::npos) {
      tighten(tightest, "/sys/fs/cgroup/cpu", path, quota_v1);
      tighten(tightest, "/sys/fs/cgroup/cpu,cpuacct", path, quota_v1);
    }
  }
  return tightest;
}

}  // namespace

int detail::cpus_by_affinity() noexcept {
  int count = 0;
  with_affinity([&](cpu_set_t* set, std::size_t bytes) { count = CPU_COUNT_S(bytes, set); });
  return count > 0 ? count : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void detail::adopt_process_affinity(pthread_t thread, int but) noexcept {
  with_affinity([&](cpu_set_t* set, std::size_t bytes) {
    if (but >= 0 && CPU_COUNT_S(bytes, set) > 1) CPU_CLR_S(static_cast<std::size_t>(but), bytes, set);
    pthread_setaffinity_np(thread, bytes, set);
  });
}

int allowed_cpus() {
  if (const char* text = std::getenv("WEFT_NUM_THREADS"); text != nullptr && *text != '\0') {
    char* end;
    const long threads = std::strtol(text, &end, 10);
    check_value(*end == '\0' && threads >= 1 && threads <= 4096,
                "WEFT_NUM_THREADS: expected a whole number from 1 to 4096, got '{}'", text);
    return static_cast<int>(threads);
  }
  int cpus = detail::cpus_by_affinity();
  // Rounded up: a quota of 1.5 CPUs is used up by two threads only.
  if (const auto quota = cgroup_quota()) cpus = std::min(cpus, static_cast<int>(std::ceil(std::min(*quota, 1e6))));
  return std::max(cpus, 1);
}

}  // namespace weft
