// Vectors of the ISA being compiled: types, partial loads and stores, in-register transposes. Included by the dense
// kernels only; every name has internal linkage (docs/notes/isa.md).
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "tensor/dtype.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(vector_bytes)));
};
template <class T>
using Vec = typename VectorOf<T>::type;
template <class T>
inline constexpr int lanes = vector_bytes / static_cast<int>(sizeof(T));

/// Lane numbers, as wide as the elements.
template <class T>
using LaneIndex = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
template <class T>
using Lanes = Vec<LaneIndex<T>>;

template <class T>
[[gnu::always_inline]] inline Vec<T> load(const T* from) noexcept {
  Vec<T> v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}
template <class T>
[[gnu::always_inline]] inline void store(T* to, Vec<T> v) noexcept {
  __builtin_memcpy(to, &v, sizeof v);
}

/// To memory past the caches; `to` is aligned to a vector. finish_streaming() before another thread may look.
[[gnu::always_inline]] inline void stream(char* to, Vec<char> v) noexcept {
#if defined(__AVX512F__)
  _mm512_stream_si512(reinterpret_cast<__m512i*>(to), (__m512i)v);
#elif defined(__AVX__)
  _mm256_stream_si256(reinterpret_cast<__m256i*>(to), (__m256i)v);
#elif defined(__SSE2__)
  _mm_stream_si128(reinterpret_cast<__m128i*>(to), (__m128i)v);
#else
  store(to, v);
#endif
}
[[gnu::always_inline]] inline void finish_streaming() noexcept {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

#if defined(__AVX512F__)
template <class T>
[[gnu::always_inline]] inline auto lane_mask(int64_t n) noexcept {
  if constexpr (sizeof(T) == 4)
    return static_cast<__mmask16>((1u << n) - 1u);
  else
    return static_cast<__mmask8>((1u << n) - 1u);
}
#endif

/// Which of 64 bytes are not zero.
[[gnu::always_inline]] inline uint64_t nonzero_bytes(const uint8_t* from) noexcept {
#if defined(__AVX512BW__)
  const __m512i bytes = _mm512_loadu_si512(from);
  return _mm512_test_epi8_mask(bytes, bytes);
#elif defined(__SSE2__)
  uint64_t zero = 0;
  for (int i = 0; i < 64; i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
    zero |= static_cast<uint64_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128()))) << i;
  }
  return ~zero;
#else
  uint64_t bits = 0;
  for (int i = 0; i < 64; ++i) bits |= static_cast<uint64_t>(from[i] != 0) << i;
  return bits;
#endif
}

/// Whether store_chosen() is there for T.
template <class T>
#if defined(__AVX512F__)
inline constexpr bool chooses_lanes = sizeof(T) == 4 || sizeof(T) == 8;
#else
inline constexpr bool chooses_lanes = false;
#endif
/// Writes the lanes whose bits are set side by side, and nothing after them.
template <class T>
[[gnu::always_inline]] inline void store_chosen(T* to, Vec<T> v, uint32_t bits) noexcept {
#if defined(__AVX512F__)
  const auto kept = lane_mask<T>(__builtin_popcount(bits));
  if constexpr (sizeof(T) == 4)
    _mm512_mask_storeu_epi32(to, kept, _mm512_maskz_compress_epi32(static_cast<__mmask16>(bits), (__m512i)v));
  else
    _mm512_mask_storeu_epi64(to, kept, _mm512_maskz_compress_epi64(static_cast<__mmask8>(bits), (__m512i)v));
#endif
}

/// The first n lanes (0 < n < lanes) from memory, zero in the others; touches no byte past them.
template <class T>
[[gnu::always_inline]] inline Vec<T> load_partial(const T* from, int64_t n) noexcept {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)_mm512_maskz_loadu_ps(lane_mask<T>(n), from);
  else
    return (Vec<T>)_mm512_maskz_loadu_pd(lane_mask<T>(n), from);
#else
  alignas(vector_bytes) T part[lanes<T>] = {};
  for (int64_t i = 0; i < n; ++i) part[i] = from[i];
  return load(part);
#endif
}
template <class T>
[[gnu::always_inline]] inline void store_partial(T* to, Vec<T> v, int64_t n) noexcept {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    _mm512_mask_storeu_ps(to, lane_mask<T>(n), (__m512)v);
  else
    _mm512_mask_storeu_pd(to, lane_mask<T>(n), (__m512d)v);
#else
  alignas(vector_bytes) T part[lanes<T>];
  store(part, v);
  for (int64_t i = 0; i < n; ++i) to[i] = part[i];
#endif
}
template <class T>
[[gnu::always_inline]] inline Vec<T> load_first(const T* from, int64_t n) noexcept {
  return n >= lanes<T> ? load(from) : load_partial(from, n);
}
template <class T>
[[gnu::always_inline]] inline void store_first(T* to, Vec<T> v, int64_t n) noexcept {
  if (n >= lanes<T>)
    store(to, v);
  else
    store_partial(to, v, n);
}

/// A vector of elements that are stored as T, or as float16 or bfloat16 where T is float.
template <class T, class Stored>
[[gnu::always_inline]] inline Vec<T> load_as(const Stored* from) noexcept {
  if constexpr (__is_same(T, Stored)) {
    return load(from);
#if defined(__AVX512F__)
  } else if constexpr (__is_same(Stored, Half)) {
    // The mask of all lanes: gcc 12 warns of the unmasked form's undefined operand.
    return (Vec<T>)_mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
#elif defined(__F16C__)
  } else if constexpr (__is_same(Stored, Half)) {
    return (Vec<T>)_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#endif
  } else {
    alignas(vector_bytes) T wide[lanes<T>];
    for (int i = 0; i < lanes<T>; ++i) wide[i] = static_cast<T>(from[i]);
    return load(wide);
  }
}
/// The first n of them, zero in the other lanes; touches no byte past them.
template <class T, class Stored>
[[gnu::always_inline]] inline Vec<T> load_first_as(const Stored* from, int64_t n) noexcept {
  if (n >= lanes<T>) return load_as<T>(from);
  if constexpr (__is_same(T, Stored)) {
    return load_partial(from, n);
  } else {
    Stored part[lanes<T>] = {};
    for (int64_t i = 0; i < n; ++i) part[i] = from[i];
    return load_as<T>(part);
  }
}

// One stage of Eklundh's transpose: exchanges the off-diagonal D x D blocks of rows `a` and `b`.
template <class T, int D, int... I>
[[gnu::always_inline]] inline Vec<T> blocks_low(Vec<T> a, Vec<T> b, std::integer_sequence<int, I...>) noexcept {
  return __builtin_shufflevector(a, b, ((I & D) ? I - D + lanes<T> : I)...);
}
template <class T, int D, int... I>
[[gnu::always_inline]] inline Vec<T> blocks_high(Vec<T> a, Vec<T> b, std::integer_sequence<int, I...>) noexcept {
  return __builtin_shufflevector(a, b, ((I & D) ? I + lanes<T> : I + D)...);
}
template <class T, int D>
[[gnu::always_inline]] inline void transpose_stages(Vec<T>* r) noexcept {
  if constexpr (D < lanes<T>) {
    constexpr auto all = std::make_integer_sequence<int, lanes<T>>();
#pragma GCC unroll 16
    for (int i = 0; i < lanes<T>; ++i) {
      if (i & D) continue;
      const Vec<T> low = blocks_low<T, D>(r[i], r[i + D], all);
      r[i + D] = blocks_high<T, D>(r[i], r[i + D], all);
      r[i] = low;
    }
    transpose_stages<T, D * 2>(r);
  }
}
/// Transposes a square of lanes<T> rows in registers.
template <class T>
[[gnu::always_inline]] inline void transpose(Vec<T>* rows) noexcept {
  transpose_stages<T, 1>(rows);
}

/// Lane i of the result is f over the lanes of rows[i], neighbours first; there are lanes<T> rows.
template <class T, int D = 1, class F>
[[gnu::always_inline]] inline Vec<T> lane_fold(Vec<T>* rows, F f) noexcept {
  if constexpr (D == lanes<T>) {
    return rows[0];
  } else {
    constexpr auto all = std::make_integer_sequence<int, lanes<T>>();
#pragma GCC unroll 16
    for (int i = 0; i < lanes<T>; i += 2 * D) {
      rows[i] = f(blocks_low<T, D>(rows[i], rows[i + D], all), blocks_high<T, D>(rows[i], rows[i + D], all));
    }
    return lane_fold<T, 2 * D>(rows, f);
  }
}
template <class T>
[[gnu::always_inline]] inline Vec<T> lane_sums(Vec<T>* rows) noexcept {
  return lane_fold<T>(rows, [](Vec<T> a, Vec<T> b) { return a + b; });
}

[[gnu::always_inline]] inline int64_t ceil_div(int64_t a, int64_t b) noexcept { return (a + b - 1) / b; }
[[gnu::always_inline]] inline int64_t round_up(int64_t a, int64_t b) noexcept { return ceil_div(a, b) * b; }
[[gnu::always_inline]] inline int64_t min_of(int64_t a, int64_t b) noexcept { return a < b ? a : b; }
[[gnu::always_inline]] inline int64_t max_of(int64_t a, int64_t b) noexcept { return a > b ? a : b; }

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
