// The one fork handler of the process.
#include "runtime/fork.h"

#include <pthread.h>

namespace weft::detail {
namespace {

void before() noexcept {
  pool_before_fork();
  governor_before_fork();
  trace_before_fork();
  lock_generators();
  allocator_before_fork();
}

void in_parent() noexcept {
  allocator_after_fork_in_parent();
  unlock_generators();
  trace_after_fork_in_parent();
  governor_after_fork_in_parent();
  pool_after_fork_in_parent();
}

void in_child() noexcept {
  allocator_after_fork_in_child();
  unlock_generators();
  trace_after_fork_in_child();
  governor_after_fork_in_child();
  handover_after_fork_in_child();
  pool_after_fork_in_child();
}

}  // namespace

int install_fork_handlers() noexcept {
  static const int result = pthread_atfork(before, in_parent, in_child);
  return result;
}

}  // namespace weft::detail
