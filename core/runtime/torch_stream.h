// PyTorch's CPU stream of random numbers: mt19937 (Matsumoto and Nishimura, 1998) and the draws made from it, bit for
// bit. Serial by nature; for programs that must start from the numbers a PyTorch program starts from.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace weft {

class TorchStream {
 public:
  explicit TorchStream(uint64_t seed) noexcept;

  uint32_t word() noexcept;
  uint64_t words() noexcept {
    const uint64_t high = word();
    return high << 32 | word();
  }
  /// In [0, 1): 24 bits of one word; 53 bits of two.
  float uniform_float() noexcept { return static_cast<float>(word() & 0xffffff) * 0x1p-24f; }
  double uniform() noexcept { return static_cast<double>(words() & 0x1fffffffffffff) * 0x1p-53; }
  /// Standard normal; every second one was kept by the call before.
  double normal() noexcept;

  /// The layout of torch.get_rng_state().
  static constexpr std::size_t state_bytes = 5056;
  void save(std::span<char, state_bytes> bytes) const noexcept;
  /// False, and nothing changes, for bytes that are no state.
  bool load(std::span<const char, state_bytes> bytes) noexcept;
  uint64_t seed() const noexcept { return seed_; }

 private:
  static constexpr int size = 624;
  void next_state() noexcept;

  uint64_t seed_;
  std::array<uint32_t, size> state_{};
  int left_ = 1;
  uint32_t next_ = 0;
  std::optional<double> kept_;
};

}  // namespace weft
