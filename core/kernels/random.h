// Random fills from Philox streams (runtime/random.h), many blocks at a time.
//
// Element e of an output takes `words` 32-bit words: 64 / words elements share a tile of 16 Philox blocks, and word w
// of block b of a tile goes to its element 16 * w + b (w counting pairs of words when an element takes two). The
// numbers depend on seed, offset and e alone. A fill of n elements uses random_blocks(n, words) blocks.
#pragma once

#include "kernels/compute.h"
#include "runtime/random.h"

namespace weft::kernels {

inline constexpr int64_t random_tile_blocks = 16;

[[gnu::always_inline]] inline uint64_t random_blocks(int64_t n, int words) noexcept {
  const int64_t per_tile = 4 * random_tile_blocks / words;
  return static_cast<uint64_t>((n + per_tile - 1) / per_tile * random_tile_blocks);
}

/// Outputs are contiguous; [2] is indexed by Compute::f32 (one word an element) and f64 (two words).
struct RandomTable {
  /// [from, to), of 2^24 (f32) or 2^53 (f64) equidistant values.
  void (*uniform[2])(PhiloxState state, int64_t n, double from, double to, void* out);
  /// Box-Muller; reaches 6.7 (f32) and 8.6 (f64) standard deviations.
  void (*normal[2])(PhiloxState state, int64_t n, double mean, double std, void* out);
  void (*log_normal[2])(PhiloxState state, int64_t n, double mean, double std, void* out);
  void (*exponential[2])(PhiloxState state, int64_t n, double lambda, void* out);
  /// The number of trials up to the first success.
  void (*geometric[2])(PhiloxState state, int64_t n, double p, void* out);
  void (*cauchy[2])(PhiloxState state, int64_t n, double median, double sigma, void* out);

  /// [low, low + range), range >= 1 or 0 for all 2^64 values; two words an element. Bias below range / 2^64.
  void (*integers)(PhiloxState state, int64_t n, int64_t low, uint64_t range, int64_t* out);
  /// Ones with probability p, exact to 2^-32; one word an element.
  void (*bernoulli)(PhiloxState state, int64_t n, double p, uint8_t* out);
  /// The same with a probability for every element; false if any is none.
  bool (*bernoulli_each[2])(PhiloxState state, int64_t n, const void* p, uint8_t* out);
  /// y = mask ? x / (1 - p) : 0; one word an element for both types.
  void (*dropout[2])(PhiloxState state, int64_t n, double p, const void* x, void* y, uint8_t* mask);
  /// dx = mask ? g * scale : 0.
  void (*dropout_backward[2])(const void* g, const uint8_t* mask, int64_t n, double scale, void* dx);
  /// A random order of 0 ... n - 1; two words an element.
  void (*permutation)(PhiloxState state, int64_t n, int64_t* out);
};

}  // namespace weft::kernels
