// Gather, scatter, row selection, advanced indexing, masks.
#include "kernels/index.h"

#include <type_traits>

#include "kernels/gemm_scratch.h"
#include "kernels/rows.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t piece_elements = 8192;
constexpr int64_t column_block = 512;    // columns of one piece where rows may collide
constexpr int64_t mask_block = 1 << 15;  // mask bytes of one piece

struct alignas(16) Bytes16 {
  uint64_t low, high;
};

template <class T>
[[gnu::always_inline]] inline const T& get_at(const char* base, int64_t offset) noexcept {
  return *reinterpret_cast<const T*>(base + offset);
}
template <class T>
[[gnu::always_inline]] inline T& ref_at(char* base, int64_t offset) noexcept {
  return *reinterpret_cast<T*>(base + offset);
}

/// Writes the n elements at from + at[j] * step one after another: eight are read, then written, since a store holds
/// back the loads after it while their addresses are not known.
template <class T>
[[gnu::always_inline]] inline void pick(const char* from, const int64_t* at, int64_t step, int64_t n,
                                        char* to) noexcept {
  constexpr int64_t together = 8, size = sizeof(T);
  int64_t j = 0;
  for (; j + together <= n; j += together) {
    T values[together];
#pragma GCC unroll 8
    for (int64_t k = 0; k < together; ++k) __builtin_memcpy(values + k, from + at[j + k] * step, sizeof(T));
    __builtin_memcpy(to + j * size, values, sizeof values);
  }
  for (; j < n; ++j) __builtin_memcpy(to + j * size, from + at[j] * step, sizeof(T));
}

/// Keeps the smallest position noted by any piece.
class FirstBad {
 public:
  [[gnu::always_inline]] void note(int64_t position) noexcept {
    uint64_t seen = __atomic_load_n(&position_, __ATOMIC_RELAXED);
    const auto wanted = static_cast<uint64_t>(position);
    while (wanted < seen &&
           !__atomic_compare_exchange_n(&position_, &seen, wanted, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
  }
  [[gnu::always_inline]] int64_t position() const noexcept { return static_cast<int64_t>(position_); }

 private:
  uint64_t position_ = ~uint64_t{0};  // -1 as signed: none
};

/// The index space of gather and scatter as [outer..., a, b]. K tensors are walked: 0 is the indexed one, whose stride
/// along `dim` is left out because the index supplies it.
template <int K>
struct Walk {
  static constexpr int indexed = 0;
  int outer_ndim = 0;
  int64_t outer_sizes[max_index_ndim];
  int64_t outer_strides[max_index_ndim][K];
  int64_t outer = 1, a = 1, b = 1;
  int64_t a_strides[K] = {}, b_strides[K] = {};
  int64_t dim_stride, dim_size;
  bool b_is_dim;

  /// `dim_second` asks for dim at b or, if it is not the last dimension, at a; writers need it inside one piece.
  Walk(IndexedShape shape, const int64_t* const (&strides)[K], bool dim_second) {
    const int last = shape.ndim - 1;
    const int second = shape.dim == last ? -1 : dim_second ? shape.dim : last - 1;
    dim_stride = strides[indexed][shape.dim];
    dim_size = shape.dim_size;
    b_is_dim = shape.dim == last;
    for (int d = 0; d < shape.ndim; ++d) {
      int64_t stride[K];
      for (int k = 0; k < K; ++k) stride[k] = k == indexed && d == shape.dim ? 0 : strides[k][d];
      int64_t* to = d == last ? b_strides : d == second ? a_strides : outer_strides[outer_ndim];
      for (int k = 0; k < K; ++k) to[k] = stride[k];
      if (d == last) {
        b = shape.sizes[d];
      } else if (d == second) {
        a = shape.sizes[d];
      } else {
        outer_sizes[outer_ndim++] = shape.sizes[d];
        outer *= shape.sizes[d];
      }
    }
  }
  void offsets(int64_t row, int64_t (&offset)[K]) const noexcept {
    for (int k = 0; k < K; ++k) offset[k] = 0;
    for (int d = outer_ndim - 1; d >= 0; --d) {
      const int64_t i = row % outer_sizes[d];
      row /= outer_sizes[d];
      for (int k = 0; k < K; ++k) offset[k] += i * outer_strides[d][k];
    }
  }
};

[[gnu::always_inline]] inline bool outside(int64_t index, int64_t size) noexcept {
  return static_cast<uint64_t>(index) >= static_cast<uint64_t>(size);
}

/// Position of the first bad one of n indices.
int64_t check_indices(const int64_t* index, int64_t n, int64_t size) noexcept {
  for (int64_t i = 0; i < n; ++i) {
    if (outside(index[i], size)) return i;
  }
  return -1;
}

/// Position of the first bad index of a strided tensor of indices.
int64_t check_strided(const char* index, const int64_t* strides, IndexedShape shape) noexcept {
  const int last = shape.ndim - 1;
  int64_t rows = 1;
  for (int d = 0; d < last; ++d) rows *= shape.sizes[d];
  FirstBad bad;
  parallel_for(rows, max_of(1, piece_elements / max_of(1, shape.sizes[last])), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      int64_t offset = 0, rest = row;
      for (int d = last - 1; d >= 0; --d) {
        offset += rest % shape.sizes[d] * strides[d];
        rest /= shape.sizes[d];
      }
      const char* from = index + offset;
      const int64_t n = shape.sizes[last], stride = strides[last];
      // Almost always all are good, and one pass without branches says so.
      uint64_t any = 0;
      if (stride == sizeof(int64_t)) {
        const auto* values = reinterpret_cast<const int64_t*>(from);
        for (int64_t j = 0; j < n; ++j) any |= outside(values[j], shape.dim_size) ? 1u : 0u;
      } else if (stride == 0) {
        any = n > 0 && outside(get_at<int64_t>(from, 0), shape.dim_size);
      } else {
        for (int64_t j = 0; j < n; ++j) any |= outside(get_at<int64_t>(from, j * stride), shape.dim_size) ? 1u : 0u;
      }
      if (any == 0) [[likely]]
        continue;
      int64_t j = 0;
      while (j + 1 < n && !outside(get_at<int64_t>(from, j * stride), shape.dim_size)) ++j;
      bad.note(row * n + j);
    }
  });
  return bad.position();
}

template <class T>
int64_t gather(const char* in, const int64_t* in_strides, const char* index, const int64_t* index_strides,
               IndexedShape shape, char* out_) {
  const int64_t* const strides[2] = {in_strides, index_strides};
  const Walk<2> walk(shape, strides, false);
  T* out = reinterpret_cast<T*>(out_);
  if (shape.dim_size == 0 && walk.outer * walk.a * walk.b > 0) return 0;
  FirstBad bad;
  // Any order does: rows are (outer, a) pairs.
  parallel_for(walk.outer * walk.a, max_of(1, piece_elements / max_of(1, walk.b)), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      int64_t at[2];
      walk.offsets(row / walk.a, at);
      const char* from = in + at[0] + row % walk.a * walk.a_strides[0];
      const char* indices = index + at[1] + row % walk.a * walk.a_strides[1];
      T* to = out + row * walk.b;
      // A bad index reads element 0 instead, so that the loop need not branch.
      const auto each = [&](int64_t index_step, int64_t in_step, int64_t along) {
        uint64_t any = 0;
        for (int64_t j = 0; j < walk.b; ++j) {
          const int64_t i = get_at<int64_t>(indices, j * index_step);
          const bool wrong = outside(i, walk.dim_size);
          any |= wrong ? 1u : 0u;
          to[j] = get_at<T>(from, (wrong ? 0 : i) * in_step + j * along);
        }
        return any != 0;
      };
      constexpr int64_t size = sizeof(T), index_size = sizeof(int64_t);
      const int64_t index_step = walk.b_strides[1], along = walk.b_strides[0];
      bool any;
      if (walk.b_is_dim && walk.dim_stride == size && index_step == index_size)
        any = each(index_size, size, 0);
      else if (!walk.b_is_dim && along == size && index_step == index_size)
        any = each(index_size, walk.dim_stride, size);
      else
        any = each(index_step, walk.dim_stride, along);
      if (any) [[unlikely]] {
        int64_t j = 0;
        while (j + 1 < walk.b && !outside(get_at<int64_t>(indices, j * index_step), walk.dim_size)) ++j;
        bad.note(row * walk.b + j);
      }
    }
  });
  return bad.position();
}

/// combine(T& out, T src) at every index. A piece owns everything that its indices can reach.
template <class T, class Combine>
[[gnu::always_inline]] inline int64_t scatter_with(char* out, const int64_t* out_strides, const char* index,
                                                   const int64_t* index_strides, const char* src,
                                                   const int64_t* src_strides, IndexedShape shape, Combine combine) {
  const int64_t bad = check_strided(index, index_strides, shape);
  if (bad >= 0) return bad;
  const int64_t* const strides[3] = {out_strides, index_strides, src_strides};
  const Walk<3> walk(shape, strides, true);
  const int64_t width = walk.b_is_dim ? max_of(1, walk.b) : column_block;
  const int64_t blocks = ceil_div(walk.b, width), work = walk.a * min_of(walk.b, width);
  parallel_for(walk.outer * blocks, max_of(1, piece_elements / max_of(1, work)), [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      int64_t at[3];
      walk.offsets(piece / blocks, at);
      const int64_t j0 = piece % blocks * width, j1 = min_of(walk.b, j0 + width);
      for (int64_t i = 0; i < walk.a; ++i) {
        char* to = out + at[0] + i * walk.a_strides[0];
        const char* indices = index + at[1] + i * walk.a_strides[1];
        const char* from = src + at[2] + i * walk.a_strides[2];
        const auto each = [&](int64_t index_step, int64_t out_step, int64_t along, int64_t src_step) {
          for (int64_t j = j0; j < j1; ++j) {
            const int64_t k = get_at<int64_t>(indices, j * index_step);
            if (outside(k, walk.dim_size)) [[unlikely]]
              continue;  // only if another thread changed it meanwhile
            combine(ref_at<T>(to, k * out_step + j * along), get_at<T>(from, j * src_step));
          }
        };
        constexpr int64_t size = sizeof(T), index_size = sizeof(int64_t);
        const int64_t index_step = walk.b_strides[1], src_step = walk.b_strides[2], along = walk.b_strides[0];
        // Constant steps make the two usual layouts a good deal quicker.
        if (walk.b_is_dim && walk.dim_stride == size && index_step == index_size && src_step == size) {
          each(index_size, size, 0, size);
        } else if (!walk.b_is_dim && along == size && index_step == index_size && src_step == size) {
          each(index_size, walk.dim_stride, size, size);
        } else {
          each(index_step, walk.dim_stride, along, src_step);
        }
      }
    }
  });
  return -1;
}

template <class T>
int64_t scatter(char* out, const int64_t* out_strides, const char* index, const int64_t* index_strides, const char* src,
                const int64_t* src_strides, IndexedShape shape) {
  return scatter_with<T>(out, out_strides, index, index_strides, src, src_strides, shape,
                         [](T& to, const T& value) { to = value; });
}

template <class T, ScatterReduce R>
int64_t scatter_reduce(char* out, const int64_t* out_strides, const char* index, const int64_t* index_strides,
                       const char* src, const int64_t* src_strides, IndexedShape shape) {
  return scatter_with<T>(out, out_strides, index, index_strides, src, src_strides, shape, [](T& to, T value) {
    if constexpr (R == ScatterReduce::sum) to += value;
    if constexpr (R == ScatterReduce::prod) to *= value;
    if constexpr (R == ScatterReduce::amax) to = to > value || to != to ? to : value;
    if constexpr (R == ScatterReduce::amin) to = to < value || to != to ? to : value;
  });
}

template <class F>
[[gnu::always_inline]] inline void with_size(int64_t bytes, F f) {
  switch (bytes) {
    case 1:
      return f.template operator()<uint8_t>();
    case 2:
      return f.template operator()<uint16_t>();
    case 4:
      return f.template operator()<uint32_t>();
    case 8:
      return f.template operator()<uint64_t>();
    default:
      return f.template operator()<void>();
  }
}
/// Copies one row of `bytes`; T is its type when it is a single element.
template <class T>
[[gnu::always_inline]] inline void copy_row(char* to, const char* from, int64_t bytes) noexcept {
  if constexpr (std::is_void_v<T>)
    __builtin_memcpy(to, from, static_cast<std::size_t>(bytes));
  else
    __builtin_memcpy(to, from, sizeof(T));
}

/// The size of a row, a constant when it is a single element.
template <class T>
[[gnu::always_inline]] inline int64_t row_bytes(int64_t bytes) noexcept {
  if constexpr (std::is_void_v<T>)
    return bytes;
  else
    return sizeof(T);
}

int64_t index_select(const char* in, SelectShape shape, const int64_t* index, int64_t n, char* out) {
  if (shape.size == 0 && shape.outer * n > 0) return 0;
  const bool is_checked = shape.outer > 1;  // once, for all the times that the indices are used
  if (is_checked) {
    const int64_t wrong = check_indices(index, n, shape.size);
    if (wrong >= 0) return wrong;
  }
  FirstBad bad;
  // A piece is a block of indices within one outer position.
  const int64_t block = max_of(1, 4 * piece_elements / max_of(16, shape.inner)), blocks = ceil_div(n, block);
  const int64_t grain = max_of(1, block / max_of(1, min_of(n, block)));
  with_size(shape.inner, [&]<class Row>() {
    parallel_for(shape.outer * blocks, grain, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        const int64_t o = piece / blocks, first = piece % blocks * block, last = min_of(n, first + block);
        const char* from = in + o * shape.size * shape.inner;
        char* to = out + o * n * shape.inner;
        const int64_t row = row_bytes<Row>(shape.inner);
        if (is_checked) {
          if constexpr (std::is_void_v<Row>)
            for (int64_t j = first; j < last; ++j) copy_row<Row>(to + j * row, from + index[j] * row, row);
          else
            pick<Row>(from, index + first, row, last - first, to + first * row);
          continue;
        }
        // Bad indices read row 0 instead, so that the loop need not branch.
        uint64_t any = 0;
        const int64_t* const at = index;  // what is captured would be read anew after every store
        for (int64_t j = first; j < last; ++j) {
          const int64_t i = at[j];
          const bool wrong = outside(i, shape.size);
          any |= wrong ? 1u : 0u;
          copy_row<Row>(to + j * row, from + (wrong ? 0 : i) * row, row);
        }
        if (any != 0) [[unlikely]] {
          bad.note(max_of(first, first + check_indices(index + first, last - first, shape.size)));
          return;
        }
      }
    });
  });
  return bad.position();
}

/// `Vectors` vectors of a bag's sum, n <= lanes elements of the last. A bad index reads row 0 instead.
template <class T, int Vectors>
[[gnu::always_inline]] inline void sum_bag(const T* rows, int64_t size, int64_t inner, const int64_t* index,
                                           int64_t length, int64_t n, T divisor, T* out) noexcept {
  constexpr int64_t ahead = 8;
  Vec<T> sum[Vectors] = {};
  for (int64_t j = 0; j < length; ++j) {
    const int64_t next = index[min_of(j + ahead, length - 1)];
    const T* later = rows + (outside(next, size) ? 0 : next) * inner;
    const T* from = rows + (outside(index[j], size) ? 0 : index[j]) * inner;
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      __builtin_prefetch(later + v * lanes<T>);
      sum[v] += load_first(from + v * lanes<T>, n);
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) store_first(out + v * lanes<T>, sum[v] / divisor, n);
}

template <class T>
int64_t sum_bags(const void* rows_, int64_t size, int64_t inner, const int64_t* index, int64_t bags, int64_t length,
                 Param divisor_, void* out_) {
  if (size == 0 && bags * length > 0) return 0;
  const T* rows = static_cast<const T*>(rows_);
  const T divisor = divisor_.as<T>();
  FirstBad bad;
  parallel_for(bags, max_of(1, 4 * piece_elements / max_of(1, length * inner)), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const int64_t* at = index + b * length;
      T* out = static_cast<T*>(out_) + b * inner;
      const int64_t wrong = check_indices(at, length, size);
      if (wrong >= 0) bad.note(b * length + wrong);
      int64_t c = 0;
      for (; c + 4 * lanes<T> <= inner; c += 4 * lanes<T>) {
        sum_bag<T, 4>(rows + c, size, inner, at, length, lanes<T>, divisor, out + c);
      }
      for (; c < inner; c += lanes<T>) {
        sum_bag<T, 1>(rows + c, size, inner, at, length, min_of(lanes<T>, inner - c), divisor, out + c);
      }
    }
  });
  return bad.position();
}

template <class T>
int64_t mix_lines(const void* in, SelectShape shape, const int64_t* index, const double* weight_, int64_t taps,
                  int64_t n, void* out) {
  const int64_t wrong = check_indices(index, taps * n, shape.size);
  if (wrong >= 0) return wrong;
  const int64_t inner = shape.inner;
  const Scratch<T> weight(taps * n);
  for (int64_t i = 0; i < taps * n; ++i) weight[i] = static_cast<T>(weight_[i]);
  // Rows of the output; for single elements, whole lines.
  const int64_t lines = inner == 1 ? shape.outer : shape.outer * n, width = inner == 1 ? n : inner;
  parallel_for(lines, max_of(1, piece_elements / max_of(1, width)), [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      T* const to = static_cast<T*>(out) + line * width;
      if (inner == 1) {
        const T* const from = static_cast<const T*>(in) + line * shape.size;
        for (int64_t j = 0; j < n; ++j) to[j] = weight[j] * from[index[j]];
        for (int64_t t = 1; t < taps; ++t) {
          for (int64_t j = 0; j < n; ++j) to[j] += weight[t * n + j] * from[index[t * n + j]];
        }
        continue;
      }
      const int64_t j = line % n;
      const T* const from = static_cast<const T*>(in) + line / n * shape.size * inner;
      for (int64_t c = 0; c < inner; c += lanes<T>) {
        const int64_t count = min_of(lanes<T>, inner - c);
        Vec<T> sum{};
        for (int64_t t = 0; t < taps; ++t) {
          sum += weight[t * n + j] * load_first(from + index[t * n + j] * inner + c, count);
        }
        store_first(to + c, sum, count);
      }
    }
  });
  return -1;
}

template <class T>
int64_t mix_lines_back(const void* in, SelectShape shape, const int64_t* index, const double* weight, int64_t taps,
                       int64_t n, void* out) {
  const int64_t wrong = check_indices(index, taps * n, shape.size);
  if (wrong >= 0) return wrong;
  const int64_t inner = shape.inner, work = max_of(1, (taps * n + shape.size) * inner);
  parallel_for(shape.outer, max_of(1, piece_elements / work), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      const T* const from = static_cast<const T*>(in) + o * n * inner;
      T* const to = static_cast<T*>(out) + o * shape.size * inner;
      __builtin_memset(to, 0, static_cast<std::size_t>(shape.size * inner) * sizeof(T));
      for (int64_t t = 0; t < taps; ++t) {
        for (int64_t j = 0; j < n; ++j) {
          const T w = static_cast<T>(weight[t * n + j]);
          T* const line = to + index[t * n + j] * inner;
#pragma GCC ivdep
          for (int64_t c = 0; c < inner; ++c) line[c] += w * from[j * inner + c];
        }
      }
    }
  });
  return -1;
}

int64_t index_copy(char* out, SelectShape shape, const int64_t* index, int64_t n, const char* src) {
  const int64_t bad = check_indices(index, n, shape.size);
  if (bad >= 0) return bad;
  parallel_for(shape.outer, max_of(1, 4 * piece_elements / max_of(1, n * max_of(16, shape.inner))),
               [&](int64_t begin, int64_t end) {
                 for (int64_t o = begin; o < end; ++o) {
                   for (int64_t j = 0; j < n; ++j) {
                     if (outside(index[j], shape.size)) [[unlikely]]
                       continue;
                     copy_row<void>(out + (o * shape.size + index[j]) * shape.inner, src + (o * n + j) * shape.inner,
                                    shape.inner);
                   }
                 }
               });
  return -1;
}

template <class T>
int64_t index_add(void* out_, SelectShape shape, const int64_t* index, int64_t n, int64_t skip, const void* src_,
                  Param alpha_) {
  const int64_t bad = check_indices(index, n, shape.size);
  if (bad >= 0) return bad;
  T* out = static_cast<T*>(out_);
  const T* src = static_cast<const T*>(src_);
  const T alpha = alpha_.as<T>();
  const int64_t inner = shape.inner, blocks = ceil_div(inner, column_block), work = n * min_of(inner, column_block);
  parallel_for(shape.outer * blocks, max_of(1, piece_elements / max_of(1, work)), [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t o = piece / blocks, column = piece % blocks * column_block;
      const int64_t columns = min_of(column_block, inner - column);
      for (int64_t j = 0; j < n; ++j) {
        const int64_t i = index[j];
        if (i == skip || outside(i, shape.size)) continue;
        T* to = out + (o * shape.size + i) * inner + column;
        const T* from = src + (o * n + j) * inner + column;
#pragma GCC ivdep
        for (int64_t c = 0; c < columns; ++c) to[c] += alpha * from[c];
      }
    }
  });
  return -1;
}

int64_t add_offsets(const int64_t* index, int64_t n, int64_t size, int64_t stride, bool first, int64_t* offsets) {
  FirstBad bad;
  parallel_for(n, piece_elements, [&](int64_t begin, int64_t end) {
    const auto each = [&](auto so_far) {
      uint64_t any = 0;
#pragma GCC ivdep
      for (int64_t p = begin; p < end; ++p) {
        const int64_t wrapped = index[p] + (index[p] < 0 ? size : 0);
        const bool wrong = outside(wrapped, size);
        any |= wrong ? 1u : 0u;
        offsets[p] = so_far(p) + (wrong ? 0 : wrapped) * stride;
      }
      return any != 0;
    };
    const bool any = first ? each([](int64_t) { return int64_t{0}; }) : each([&](int64_t p) { return offsets[p]; });
    if (any) [[unlikely]] {
      int64_t p = begin;
      while (p + 1 < end && !outside(index[p] + (index[p] < 0 ? size : 0), size)) ++p;
      bad.note(p);
    }
  });
  return bad.position();
}

template <class T>
void get(const char* in, OffsetGrid grid, char* out) {
  const int64_t inner = grid.inner_count, bytes = inner * int64_t{sizeof(T)};
  const int64_t grain = max_of(1, piece_elements / max_of(1, inner));
  parallel_for(grid.outer_count * grid.count, grain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      // What belongs to one outer position.
      const int64_t p = begin % grid.count, count = min_of(end - begin, grid.count - p);
      const char* from = in + grid.outer[begin / grid.count];
      const int64_t* at = grid.offsets + p;
      char* to = out + begin * bytes;
      begin += count;
      if (inner == 1) {
        pick<T>(from + (grid.inner ? grid.inner[0] : 0), at, 1, count, to);
        continue;
      }
      for (int64_t i = 0; i < count; ++i, to += bytes) {
        if (grid.inner)
          pick<T>(from + at[i], grid.inner, 1, inner, to);
        else
          __builtin_memcpy(to, from + at[i], static_cast<std::size_t>(bytes));
      }
    }
  });
}

/// combine(T& out, T src) at every grid point. A piece owns a block of inner elements, so equal offsets never race.
template <class T, class Combine>
[[gnu::always_inline]] inline void put_with(char* out, OffsetGrid grid, const char* src_, bool scalar,
                                            Combine combine) {
  const T* src = reinterpret_cast<const T*>(src_);
  const int64_t inner = grid.inner_count, blocks = ceil_div(inner, column_block);
  const int64_t work = grid.count * min_of(inner, column_block);
  parallel_for(grid.outer_count * blocks, max_of(1, piece_elements / max_of(1, work)), [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t o = piece / blocks, i0 = piece % blocks * column_block;
      const int64_t i1 = min_of(inner, i0 + column_block);
      for (int64_t p = 0; p < grid.count; ++p) {
        char* to = out + grid.outer[o] + grid.offsets[p];
        const T* from = scalar ? src : src + (o * grid.count + p) * inner;
        const int64_t step = scalar ? 0 : 1;
        if (grid.inner) {
          for (int64_t i = i0; i < i1; ++i) combine(ref_at<T>(to, grid.inner[i]), from[i * step]);
        } else {
          T* row = reinterpret_cast<T*>(to);
#pragma GCC ivdep
          for (int64_t i = i0; i < i1; ++i) combine(row[i], from[i * step]);
        }
      }
    }
  });
}
template <class T>
void put_elements(char* out, OffsetGrid grid, const char* src, bool scalar) {
  put_with<T>(out, grid, src, scalar, [](T& to, const T& value) { to = value; });
}
template <class T>
void put_add(char* out, OffsetGrid grid, const char* src, bool scalar) {
  put_with<T>(out, grid, src, scalar, [](T& to, T value) { to += value; });
}

/// Which of the first n bytes (0 < n <= 64) are not zero.
[[gnu::always_inline]] inline uint64_t bits_of(const uint8_t* mask, int64_t n) noexcept {
  if (n >= 64) return nonzero_bytes(mask);
  alignas(64) uint8_t rest[64] = {};
  __builtin_memcpy(rest, mask, static_cast<std::size_t>(n));
  return nonzero_bytes(rest);
}

int64_t count_block(const uint8_t* mask, int64_t n) noexcept {
  int64_t total = 0;
  for (int64_t i = 0; i < n; i += 64) total += __builtin_popcountll(bits_of(mask + i, min_of(64, n - i)));
  return total;
}

/// Fills starts[b] with the number of set bytes before block b, starts[blocks] with all of them.
void count_blocks(const uint8_t* mask, int64_t n, int64_t blocks, int64_t* starts) {
  parallel_for(blocks, 4, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      starts[b + 1] = count_block(mask + b * mask_block, min_of(mask_block, n - b * mask_block));
    }
  });
  starts[0] = 0;
  for (int64_t b = 0; b < blocks; ++b) starts[b + 1] += starts[b];
}

int64_t count_nonzero(const uint8_t* mask, int64_t n) {
  const int64_t blocks = ceil_div(n, mask_block);
  const Scratch<int64_t> starts(blocks + 1);
  count_blocks(mask, n, blocks, starts.data());
  return starts[blocks];
}

/// visit(i, bits, k): of elements i to i + 63 those with a bit are set, the first of them the k-th. `limit` is the
/// caller's count, so a mask that changes meanwhile cannot write past its output.
template <class Visit>
[[gnu::always_inline]] inline void each_set(const uint8_t* mask, int64_t n, int64_t limit, Visit visit) {
  const int64_t blocks = ceil_div(n, mask_block);
  const Scratch<int64_t> starts(blocks + 1);
  count_blocks(mask, n, blocks, starts.data());
  parallel_for(blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const int64_t stop = min_of(starts[b + 1], limit), last = min_of(n, (b + 1) * mask_block);
      int64_t k = starts[b];
      for (int64_t i = b * mask_block; k < stop && i < last; i += 64) {
        uint64_t bits = bits_of(mask + i, last - i);
        for (; __builtin_popcountll(bits) > stop - k; bits &= bits - 1) {
        }
        visit(i, bits, k);
        k += __builtin_popcountll(bits);
      }
    }
  });
}

/// to[0], to[1], ... = source(j) for the bits j that are set; source.vector(j) has the values from j on.
template <class T, class Source>
[[gnu::always_inline]] inline void write_set(uint64_t bits, const Source& source, T* to) noexcept {
  if constexpr (chooses_lanes<T>) {
    if (source.has_vectors) {
      constexpr uint32_t all = (1u << lanes<T>)-1;
      for (int64_t j = 0; bits != 0; j += lanes<T>, bits >>= lanes<T>) {
        const uint32_t part = static_cast<uint32_t>(bits) & all;
        store_chosen(to, source.vector(j), part);
        to += __builtin_popcount(part);
      }
      return;
    }
  }
  for (; bits != 0; bits &= bits - 1) *to++ = source(__builtin_ctzll(bits));
}

struct Positions {
  int64_t first;
  static constexpr bool has_vectors = true;
  int64_t operator()(int64_t j) const noexcept { return first + j; }
  Vec<int64_t> vector(int64_t j) const noexcept {
    Vec<int64_t> number;
    for (int l = 0; l < lanes<int64_t>; ++l) number[l] = l;
    return number + (first + j);
  }
};
template <class T>
struct Elements {
  const T* from;
  bool has_vectors;  // 64 of them are there
  const T& operator()(int64_t j) const noexcept { return from[j]; }
  auto vector(int64_t j) const noexcept { return load(from + j); }
};

void nonzero(const uint8_t* mask, int ndim, const int64_t* sizes, int64_t count, int64_t* out) {
  int64_t n = 1;
  for (int d = 0; d < ndim; ++d) n *= sizes[d];
  if (ndim == 1) {
    each_set(mask, n, count, [&](int64_t i, uint64_t bits, int64_t k) { write_set(bits, Positions{i}, out + k); });
    return;
  }
  if (ndim == 0) return;
  // Positions first, as the last dimension's; then they are taken apart.
  int64_t* const last = out + (ndim - 1) * count;
  each_set(mask, n, count, [&](int64_t i, uint64_t bits, int64_t k) { write_set(bits, Positions{i}, last + k); });
  parallel_for(count, piece_elements / 4, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      int64_t rest = last[k];
      for (int d = ndim - 1; d >= 0; --d) {
        out[d * count + k] = rest % sizes[d];
        rest /= sizes[d];
      }
    }
  });
}

template <class T>
void masked_select(const char* in_, const uint8_t* mask, int64_t n, int64_t count, char* out_) {
  const T* in = reinterpret_cast<const T*>(in_);
  T* out = reinterpret_cast<T*>(out_);
  each_set(mask, n, count,
           [&](int64_t i, uint64_t bits, int64_t k) { write_set(bits, Elements<T>{in + i, i + 64 <= n}, out + k); });
}

template <class T>
void masked_scatter(char* out_, const uint8_t* mask, int64_t n, int64_t count, const char* src_) {
  const T* src = reinterpret_cast<const T*>(src_);
  T* out = reinterpret_cast<T*>(out_);
  each_set(mask, n, count, [&](int64_t i, uint64_t bits, int64_t k) {
    for (; bits != 0; bits &= bits - 1) out[i + __builtin_ctzll(bits)] = src[k++];
  });
}

template <class T>
void fill_reductions(int64_t (**row)(char*, const int64_t*, const char*, const int64_t*, const char*, const int64_t*,
                                     IndexedShape)) {
  row[static_cast<int>(ScatterReduce::sum)] = scatter_reduce<T, ScatterReduce::sum>;
  row[static_cast<int>(ScatterReduce::prod)] = scatter_reduce<T, ScatterReduce::prod>;
  row[static_cast<int>(ScatterReduce::amax)] = scatter_reduce<T, ScatterReduce::amax>;
  row[static_cast<int>(ScatterReduce::amin)] = scatter_reduce<T, ScatterReduce::amin>;
}

template <class T>
void fill_moves(IndexTable& table, int at) {
  table.gather[at] = gather<T>;
  table.scatter[at] = scatter<T>;
  table.get[at] = get<T>;
  table.put[at] = put_elements<T>;
  table.masked_select[at] = masked_select<T>;
  table.masked_scatter[at] = masked_scatter<T>;
}

template <class T>
void fill_adds(IndexTable& table, int at) {
  fill_reductions<T>(table.scatter_reduce[at]);
  table.index_add[at] = index_add<T>;
  table.put_add[at] = put_add<T>;
}

}  // namespace

void fill(IndexTable& table) {
  fill_moves<uint8_t>(table, 0);
  fill_moves<uint16_t>(table, 1);
  fill_moves<uint32_t>(table, 2);
  fill_moves<uint64_t>(table, 3);
  fill_moves<Bytes16>(table, 4);
  fill_adds<float>(table, 0);
  fill_adds<double>(table, 1);
  fill_adds<int64_t>(table, 2);
  table.sum_bags[0] = sum_bags<float>;
  table.sum_bags[1] = sum_bags<double>;
  table.mix_lines[0] = mix_lines<float>;
  table.mix_lines[1] = mix_lines<double>;
  table.mix_lines_back[0] = mix_lines_back<float>;
  table.mix_lines_back[1] = mix_lines_back<double>;
  table.index_select = index_select;
  table.index_copy = index_copy;
  table.add_offsets = add_offsets;
  table.count_nonzero = count_nonzero;
  table.nonzero = nonzero;
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
