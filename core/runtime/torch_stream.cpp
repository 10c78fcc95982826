#include "runtime/torch_stream.h"

#include <cmath>
#include <cstring>
#include <numbers>

namespace weft {

namespace {

/// What torch.get_rng_state() holds, field by field.
struct State {
  uint64_t seed;
  int32_t left;
  int32_t seeded;
  uint64_t next;
  uint64_t words[624];
  double normal_x;
  double normal_y;  // the kept normal number
  double normal_rho;
  int32_t normal_is_valid;
  int32_t padding;
  float float_normal;
  bool float_normal_is_valid;
};
static_assert(sizeof(State) == TorchStream::state_bytes);

}  // namespace

TorchStream::TorchStream(uint64_t seed) noexcept : seed_(seed) {
  state_[0] = static_cast<uint32_t>(seed);
  for (uint32_t i = 1; i < size; ++i) state_[i] = 1812433253u * (state_[i - 1] ^ state_[i - 1] >> 30) + i;
}

void TorchStream::next_state() noexcept {
  constexpr int shift = 397;
  const auto twist = [](uint32_t a, uint32_t b) {
    return ((a & 0x80000000u) | (b & 0x7fffffffu)) >> 1 ^ ((b & 1u) != 0 ? 0x9908b0dfu : 0u);
  };
  for (int i = 0; i < size; ++i) state_[i] = state_[(i + shift) % size] ^ twist(state_[i], state_[(i + 1) % size]);
  left_ = size;
  next_ = 0;
}

uint32_t TorchStream::word() noexcept {
  if (--left_ == 0) next_state();
  uint32_t y = state_[next_++];
  y ^= y >> 11;
  y ^= y << 7 & 0x9d2c5680u;
  y ^= y << 15 & 0xefc60000u;
  return y ^ y >> 18;
}

double TorchStream::normal() noexcept {
  if (kept_) {
    const double value = *kept_;
    kept_.reset();
    return value;
  }
  const double turn = uniform(), chance = uniform();
  const double radius = std::sqrt(-2.0 * std::log1p(-chance)), angle = 2.0 * std::numbers::pi * turn;
  kept_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

void TorchStream::save(std::span<char, state_bytes> bytes) const noexcept {
  State state{};
  state.seed = seed_;
  state.left = left_;
  state.seeded = 1;
  state.next = next_;
  for (int i = 0; i < size; ++i) state.words[i] = state_[i];
  state.normal_y = kept_.value_or(0);
  state.normal_is_valid = kept_.has_value();
  std::memcpy(bytes.data(), &state, sizeof state);
}

bool TorchStream::load(std::span<const char, state_bytes> bytes) noexcept {
  State state;
  std::memcpy(&state, bytes.data(), sizeof state);
  if (state.left < 1 || state.left > size || state.next > size || state.seeded != 1) return false;
  if (state.left > 1 && state.next + static_cast<uint64_t>(state.left) > size + 1) return false;
  seed_ = state.seed;
  left_ = state.left;
  next_ = static_cast<uint32_t>(state.next);
  for (int i = 0; i < size; ++i) state_[i] = static_cast<uint32_t>(state.words[i]);
  kept_ = state.normal_is_valid != 0 ? std::optional(state.normal_y) : std::nullopt;
  return true;
}

}  // namespace weft
