// Philox4x32-10, counter-based: the numbers depend on (seed, offset, index) alone, not on the thread count.
// Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "runtime/torch_stream.h"

namespace weft {

/// A place in a random stream: the numbers of one operation are philox(key, counter + i).
struct PhiloxState {
  uint64_t seed;
  uint64_t offset;
};

/// Four independent uniform 32-bit words for block `index` of the stream that begins at `state`.
std::array<uint32_t, 4> philox(PhiloxState state, uint64_t index) noexcept;

/// As many numbers as an element needs: a stream of its own within the block it has reserved.
class ElementStream {
 public:
  ElementStream(PhiloxState state, uint64_t index) noexcept : state_(state), index_(index) {}
  /// In (0, 1), 52 bits.
  double uniform() noexcept;
  double normal() noexcept;

 private:
  PhiloxState state_;
  uint64_t index_;
  uint32_t draw_ = 0;
};

/// Hands out disjoint pieces of a stream. Safe to share between threads.
class Generator {
 public:
  explicit Generator(uint64_t seed = default_seed) noexcept : state_{seed, 0} {}
  static constexpr uint64_t default_seed = 67280421310721u;

  void set_seed(uint64_t seed) noexcept;
  uint64_t seed() const noexcept;
  /// Reserves `blocks` philox blocks of four words each.
  PhiloxState reserve(uint64_t blocks) noexcept;
  PhiloxState state() const noexcept;
  void set_state(PhiloxState state) noexcept;

  /// Whether numbers come from PyTorch's stream instead. Switching starts the other stream from the same seed.
  bool is_torch() const noexcept { return is_torch_.load(std::memory_order_relaxed); }
  void set_torch(bool value);
  /// f(TorchStream&) while nobody else draws; is_torch() must hold.
  template <class F>
  void with_torch(F&& f) {
    const std::lock_guard lock(mutex());
    f(*torch_);
  }

 private:
  std::mutex& mutex() const noexcept;

  PhiloxState state_;                   // guarded by mutex()
  std::unique_ptr<TorchStream> torch_;  // guarded by mutex(); kept once made
  std::atomic<bool> is_torch_{false};
};

/// The default generator that `manual_seed` seeds: the process's, or the one this thread was given.
Generator& default_generator() noexcept;
/// Gives this thread a default generator of its own, which must outlive its use; null: the process's again.
void set_thread_generator(Generator* generator) noexcept;

}  // namespace weft
