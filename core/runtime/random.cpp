// Philox and the generators that hand out pieces of its streams.
#include "runtime/random.h"

#include "runtime/fork.h"

namespace weft {
namespace {

// One mutex of a fixed set guards each generator, so that a fork can hold them all (runtime/fork.h).
struct alignas(64) Stripe {
  std::mutex mutex;
};
constexpr std::size_t stripe_count = 32;
constinit Stripe stripes[stripe_count];

}  // namespace

std::array<uint32_t, 4> philox(PhiloxState state, uint64_t index) noexcept {
  const uint64_t counter = state.offset + index;
  uint32_t key0 = static_cast<uint32_t>(state.seed), key1 = static_cast<uint32_t>(state.seed >> 32);
  std::array<uint32_t, 4> x = {static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32), 0, 0};
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * x[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57} * x[2];
    x = {static_cast<uint32_t>(product1 >> 32) ^ x[1] ^ key0, static_cast<uint32_t>(product1),
         static_cast<uint32_t>(product0 >> 32) ^ x[3] ^ key1, static_cast<uint32_t>(product0)};
    key0 += 0x9E3779B9;  // golden ratio
    key1 += 0xBB67AE85;  // sqrt(3) - 1
  }
  return x;
}

std::mutex& Generator::mutex() const noexcept {
  return stripes[(reinterpret_cast<uintptr_t>(this) >> 4) % stripe_count].mutex;
}

void Generator::set_seed(uint64_t seed) noexcept { set_state({seed, 0}); }

uint64_t Generator::seed() const noexcept { return state().seed; }

PhiloxState Generator::reserve(uint64_t blocks) noexcept {
  const std::lock_guard lock(mutex());
  const PhiloxState reserved = state_;
  state_.offset += blocks;
  return reserved;
}

PhiloxState Generator::state() const noexcept {
  const std::lock_guard lock(mutex());
  return state_;
}

void Generator::set_state(PhiloxState state) noexcept {
  const std::lock_guard lock(mutex());
  state_ = state;
}

Generator& default_generator() noexcept {
  static Generator generator;
  return generator;
}

void detail::lock_generators() noexcept {
  for (Stripe& stripe : stripes) stripe.mutex.lock();
}

void detail::unlock_generators() noexcept {
  for (Stripe& stripe : stripes) stripe.mutex.unlock();
}

}  // namespace weft
