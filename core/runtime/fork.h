// What each part of the runtime does around fork(), so that parent and child both go on computing. fork.cpp calls
// these in an order that cannot deadlock: workers finish their pieces while the allocator's locks are still free.
#pragma once

namespace weft::detail {

/// Registers the handlers, once. The allocator calls it at start-up, so that every program that has one is fork-safe.
int install_fork_handlers() noexcept;

/// Stops the pool's idle workers and waits a bounded time for the busy ones, then holds the pool's lock.
void pool_before_fork() noexcept;
void pool_after_fork_in_parent() noexcept;
/// Forgets the workers and the jobs of threads that are not in the child.
void pool_after_fork_in_child() noexcept;

void lock_generators() noexcept;
void unlock_generators() noexcept;

void allocator_before_fork() noexcept;
void allocator_after_fork_in_parent() noexcept;
/// Drops the caches of threads that are not in the child; their blocks are lost to it.
void allocator_after_fork_in_child() noexcept;

void governor_before_fork() noexcept;
void governor_after_fork_in_parent() noexcept;
void governor_after_fork_in_child() noexcept;

/// Threads that were at native work or waited for the lock are not in the child.
void handover_after_fork_in_child() noexcept;

void trace_before_fork() noexcept;
void trace_after_fork_in_parent() noexcept;
/// Switches the profile off and forgets what other threads recorded.
void trace_after_fork_in_child() noexcept;

}  // namespace weft::detail
