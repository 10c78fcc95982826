#include "ops/torch_random.h"

#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

#include "ops/convert.h"
#include "ops/row_layout.h"
#include "ops/support.h"

namespace weft::ops::torch_random {

namespace {

/// The elements in the order of memory where there are no gaps: PyTorch fills in that order.
Tensor in_memory_order(const Tensor& self) {
  return self.is_contiguous() || !self.is_dense() ? self : view_of(self, Dims{self.numel()}, Dims{1}, self.offset());
}

/// fill(stream, T* data, n) with T float, double or int64_t, for a tensor of any dtype and layout.
template <class Fill>
bool drawn(const Tensor& self, Generator& generator, DType work, Fill fill) {
  if (!generator.is_torch()) return false;
  if (self.numel() == 0) return true;
  const Tensor ordered = in_memory_order(self);
  const bool direct = ordered.is_contiguous() && ordered.dtype() == work;
  const Tensor out = direct ? ordered : weft::empty(ordered.sizes(), work);
  generator.with_torch([&](TorchStream& stream) {
    if (work == DType::float32)
      fill(stream, out.data<float>(), out.numel());
    else if (work == DType::float64)
      fill(stream, out.data<double>(), out.numel());
    else
      fill(stream, out.data<int64_t>(), out.numel());
  });
  if (!direct) copy_elements(ordered, out);
  return true;
}

/// next(stream) gives a double for each element.
template <class Next>
bool each(const Tensor& self, Generator& generator, Next next) {
  return drawn(self, generator, float_work(self.dtype()), [&](TorchStream& stream, auto* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<std::remove_pointer_t<decltype(out)>>(next(stream));
  });
}

// The float32 logarithm, sine and cosine of PyTorch's vectorised Box-Muller: Cephes' (Moshier), with fused
// multiplications where its compiler fuses them. Every operation and its order matter to the last bit.

float log_of(float x) noexcept {
  const auto bits = std::bit_cast<uint32_t>(x);
  float e = static_cast<float>(static_cast<int>(bits >> 23) - 127) + 1.f;
  float m = std::bit_cast<float>((bits & 0x807fffffu) | 0x3f000000u);
  const bool low = m < 0.707106781186547524f;
  const float half = low ? m : 0.f;
  m -= 1.f;
  e -= low ? 1.f : 0.f;
  m += half;
  const float z = m * m;
  float y = 7.0376836292e-2f;
  for (const float c : {-1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f, -1.6668057665e-1f,
                        2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f})
    y = std::fma(y, m, c);
  y = std::fma(y * m, z, e * -2.12194440e-4f);
  m += std::fma(-z, 0.5f, y);
  return std::fma(e, 0.693359375f, m);
}

std::pair<float, float> sin_cos(float x) noexcept {
  const int octant = (static_cast<int>(x * 1.27323954473516f) + 1) & ~1;
  const auto y = static_cast<float>(octant);
  for (const float part : {-0.78515625f, -2.4187564849853515625e-4f, -3.77489497744594108e-8f})
    x = std::fma(y, part, x);
  const float z = x * x;
  float c = std::fma(2.443315711809948e-5f, z, -1.388731625493765e-3f);
  c = std::fma(c, z, 4.166664568298827e-2f) * z;
  c = std::fma(c, z, -(z * 0.5f)) + 1.f;
  float s = std::fma(-1.9515295891e-4f, z, 8.3321608736e-3f);
  s = std::fma(s, z, -1.6666654611e-1f) * z;
  s = std::fma(s, x, x);
  const bool swapped = (octant & 2) != 0;
  const float sine = swapped ? c : s, cosine = swapped ? s : c;
  return {(octant & 4) != 0 ? -sine : sine, (~(octant - 2) & 4) != 0 ? -cosine : cosine};
}

void box_muller(float* block, double mean, double std) noexcept {
  const auto m = static_cast<float>(mean), s = static_cast<float>(std);
  for (int i = 0; i < 8; ++i) {
    const float radius = std::sqrt(-2.f * log_of(1.f - block[i]));
    const auto [sine, cosine] = sin_cos(static_cast<float>(2 * std::numbers::pi) * block[i + 8]);
    block[i] = std::fma(radius * cosine, s, m);
    block[i + 8] = std::fma(radius * sine, s, m);
  }
}

void box_muller(double* block, double mean, double std) noexcept {
  for (int i = 0; i < 8; ++i) {
    const double radius = std::sqrt(-2 * std::log(1 - block[i])), angle = 2 * std::numbers::pi * block[i + 8];
    block[i] = std::fma(radius * std::cos(angle), std, mean);
    block[i + 8] = std::fma(radius * std::sin(angle), std, mean);
  }
}

void draw_uniform(TorchStream& stream, float* out, int64_t n) noexcept {
  for (int64_t i = 0; i < n; ++i) out[i] = stream.uniform_float();
}
void draw_uniform(TorchStream& stream, double* out, int64_t n) noexcept {
  for (int64_t i = 0; i < n; ++i) out[i] = stream.uniform();
}

}  // namespace

bool uniform(const Tensor& self, Generator& generator, double from, double to) {
  return drawn(self, generator, float_work(self.dtype()), [&](TorchStream& stream, auto* out, int64_t n) {
    using T = std::remove_pointer_t<decltype(out)>;
    if constexpr (std::is_floating_point_v<T>) {
      draw_uniform(stream, out, n);
      const T low = static_cast<T>(from), range = static_cast<T>(to) - low;
      for (int64_t i = 0; i < n; ++i) out[i] = std::fma(out[i], range, low);
    }
  });
}

bool normal(const Tensor& self, Generator& generator, double mean, double std) {
  constexpr int64_t block = 16;
  if (self.numel() < block || !self.is_contiguous())
    return each(self, generator, [&](TorchStream& stream) { return std::fma(stream.normal(), std, mean); });
  return drawn(self, generator, float_work(self.dtype()), [&](TorchStream& stream, auto* out, int64_t n) {
    if constexpr (std::is_floating_point_v<std::remove_pointer_t<decltype(out)>>) {
      draw_uniform(stream, out, n);
      for (int64_t i = 0; i + block <= n; i += block) box_muller(out + i, mean, std);
      if (n % block == 0) return;
      draw_uniform(stream, out + n - block, block);  // the last whole block is drawn again
      box_muller(out + n - block, mean, std);
    }
  });
}

bool log_normal(const Tensor& self, Generator& generator, double mean, double std) {
  return each(self, generator, [&](TorchStream& stream) { return std::exp(std::fma(stream.normal(), std, mean)); });
}
bool exponential(const Tensor& self, Generator& generator, double lambda) {
  return each(self, generator, [&](TorchStream& stream) { return -1.0 / lambda * std::log1p(-stream.uniform()); });
}
bool geometric(const Tensor& self, Generator& generator, double p) {
  return each(self, generator,
              [&](TorchStream& stream) { return std::ceil(std::log(stream.uniform()) / std::log1p(-p)); });
}
bool cauchy(const Tensor& self, Generator& generator, double median, double sigma) {
  return each(self, generator, [&](TorchStream& stream) {
    return median + sigma * std::tan(std::numbers::pi * (stream.uniform() - 0.5));
  });
}

bool integers(const Tensor& self, Generator& generator, int64_t low, uint64_t range) {
  const bool wide = range == 0 || range >= uint64_t{1} << 28;
  return drawn(self, generator, DType::int64, [&](TorchStream& stream, auto* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      const uint64_t bits = wide ? stream.words() : stream.word();
      const uint64_t offset = range == 0 ? bits : bits % range;
      out[i] =
          static_cast<std::remove_pointer_t<decltype(out)>>(static_cast<int64_t>(static_cast<uint64_t>(low) + offset));
    }
  });
}

bool whole_range(const Tensor& self, Generator& generator, uint64_t range, bool wide) {
  return drawn(self, generator, DType::int64, [&](TorchStream& stream, auto* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i)
      out[i] = static_cast<std::remove_pointer_t<decltype(out)>>((wide ? stream.words() : stream.word()) % range);
  });
}

bool permutation(const Tensor& out, Generator& generator) {
  if (!generator.is_torch()) return false;
  auto* const order = out.data<int64_t>();
  const int64_t n = out.numel();
  for (int64_t i = 0; i < n; ++i) order[i] = i;
  const bool wide = n >= static_cast<int64_t>(UINT32_MAX / 20);
  generator.with_torch([&](TorchStream& stream) {
    for (int64_t i = 0; i + 1 < n; ++i) {
      const uint64_t bits = wide ? stream.words() : stream.word();
      std::swap(order[i], order[i + static_cast<int64_t>(bits % static_cast<uint64_t>(n - i))]);
    }
  });
  return true;
}

bool bernoulli(const Tensor& mask, Generator& generator, double p) {
  if (!generator.is_torch()) return false;
  generator.with_torch([&](TorchStream& stream) {
    for (int64_t i = 0; i < mask.numel(); ++i) mask.data<bool>()[i] = stream.uniform() < p;
  });
  return true;
}

bool bernoulli_each(const Tensor& mask, const Tensor& p, Generator& generator) {
  if (!generator.is_torch()) return false;
  generator.with_torch([&](TorchStream& stream) {
    for (int64_t i = 0; i < mask.numel(); ++i) {
      const bool wide = p.dtype() == DType::float64;
      const double chance = wide ? p.data<double>()[i] : p.data<float>()[i];
      check(chance >= 0 && chance <= 1, "Expected p_in >= 0 && p_in <= 1 to be true, but got false.");
      mask.data<bool>()[i] = (wide ? stream.uniform() : stream.uniform_float()) < chance;
    }
  });
  return true;
}

}  // namespace weft::ops::torch_random
