// Random fills.
#include "kernels/random.h"

#include "kernels/rows.h"
#include "kernels/vecmath.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t width = random_tile_blocks;
constexpr int64_t tiles_per_piece = 256;

/// The words of one tile: word w of block b is words[w * width + b]. The same numbers as weft::philox.
struct Tile {
  uint32_t words[4 * width];
};

/// The products of the low halves of the lanes.
[[gnu::always_inline]] inline Vec<uint64_t> multiply_low(Vec<uint64_t> a, Vec<uint64_t> b) noexcept {
#if defined(__AVX512F__)
  return (Vec<uint64_t>)_mm512_maskz_mul_epu32(0xff, (__m512i)a, (__m512i)b);  // gcc warns of the other form
#elif defined(__AVX2__)
  return (Vec<uint64_t>)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__) && !defined(__AVX__)
  return (Vec<uint64_t>)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
  return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

/// The keys of the ten rounds.
struct Keys {
  uint64_t first[10], second[10];
  [[gnu::always_inline]] explicit Keys(uint64_t seed) noexcept {
    auto key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
      first[round] = key0;
      second[round] = key1;
      key0 += 0x9E3779B9;
      key1 += 0xBB67AE85;
    }
  }
};

/// Words are the low halves of lanes twice as wide, whose high halves hold anything: products do not see them.
[[gnu::always_inline]] inline void make_tile(PhiloxState state, const Keys& keys, int64_t tile, Tile& out) noexcept {
  constexpr int side = lanes<uint64_t>, vectors = width / side, together = vectors < 2 ? 1 : 2;
  typedef uint32_t Half __attribute__((vector_size(vector_bytes / 2)));
  const Vec<uint64_t> factor0 = Vec<uint64_t>{} + 0xD2511F53u, factor1 = Vec<uint64_t>{} + 0xCD9E8D57u;
  Vec<uint64_t> numbers;
  for (int i = 0; i < side; ++i) numbers[i] = static_cast<uint64_t>(i);
  numbers += state.offset + static_cast<uint64_t>(tile * width);
  for (int64_t v = 0; v < vectors; v += together) {
    Vec<uint64_t> x0[together], x1[together], x2[together]{}, x3[together]{};
    for (int k = 0; k < together; ++k) {
      x0[k] = numbers + static_cast<uint64_t>((v + k) * side);
      x1[k] = x0[k] >> 32;
    }
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round)
#pragma GCC unroll 2
      for (int k = 0; k < together; ++k) {
        const Vec<uint64_t> product0 = multiply_low(x0[k], factor0), product1 = multiply_low(x2[k], factor1);
        x0[k] = (product1 >> 32) ^ x1[k] ^ keys.first[round];
        x1[k] = product1;
        x2[k] = (product0 >> 32) ^ x3[k] ^ keys.second[round];
        x3[k] = product0;
      }
#pragma GCC unroll 2
    for (int k = 0; k < together; ++k) {
      uint32_t* const to = out.words + (v + k) * side;
      const Vec<uint64_t> words[] = {x0[k], x1[k], x2[k], x3[k]};
      for (int w = 0; w < 4; ++w) {
        const Half half = __builtin_convertvector(words[w] & 0xffffffffu, Half);
        __builtin_memcpy(to + w * width, &half, sizeof half);
      }
    }
  }
}

/// How many elements of a tile there are when each takes `words` words.
template <int Words>
constexpr int64_t per_tile = 4 * width / Words;

/// body(tile, T* to) writes a whole tile of outputs; the last one goes through a buffer.
template <class T, int Words, class Body>
void each_tile(PhiloxState state, int64_t n, T* out, Body body) {
  constexpr int64_t size = per_tile<Words>;
  const Keys keys(state.seed);
  parallel_for(ceil_div(n, size), tiles_per_piece, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      Tile tile;
      make_tile(state, keys, t, tile);
      if ((t + 1) * size <= n) {
        body(tile, out + t * size);
      } else {
        T rest[size];
        body(tile, rest);
        __builtin_memcpy(out + t * size, rest, static_cast<std::size_t>(n - t * size) * sizeof(T));
      }
    }
  });
}

template <class T>
constexpr int words_of = sizeof(T) / 4;

[[gnu::always_inline]] inline uint64_t join(const Tile& tile, int pair, int64_t b) noexcept {
  return static_cast<uint64_t>(tile.words[2 * pair * width + b]) << 32 | tile.words[(2 * pair + 1) * width + b];
}

/// Equidistant in [0, 1).
[[gnu::always_inline]] inline float half_open(uint32_t word) noexcept {
  return static_cast<float>(static_cast<int32_t>(word >> 8)) * 0x1p-24f;
}
[[gnu::always_inline]] inline double half_open(uint64_t words) noexcept {
  return detail::bits<double>((words >> 12) | 0x3ff0000000000000u) - 1.0 +
         static_cast<double>((words >> 11) & 1) * 0x1p-53;
}
/// In (0, 1], as fine as the word is near 0: what logarithms are taken of.
[[gnu::always_inline]] inline float positive(uint32_t word) noexcept {
  return (static_cast<float>(static_cast<int32_t>(word >> 8)) * 256.f +
          static_cast<float>(static_cast<int32_t>(word & 255u)) + 1.f) *
         0x1p-32f;
}
[[gnu::always_inline]] inline double positive(uint64_t words) noexcept { return half_open(words) + 0x1p-53; }

/// f(uniform bits) for every element; Bits is uint32_t or uint64_t.
template <class T, class F>
void each_element(PhiloxState state, int64_t n, void* out, F f) {
  each_tile<T, words_of<T>>(state, n, static_cast<T*>(out), [&](const Tile& tile, T* to) {
    if constexpr (sizeof(T) == 4) {
      const uint32_t* words = tile.words;
#pragma GCC ivdep
      for (int64_t i = 0; i < per_tile<1>; ++i) to[i] = f(words[i]);
    } else {
      for (int pair = 0; pair < 2; ++pair) {
#pragma GCC ivdep
        for (int64_t b = 0; b < width; ++b) to[pair * width + b] = f(join(tile, pair, b));
      }
    }
  });
}

template <class T>
struct SinCos {
  T sin, cos;
};
/// sin and cos of 2 pi u for |u| <= 1, 2 ulp: an exact reduction to an eighth of a turn, then Cephes' polynomials.
template <class T>
[[gnu::always_inline]] inline SinCos<T> sincos_turns(T u) noexcept {
  const T quarters = vm::rint(u * 4);
  const T t = (u - quarters * T(0.25)) * T(6.283185307179586477), z = t * t;
  T s, c;
  if constexpr (sizeof(T) == 4) {
    s = t + t * z * vm::poly(z, -1.6666654611e-1f, 8.3321608736e-3f, -1.9515295891e-4f);
    c = 1.f - 0.5f * z + z * z * vm::poly(z, 4.166664568298827e-2f, -1.388731625493765e-3f, 2.443315711809948e-5f);
  } else {
    s = t + t * z *
                vm::poly(z, -1.66666666666666307295e-1, 8.33333333332211858878e-3, -1.98412698295895385996e-4,
                         2.75573136213857245213e-6, -2.50507477628578072866e-8, 1.58962301576546568060e-10);
    c = 1. - 0.5 * z +
        z * z *
            vm::poly(z, 4.16666666666665929218e-2, -1.38888888888730564116e-3, 2.48015872888517045348e-5,
                     -2.75573141792967388112e-7, 2.08757008419747316778e-9, -1.13585365213876817300e-11);
  }
  const T half = quarters * T(0.5), odd = half - vm::floor(half);     // 0 or 1/2
  const T sin_turn = vm::floor(half) * T(0.5);                        // its fraction says the sign of sin
  const T cos_turn = vm::floor(quarters * T(0.5) + T(0.5)) * T(0.5);  // and of cos
  const bool swapped = odd != 0;
  const T sine = swapped ? c : s, cosine = swapped ? s : c;
  return {sin_turn - vm::floor(sin_turn) != 0 ? -sine : sine, cos_turn - vm::floor(cos_turn) != 0 ? -cosine : cosine};
}

/// f(standard normal) for every element.
template <class T, class F>
void each_normal(PhiloxState state, int64_t n, void* out, F f) {
  each_tile<T, words_of<T>>(state, n, static_cast<T*>(out), [&](const Tile& tile, T* to) {
    const auto pair_at = [&](auto radius_bits, auto turn_bits, T* first, T* second) {
      const T radius = vm::sqrt(T(-2) * vm::log(positive(radius_bits)));
      const auto [s, c] = sincos_turns(half_open(turn_bits));
      *first = f(radius * c);
      *second = f(radius * s);
    };
    if constexpr (sizeof(T) == 4) {
      for (int64_t pair = 0; pair < 2; ++pair) {
        const uint32_t *radii = tile.words + 2 * pair * width, *turns = radii + width;
        T* half = to + 2 * pair * width;
#pragma GCC ivdep
        for (int64_t b = 0; b < width; ++b) pair_at(radii[b], turns[b], half + b, half + width + b);
      }
    } else {
#pragma GCC ivdep
      for (int64_t b = 0; b < width; ++b) pair_at(join(tile, 0, b), join(tile, 1, b), to + b, to + width + b);
    }
  });
}

template <class T>
void uniform(PhiloxState state, int64_t n, double from, double to, void* out) {
  const T low = static_cast<T>(from), high = static_cast<T>(to), range = static_cast<T>(to - from);
  each_element<T>(state, n, out, [=](auto bits) {
    const T value = half_open(bits) * range + low;
    return value < high ? value : low;  // rounding may reach the open end
  });
}

template <class T>
void normal(PhiloxState state, int64_t n, double mean, double std, void* out) {
  const T m = static_cast<T>(mean), s = static_cast<T>(std);
  each_normal<T>(state, n, out, [=](T z) { return z * s + m; });
}

template <class T>
void log_normal(PhiloxState state, int64_t n, double mean, double std, void* out) {
  const T m = static_cast<T>(mean), s = static_cast<T>(std);
  each_normal<T>(state, n, out, [=](T z) { return vm::exp(z * s + m); });
}

template <class T>
void exponential(PhiloxState state, int64_t n, double lambda, void* out) {
  const T scale = static_cast<T>(-1.0 / lambda);
  each_element<T>(state, n, out, [=](auto bits) { return vm::log(positive(bits)) * scale; });
}

template <class T>
void geometric(PhiloxState state, int64_t n, double p, void* out) {
  const T scale = static_cast<T>(1.0 / __builtin_log1p(-p));
  each_element<T>(state, n, out, [=](auto bits) {
    const T trials = vm::ceil(vm::log(positive(bits)) * scale);
    return trials < T(1) ? T(1) : trials;
  });
}

template <class T>
void cauchy(PhiloxState state, int64_t n, double median, double sigma, void* out) {
  const T m = static_cast<T>(median), scale = static_cast<T>(sigma);
  each_element<T>(state, n, out, [=](auto bits) {
    const auto [s, c] = sincos_turns((positive(bits) - T(0.5)) * T(0.5));
    return m + scale * (s / c);
  });
}

void integers(PhiloxState state, int64_t n, int64_t low, uint64_t range, int64_t* out) {
  const auto base = static_cast<uint64_t>(low);
  const auto scaled = [&](auto multiply) {
    each_tile<int64_t, 2>(state, n, out, [&](const Tile& tile, int64_t* to) {
      for (int pair = 0; pair < 2; ++pair) {
#pragma GCC ivdep
        for (int64_t b = 0; b < width; ++b) {
          to[pair * width + b] = static_cast<int64_t>(
              base + multiply(tile.words[2 * pair * width + b], tile.words[(2 * pair + 1) * width + b]));
        }
      }
    });
  };
  // The high half of (64 random bits) * range.
  if (range == 0) {
    scaled([](uint32_t high, uint32_t low_word) { return static_cast<uint64_t>(high) << 32 | low_word; });
  } else if (range <= 0xffffffffu) {
    const auto factor = static_cast<uint32_t>(range);
    scaled([=](uint32_t high, uint32_t low_word) {
      return (uint64_t{high} * factor + (uint64_t{low_word} * factor >> 32)) >> 32;
    });
  } else {
    scaled([=](uint32_t high, uint32_t low_word) {
      __extension__ using Wide = unsigned __int128;
      return static_cast<uint64_t>((Wide{static_cast<uint64_t>(high) << 32 | low_word} * range) >> 64);
    });
  }
}

/// A word is a success when it is below `bound`, unless `never`.
struct Chance {
  uint32_t last;
  bool never;
  [[gnu::always_inline]] explicit Chance(double p) noexcept {
    const double scaled = vm::rint(p * 0x1p32);
    never = !(scaled >= 1.0);
    last = never ? 0 : scaled >= 0x1p32 ? ~0u : static_cast<uint32_t>(scaled - 1.0);
  }
};

void bernoulli(PhiloxState state, int64_t n, double p, uint8_t* out) {
  const Chance chance(p);
  const uint8_t success = chance.never ? 0 : 1;
  each_tile<uint8_t, 1>(state, n, out, [&](const Tile& tile, uint8_t* to) {
    const uint32_t* words = tile.words;
#pragma GCC ivdep
    for (int64_t i = 0; i < per_tile<1>; ++i) to[i] = static_cast<uint8_t>(words[i] <= chance.last) & success;
  });
}

template <class T>
bool bernoulli_each(PhiloxState state, int64_t n, const void* p_, uint8_t* out) {
  const T* p = static_cast<const T*>(p_);
  bool all_fit = true;
  constexpr int64_t size = per_tile<1>;
  const Keys keys(state.seed);
  parallel_for(ceil_div(n, size), tiles_per_piece, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      Tile tile;
      make_tile(state, keys, t, tile);
      const auto draw = [&](const T* chances, uint8_t* to) {
#pragma GCC ivdep
        for (int64_t i = 0; i < size; ++i)
          to[i] = static_cast<double>(tile.words[i]) * 0x1p-32 < static_cast<double>(chances[i]);
        int outside = 0;
        for (int64_t i = 0; i < size; ++i) outside |= !(chances[i] >= T(0)) | !(chances[i] <= T(1));
        if (outside != 0) [[unlikely]]
          __atomic_store_n(&all_fit, false, __ATOMIC_RELAXED);
      };
      const int64_t first = t * size;
      if (first + size <= n) {
        draw(p + first, out + first);
        continue;
      }
      T chances[size]{};
      uint8_t drawn[size];
      __builtin_memcpy(chances, p + first, static_cast<std::size_t>(n - first) * sizeof(T));
      draw(chances, drawn);
      __builtin_memcpy(out + first, drawn, static_cast<std::size_t>(n - first));
    }
  });
  return all_fit;
}

template <class T>
void dropout(PhiloxState state, int64_t n, double p, const void* x_, void* y_, uint8_t* mask) {
  const T* x = static_cast<const T*>(x_);
  T* y = static_cast<T*>(y_);
  const Chance keep(1.0 - p);
  const uint8_t kept = keep.never ? 0 : 1;
  const T scale = keep.never ? T(0) : static_cast<T>(1.0 / (1.0 - p));
  constexpr int64_t size = per_tile<1>;
  const Keys keys(state.seed);
  parallel_for(ceil_div(n, size), tiles_per_piece, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      Tile tile;
      make_tile(state, keys, t, tile);
      const auto apply = [&, scale, kept, last = keep.last](const T* in, T* out, uint8_t* marks) {
#pragma GCC ivdep
        for (int64_t i = 0; i < size; ++i) marks[i] = static_cast<uint8_t>(tile.words[i] <= last) & kept;
#pragma GCC ivdep
        for (int64_t i = 0; i < size; ++i) {
          const T scaled = in[i] * scale;  // of all, or gcc branches
          out[i] = tile.words[i] <= last ? scaled : T(0);
        }
      };
      const int64_t first = t * size;
      if (first + size <= n) {
        apply(x + first, y + first, mask + first);
        continue;
      }
      const auto rest = static_cast<std::size_t>(n - first);
      T in[size]{}, out[size];
      uint8_t marks[size];
      __builtin_memcpy(in, x + first, rest * sizeof(T));
      apply(in, out, marks);
      __builtin_memcpy(y + first, out, rest * sizeof(T));
      __builtin_memcpy(mask + first, marks, rest);
    }
  });
}

template <class T>
void dropout_backward(const void* g_, const uint8_t* mask, int64_t n, double scale_, void* dx_) {
  const T *g = static_cast<const T*>(g_), scale = static_cast<T>(scale_);
  T* dx = static_cast<T*>(dx_);
  parallel_for(n, tiles_per_piece * per_tile<1>, [&](int64_t begin, int64_t end) {
#pragma GCC ivdep
    for (int64_t i = begin; i < end; ++i) {
      const T scaled = g[i] * scale;
      dx[i] = mask[i] ? scaled : T(0);
    }
  });
}

/// Fisher and Yates, each exchange drawn from the words of its element.
void permutation(PhiloxState state, int64_t n, int64_t* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = i;
  constexpr int64_t size = per_tile<2>;
  const Keys keys(state.seed);
  for (int64_t t = 0; t * size < n; ++t) {
    Tile tile;
    make_tile(state, keys, t, tile);
    uint64_t words[size];
    for (int pair = 0; pair < 2; ++pair)
      for (int64_t b = 0; b < width; ++b) words[pair * width + b] = join(tile, pair, b);
    const int64_t first = t * size, count = min_of(size, n - first);
    int64_t* const at = out + first;
    for (int64_t i = 0; i < count; ++i) {
      __extension__ using Wide = unsigned __int128;
      int64_t* const other =
          at + i + static_cast<int64_t>((Wide{words[i]} * static_cast<uint64_t>(n - first - i)) >> 64);
      const int64_t moved = at[i];
      at[i] = *other;
      *other = moved;
    }
  }
}

}  // namespace

void fill(RandomTable& table) {
  table = {{uniform<float>, uniform<double>},
           {normal<float>, normal<double>},
           {log_normal<float>, log_normal<double>},
           {exponential<float>, exponential<double>},
           {geometric<float>, geometric<double>},
           {cauchy<float>, cauchy<double>},
           integers,
           bernoulli,
           {bernoulli_each<float>, bernoulli_each<double>},
           {dropout<float>, dropout<double>},
           {dropout_backward<float>, dropout_backward<double>},
           permutation};
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
