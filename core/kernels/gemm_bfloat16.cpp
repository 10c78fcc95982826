// Products of bfloat16 matrices, summed in float32. Two neighbours along k are one 32-bit element, so that packing,
// blocks and tiles are those of float32 with half the k, and only the multiplication differs.
#include "kernels/gemm_bfloat16.h"

#if defined(__AVX512F__)

#include <cstdint>
#include <utility>

#include "kernels/gemm_blocked.h"

// The file is built for every AVX-512 CPU; these functions are called on those that have the instruction.
#define WEFT_BFLOAT16 __attribute__((target("avx512bf16")))

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

/// sum + x y of pairs.
struct AddProducts {
  WEFT_BFLOAT16 Vec<float> operator()(Vec<float> sum, float x, Vec<float> y) const noexcept {
    return (Vec<float>)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_ps(x), (__m512bh)y);
  }
};

template <int Rows, int Vectors, bool packs = false>
WEFT_BFLOAT16 void tile(const float* a, const float* b, const TileWalk& walk, float* out) {
  sum_tile<float, Rows, Vectors, packs>(a, b, walk, out, AddProducts());
}

template <int... I>
constexpr Tiles<float> make_tiles(std::integer_sequence<int, I...>) {
  return {{{tile<I + 1, 1>, tile<I + 1, 2>}...}, {tile<I + 1, 2, true>...}};
}
constinit const Tiles<float> tiles_of_pairs = make_tiles(std::make_integer_sequence<int, tile_rows>());

/// Rows (of A) or columns (of B) as pairs along k. In place when k is consecutive and even, else a copy: with the pairs
/// of neighbouring rows side by side when the rows were so.
class Pairs {
 public:
  Pairs(const uint16_t* from, int64_t count, int64_t step, int64_t k, int64_t k_step)
      : copy_(in_place(from, step, k, k_step) ? 0 : count * ((k + 1) / 2)) {
    if (in_place(from, step, k, k_step)) {
      data = reinterpret_cast<const float*>(from);
      row = step / 2;
      pair = 1;
      return;
    }
    data = reinterpret_cast<const float*>(copy_.data());
    row = 1;
    pair = count;
    parallel_for((k + 1) / 2, 1 + piece_copy / (count + 1), [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        const uint16_t* first = from + 2 * p * k_step;
        const uint16_t* second = 2 * p + 1 < k ? first + k_step : nullptr;
        if (step == 1)
          interleave(copy_.data() + p * count, first, second, count, 1);
        else
          interleave(copy_.data() + p * count, first, second, count, step);
      }
    });
  }
  const float* data;
  int64_t row, pair;  ///< strides

 private:
  static bool in_place(const uint16_t* from, int64_t step, int64_t k, int64_t k_step) noexcept {
    return k_step == 1 && k % 2 == 0 && step % 2 == 0 && reinterpret_cast<uintptr_t>(from) % 4 == 0;
  }
  /// The second elements become the upper halves; zero if there are none.
  [[gnu::always_inline]] static void interleave(uint32_t* to, const uint16_t* first, const uint16_t* second,
                                                int64_t count, int64_t step) noexcept {
    if (second == nullptr) {
      for (int64_t i = 0; i < count; ++i) to[i] = first[i * step];
    } else {
      for (int64_t i = 0; i < count; ++i) to[i] = first[i * step] | static_cast<uint32_t>(second[i * step]) << 16;
    }
  }
  Scratch<uint32_t> copy_;
};

void gemm(const GemmArgs& args) {
  if (args.m == 0 || args.n == 0) return;
  const int64_t work = args.m * args.n * (args.k + 1);
  const auto run = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Pairs a(static_cast<const uint16_t*>(args.a) + i * args.a_batch, args.m, args.a_row, args.k, args.a_col);
      const Pairs b(static_cast<const uint16_t*>(args.b) + i * args.b_batch, args.n, args.b_col, args.k, args.b_row);
      multiply_blocked<float, float>(
          {args.m,
           args.n,
           (args.k + 1) / 2,
           a.data,
           a.row,
           a.pair,
           b.data,
           b.pair,
           b.row,
           static_cast<float*>(args.c) + i * args.c_batch,
           args.c_row,
           {static_cast<float>(args.alpha.as<double>()), args.accumulate, static_cast<const float*>(args.column_bias),
            static_cast<const float*>(args.row_bias), args.activation},
           1,
           0,
           0,
           &tiles_of_pairs});
    }
  };
  if (work < largest_beside)
    parallel_for(args.batch, 1 + piece_work / work, run);
  else
    run(0, args.batch);
}

}  // namespace

void (*pairs_gemm() noexcept)(const GemmArgs& args) { return gemm; }

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE

#else

namespace weft::kernels::WEFT_ISA_NAMESPACE {
void (*pairs_gemm() noexcept)(const GemmArgs& args) { return nullptr; }
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE

#endif
