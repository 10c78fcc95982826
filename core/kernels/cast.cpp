#include "kernels/cast.h"

#include <algorithm>

#include "kernels/gemm_simd.h"
#include "kernels/loops.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

template <class T>
inline constexpr bool is_stored_float = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;
template <class T>
inline constexpr bool is_complex_type = std::is_same_v<T, Complex<float>> || std::is_same_v<T, Complex<double>>;

/// A float to an integer by way of one that the processor converts to: 32 bits where they hold all of To.
template <class To, class From>
[[gnu::always_inline]] inline To truncate(From x) {
  if constexpr (sizeof(To) < 8)
    return static_cast<To>(static_cast<int32_t>(x));
  else
    return static_cast<To>(x);
}

template <class To, class From>
[[gnu::always_inline]] inline To convert(From x) {
  if constexpr (std::is_same_v<To, From>)
    return x;
  else if constexpr (std::is_same_v<From, bool>) {
    return x ? convert<To>(1.f) : convert<To>(0.f);
  } else if constexpr (std::is_same_v<To, bool>) {
    if constexpr (is_complex_type<From>)
      return (x.re != 0) | (x.im != 0);
    else if constexpr (is_stored_float<From>)
      return (x.bits & 0x7fff) != 0;
    else
      return x != From(0);
  } else if constexpr (is_complex_type<To>) {
    using Part = decltype(To::re);
    if constexpr (is_complex_type<From>)
      return {static_cast<Part>(x.re), static_cast<Part>(x.im)};
    else
      return {convert<Part>(x), Part(0)};
  } else if constexpr (is_complex_type<From>) {
    return convert<To>(x.re);
  } else if constexpr (is_stored_float<From>) {
    return convert<To>(static_cast<float>(x));
  } else if constexpr (is_stored_float<To>) {
    return To(static_cast<float>(x));
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return truncate<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

template <class From, class To>
struct Cast {
  To operator()(From x) const { return convert<To>(x); }
};

#if defined(__F16C__)
template <>
struct Cast<float, Half> {
  Half operator()(float x) const { return Half(x); }
  static void group(Half* to, const float* from) {
    for (int64_t k = 0; k < group_size; k += 8)
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + k), _mm256_cvtps_ph(_mm256_loadu_ps(from + k), 0));
  }
};
template <>
struct Cast<Half, float> {
  float operator()(Half x) const { return static_cast<float>(x); }
  static void group(float* to, const Half* from) {
    for (int64_t k = 0; k < group_size; k += 8)
      _mm256_storeu_ps(to + k, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + k))));
  }
};
#endif

template <class From, class... To>
void fill_row(InnerLoop* row) {
  // A conversion to int8 has the bits of one to uint8.
  using Kept = uint8_t;
  const InnerLoop loops[] = {
      &Loop<Cast<From, std::conditional_t<std::is_same_v<To, int8_t>, Kept, To>>,
            std::conditional_t<std::is_same_v<To, int8_t>, Kept, To>, std::index_sequence<0>, From>::run...};
  for (int to = 0; to < dtype_count; ++to) row[to] = loops[to];
}
template <class... T>
void fill_loops(InnerLoop (*rows)[dtype_count]) {
  int from = 0;
  (fill_row<T, T...>(rows[from++]), ...);
}

// Copies between layouts.

constexpr int max_dims = 64;
constexpr int64_t piece_bytes = 1 << 18;

/// A copy with its dimensions ordered by the output's strides, innermost first, and joined where both arrays allow.
struct Layout {
  int ndim = 0;
  int64_t sizes[max_dims], to[max_dims], from[max_dims];

  Layout(int given, const int64_t* given_sizes, const int64_t* to_strides, const int64_t* from_strides) {
    int order[max_dims];
    int count = 0;
    for (int d = given - 1; d >= 0; --d) {
      if (given_sizes[d] == 1) continue;
      int at = count++;
      for (; at > 0 && to_strides[d] < to_strides[order[at - 1]]; --at) order[at] = order[at - 1];
      order[at] = d;
    }
    for (int i = 0; i < count; ++i) {
      const int d = order[i];
      const int last = ndim - 1;
      if (ndim > 0 && to_strides[d] == to[last] * sizes[last] && from_strides[d] == from[last] * sizes[last]) {
        sizes[last] *= given_sizes[d];
      } else {
        sizes[ndim] = given_sizes[d];
        to[ndim] = to_strides[d];
        from[ndim++] = from_strides[d];
      }
    }
    if (ndim == 0) {
      ndim = 1;
      sizes[0] = 1;
      to[0] = from[0] = 0;
    }
  }

  /// Makes dimension d the second.
  void make_second(int d) {
    for (; d > 1; --d) {
      std::swap(sizes[d], sizes[d - 1]);
      std::swap(to[d], to[d - 1]);
      std::swap(from[d], from[d - 1]);
    }
  }
  int64_t numel_from(int d) const {
    int64_t n = 1;
    for (; d < ndim; ++d) n *= sizes[d];
    return n;
  }
  /// Calls f(out offset, in offset, column, count) for the part of each row that lies in elements [begin, end).
  template <class F>
  void rows(int64_t begin, int64_t end, const F& f) const {
    int64_t index[max_dims], out = 0, in = 0, row = begin / sizes[0];
    for (int d = 1; d < ndim; ++d) {
      index[d] = row % sizes[d];
      row /= sizes[d];
      out += index[d] * to[d];
      in += index[d] * from[d];
    }
    for (int64_t column = begin % sizes[0]; begin < end; column = 0) {
      const int64_t count = std::min(sizes[0] - column, end - begin);
      f(out, in, column, count);
      begin += count;
      for (int d = 1; d < ndim; ++d) {
        out += to[d];
        in += from[d];
        if (++index[d] < sizes[d]) break;
        out -= sizes[d] * to[d];
        in -= sizes[d] * from[d];
        index[d] = 0;
      }
    }
  }
  /// Byte offsets of position `index` over the dimensions from d on.
  void offsets(int d, int64_t index, int64_t& out, int64_t& in) const {
    out = in = 0;
    for (; d < ndim; ++d) {
      out += index % sizes[d] * to[d];
      in += index % sizes[d] * from[d];
      index /= sizes[d];
    }
  }
};

void stream_bytes(char* to, const char* from, int64_t bytes) {
  const int64_t ragged = min_of(static_cast<int64_t>(-reinterpret_cast<uintptr_t>(to) % vector_bytes), bytes);
  __builtin_memcpy(to, from, static_cast<size_t>(ragged));
  int64_t i = ragged;
  for (; i + vector_bytes <= bytes; i += vector_bytes) stream(to + i, load(from + i));
  __builtin_memcpy(to + i, from + i, static_cast<size_t>(bytes - i));
}

/// memcpy whose call would cost as much as a short row does.
[[gnu::always_inline]] inline void copy_bytes(char* to, const char* from, int64_t bytes) {
  constexpr int64_t width = vector_bytes;
  if (bytes < width || bytes > 16 * width) {
    __builtin_memcpy(to, from, static_cast<size_t>(bytes));
    return;
  }
  for (int64_t i = 0; i < bytes - width; i += width) store(to + i, load(from + i));
  store(to + bytes - width, load(from + bytes - width));
}

template <class T>
void copy_row(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t n) {
  if (to_stride == sizeof(T) && from_stride == sizeof(T)) {
    copy_bytes(to, from, n * int64_t{sizeof(T)});
  } else if (to_stride == sizeof(T) && from_stride == -int64_t{sizeof(T)}) {
    auto* const out = reinterpret_cast<T*>(to);
    const auto* const in = reinterpret_cast<const T*>(from);
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) out[i] = in[-i];  // a constant stride is read in vectors and reversed there
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i)
      *reinterpret_cast<T*>(to + i * to_stride) = *reinterpret_cast<const T*>(from + i * from_stride);
  }
}

/// A square of elements one cache line wide: lines are read and written whole, however far apart.
template <class T>
constexpr int tile_side = sizeof(T) == 16  ? 4
                          : sizeof(T) == 8 ? 8
                                           : 16;

/// to[i][j] = from[j][i] for a square of tile_side, rows apart by the strides.
template <class T>
[[gnu::always_inline]] inline void copy_tile(char* to, int64_t to_stride, const char* from, int64_t from_stride) {
  constexpr int side = tile_side<T>;
  alignas(64) T square[side][side];
  if constexpr (sizeof(T) == 4 || sizeof(T) == 8) {
    constexpr int width = lanes<T>;
    for (int j = 0; j < side; j += width)
      for (int i = 0; i < side; i += width) {
        Vec<T> rows[width];
        for (int k = 0; k < width; ++k) rows[k] = load(reinterpret_cast<const T*>(from + (j + k) * from_stride) + i);
        transpose<T>(rows);
        for (int k = 0; k < width; ++k) store(&square[i + k][j], rows[k]);
      }
  } else {
    for (int j = 0; j < side; ++j)
      for (int i = 0; i < side; ++i) square[i][j] = reinterpret_cast<const T*>(from + j * from_stride)[i];
  }
  for (int i = 0; i < side; ++i) __builtin_memcpy(to + i * to_stride, square[i], sizeof square[i]);
}

/// A plane where the output is contiguous along its n columns and the input along its m rows.
template <class T>
void copy_transposed(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t n, int64_t m) {
  constexpr int64_t side = tile_side<T>, size = sizeof(T);
  const int64_t whole_n = n / side * side, whole_m = m / side * side;
  // Down the input's rows first: a few lines of each are read one after another.
  for (int64_t j = 0; j < whole_n; j += side)
    for (int64_t i = 0; i < whole_m; i += side)
      copy_tile<T>(to + i * to_stride + j * size, to_stride, from + j * from_stride + i * size, from_stride);
  for (int64_t i = 0; i < whole_m; ++i)
    copy_row<T>(to + i * to_stride + whole_n * size, size, from + whole_n * from_stride + i * size, from_stride,
                n - whole_n);
  for (int64_t i = whole_m; i < m; ++i) copy_row<T>(to + i * to_stride, size, from + i * size, from_stride, n);
}

template <class T>
void copy_elements(char* out, const char* in, Layout& a) {
  constexpr int64_t size = sizeof(T);
  int transposed = 0;
  if (a.to[0] == size && a.from[0] != size)
    for (int d = 1; d < a.ndim; ++d)
      if (a.from[d] == size && a.sizes[d] > 1) transposed = d;
  if (transposed != 0) {
    a.make_second(transposed);
    constexpr int64_t band = 64;  // rows of a plane that one piece takes
    const int64_t bands = (a.sizes[1] + band - 1) / band;
    const int64_t band_bytes = a.sizes[0] * std::min(band, a.sizes[1]) * size;
    parallel_for(a.numel_from(2) * bands, std::max<int64_t>(piece_bytes / band_bytes, 1),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t k = begin; k < end; ++k) {
                     int64_t to, from;
                     a.offsets(2, k / bands, to, from);
                     const int64_t row = k % bands * band;
                     copy_transposed<T>(out + to + row * a.to[1], a.to[1], in + from + row * size, a.from[0],
                                        a.sizes[0], std::min(band, a.sizes[1] - row));
                   }
                 });
    return;
  }
  const bool past_cache = a.ndim == 1 && a.to[0] == size && a.from[0] == size && a.sizes[0] * size >= stream_from;
  parallel_for(a.numel_from(0), piece_bytes / size, [&](int64_t begin, int64_t end) {
    if (past_cache) {
      stream_bytes(out + begin * size, in + begin * size, (end - begin) * size);
      return finish_streaming();
    }
    a.rows(begin, end, [&](int64_t to, int64_t from, int64_t column, int64_t count) {
      copy_row<T>(out + to + column * a.to[0], a.to[0], in + from + column * a.from[0], a.from[0], count);
    });
  });
}

void copy(void* out, const void* in, int ndim, const int64_t* sizes, const int64_t* out_strides,
          const int64_t* in_strides, int64_t element_size) {
  Layout layout(ndim, sizes, out_strides, in_strides);
  if (layout.numel_from(0) == 0) return;
  auto* const to = static_cast<char*>(out);
  const auto* const from = static_cast<const char*>(in);
  with_size(element_size, [&]<class T>(T) { copy_elements<T>(to, from, layout); });
}

}  // namespace

void fill(CastTable& table) {
  fill_loops<bool, uint8_t, int8_t, int16_t, int32_t, int64_t, Half, BFloat16, float, double, Complex<float>,
             Complex<double>>(table.loop);
  table.copy = copy;
  table.stream = stream_bytes;
  table.finish_streaming = [] { finish_streaming(); };
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
