// Philox and the generators that hand out pieces of its streams.
#include "runtime/random.h"

#include <cmath>
#include <numbers>

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

namespace {

std::array<uint32_t, 4> philox_at(PhiloxState state, uint64_t index, uint32_t draw) noexcept {
  const uint64_t counter = state.offset + index;
  uint32_t key0 = static_cast<uint32_t>(state.seed), key1 = static_cast<uint32_t>(state.seed >> 32);
  std::array<uint32_t, 4> x = {static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32), draw, 0};
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

double open_unit(uint32_t high, uint32_t low) noexcept {
  const uint64_t bits = (uint64_t{high} << 32 | low) >> 12;
  return (static_cast<double>(bits) + 0.5) * 0x1p-52;
}

}  // namespace

std::array<uint32_t, 4> philox(PhiloxState state, uint64_t index) noexcept { return philox_at(state, index, 0); }

double ElementStream::uniform() noexcept {
  const auto x = philox_at(state_, index_, draw_++);
  return open_unit(x[0], x[1]);
}

double ElementStream::normal() noexcept {
  const auto x = philox_at(state_, index_, draw_++);
  return std::sqrt(-2 * std::log(open_unit(x[0], x[1]))) * std::cos(2 * std::numbers::pi * open_unit(x[2], x[3]));
}

std::mutex& Generator::mutex() const noexcept {
  return stripes[(reinterpret_cast<uintptr_t>(this) >> 4) % stripe_count].mutex;
}

void Generator::set_seed(uint64_t seed) noexcept {
  const std::lock_guard lock(mutex());
  state_ = {seed, 0};
  if (torch_) *torch_ = TorchStream(seed);
}

void Generator::set_torch(bool value) {
  auto fresh = std::make_unique<TorchStream>(seed());
  const std::lock_guard lock(mutex());
  if (value && !is_torch()) torch_ = std::move(fresh);
  is_torch_.store(value, std::memory_order_relaxed);
}

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

namespace {
thread_local Generator* thread_generator = nullptr;
}  // namespace

Generator& default_generator() noexcept {
  static Generator generator;
  return thread_generator != nullptr ? *thread_generator : generator;
}

void set_thread_generator(Generator* generator) noexcept { thread_generator = generator; }

void detail::lock_generators() noexcept {
  for (Stripe& stripe : stripes) stripe.mutex.lock();
}

void detail::unlock_generators() noexcept {
  for (Stripe& stripe : stripes) stripe.mutex.unlock();
}

}  // namespace weft
