#include "kernels/scan.h"

#include <algorithm>

#include "kernels/functors_transcendental.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t columns = 256;        // neighbouring lines scanned together
constexpr int64_t piece = 1 << 15;      // elements a parallel piece takes
constexpr int64_t part_size = 1 << 16;  // elements of a long line scanned apart
constexpr int64_t most_parts = 64;

template <class T>
using Wide = std::conditional_t<std::is_same_v<T, float>, double, T>;

template <class T>
struct Cumsum {
  using Acc = Wide<T>;
  static Acc identity() { return 0; }
  static Acc combine(Acc a, Acc b) { return wrap_add(a, b); }
};
template <class T>
struct Cumprod {
  using Acc = Wide<T>;
  static Acc identity() { return 1; }
  static Acc combine(Acc a, Acc b) { return wrap_mul(a, b); }
};
template <class T>
struct LogCumsumExp {
  using Acc = T;
  static Acc identity() { return -vm::infinity<T>; }
  static Acc combine(Acc a, Acc b) { return Logaddexp<T>()(a, b); }
};

/// Lines side by side: independent, so that their chains of additions overlap.
template <class Op, class T, int lines>
void scan_lines(const T* x, T* y, int64_t n, int64_t stride, typename Op::Acc (&acc)[lines]) {
  for (int64_t i = 0; i < n; ++i)
    for (int k = 0; k < lines; ++k) {
      acc[k] = Op::combine(acc[k], static_cast<typename Op::Acc>(x[i + k * stride]));
      y[i + k * stride] = static_cast<T>(acc[k]);
    }
}

/// Whether a line may be scanned within vectors first. Eight floats multiply to a finite double; eight doubles may not,
/// and would turn 0 into NaN.
template <class Op, class T>
constexpr bool scans_vectors = (std::is_same_v<Op, Cumsum<T>> && std::is_floating_point_v<T>) ||
                               (std::is_same_v<Op, Cumprod<T>> && std::is_same_v<T, float>);

/// The scan of n elements from `carry` on, eight at a time: in three steps within a vector, then from the last result
/// before it. Lines side by side, as scan_lines has them, would lie a power of two apart and share cache sets.
template <class Op, class T>
typename Op::Acc scan_vectors(const T* x, T* y, int64_t n, typename Op::Acc carry) {
  using Acc = typename Op::Acc;
  typedef Acc Vector __attribute__((vector_size(8 * sizeof(Acc))));
  typedef T Stored __attribute__((vector_size(8 * sizeof(T))));
  const auto combine = [](Vector a, Vector b) -> Vector {
    if constexpr (std::is_same_v<Op, Cumsum<T>>)
      return a + b;
    else
      return a * b;
  };
  const Vector none = Vector{} + Op::identity();
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    Stored loaded;
    __builtin_memcpy(&loaded, x + i, sizeof loaded);
    Vector v = __builtin_convertvector(loaded, Vector);
    v = combine(v, __builtin_shufflevector(none, v, 0, 8, 9, 10, 11, 12, 13, 14));
    v = combine(v, __builtin_shufflevector(none, v, 0, 1, 8, 9, 10, 11, 12, 13));
    v = combine(v, __builtin_shufflevector(none, v, 0, 1, 2, 3, 8, 9, 10, 11));
    const Stored results = __builtin_convertvector(combine(v, Vector{} + carry), Stored);
    carry = Op::combine(carry, v[7]);
    __builtin_memcpy(y + i, &results, sizeof results);
  }
  for (; i < n; ++i) {
    carry = Op::combine(carry, static_cast<Acc>(x[i]));
    y[i] = static_cast<T>(carry);
  }
  return carry;
}

template <class Op, class T>
void scan_rows(const T* x, int64_t outer, int64_t n, T* y) {
  using Acc = typename Op::Acc;
  constexpr int together = 4;
  const int64_t groups = (outer + together - 1) / together;
  parallel_for(groups, std::max<int64_t>(piece / (n * together), 1), [&](int64_t begin, int64_t end) {
    int64_t row = begin * together;
    const int64_t last = std::min(end * together, outer);
    if constexpr (scans_vectors<Op, T>) {
      for (; row < last; ++row) scan_vectors<Op>(x + row * n, y + row * n, n, Op::identity());
    }
    for (; row + together <= last; row += together) {
      Acc acc[together];
      std::fill(acc, acc + together, Op::identity());
      scan_lines<Op, T, together>(x + row * n, y + row * n, n, n, acc);
    }
    for (; row < last; ++row) {
      Acc acc[1] = {Op::identity()};
      scan_lines<Op, T, 1>(x + row * n, y + row * n, n, n, acc);
    }
  });
}

/// The fold of n elements; its order is that of a total, not of a scan.
template <class Op, class T>
typename Op::Acc total_of(const T* x, int64_t n) {
  using Acc = typename Op::Acc;
  constexpr int64_t lanes_used = 32;
  Acc total[lanes_used];
  std::fill(total, total + lanes_used, Op::identity());
  int64_t i = 0;
  for (; i + lanes_used <= n; i += lanes_used)
    for (int64_t k = 0; k < lanes_used; ++k) total[k] = Op::combine(total[k], static_cast<Acc>(x[i + k]));
  for (int64_t k = 0; i + k < n; ++k) total[k] = Op::combine(total[k], static_cast<Acc>(x[i + k]));
  for (int64_t k = 1; k < lanes_used; ++k) total[0] = Op::combine(total[0], total[k]);
  return total[0];
}

/// One line in parts, each scanned from the total of those before it, some of them side by side. Several threads take
/// all totals first; one alone scans a part while it is in cache.
template <class Op, class T>
void scan_parts(const T* x, int64_t n, T* y) {
  using Acc = typename Op::Acc;
  constexpr int together = scans_vectors<Op, T> ? 1 : 4;
  const int64_t parts = std::min(most_parts, n / part_size) / together * together;
  const int64_t size = n / parts, groups = parts / together;
  Acc before[most_parts], sum = Op::identity();
  const auto find_total = [&](int64_t part) { before[part] = total_of<Op>(x + part * size, size); };
  const auto place = [&](int64_t part) {
    const Acc total = before[part];
    before[part] = sum;
    sum = Op::combine(sum, total);
  };
  const auto scan_group = [&](int64_t group) {
    const int64_t at = group * together * size;
    if constexpr (scans_vectors<Op, T>) {
      scan_vectors<Op>(x + at, y + at, size, before[group]);
    } else {
      Acc acc[together];
      std::copy(before + group * together, before + (group + 1) * together, acc);
      scan_lines<Op, T, together>(x + at, y + at, size, size, acc);
    }
  };
  if (num_threads() == 1) {
    for (int64_t group = 0; group < groups; ++group) {
      for (int64_t part = group * together; part < (group + 1) * together; ++part) {
        find_total(part);
        place(part);
      }
      scan_group(group);
    }
  } else {
    const auto each = [](const auto& f) {
      return [&f](int64_t begin, int64_t end) {
        for (; begin < end; ++begin) f(begin);
      };
    };
    parallel_for(parts, 1, each(find_total));
    for (int64_t part = 0; part < parts; ++part) place(part);
    parallel_for(groups, 1, each(scan_group));
  }
  Acc rest[1] = {sum};
  scan_lines<Op, T, 1>(x + parts * size, y + parts * size, n - parts * size, 0, rest);
}

/// Calls work(first element, number of columns) for groups of neighbouring columns of [outer, n, inner].
template <class Work>
void for_columns(int64_t outer, int64_t n, int64_t inner, const Work& work) {
  const int64_t chunks = (inner + columns - 1) / columns;
  const int64_t elements = n * std::min(inner, columns);
  parallel_for(outer * chunks, std::max<int64_t>(piece / elements, 1), [&](int64_t begin, int64_t end) {
    for (; begin < end; ++begin) {
      const int64_t column = begin % chunks * columns;
      work(begin / chunks * n * inner + column, std::min(columns, inner - column));
    }
  });
}

template <template <class> class Operation, class T>
void scan(const void* input, int64_t outer, int64_t n, int64_t inner, void* output) {
  using Op = Operation<T>;
  const auto* const x = static_cast<const T*>(input);
  auto* const y = static_cast<T*>(output);
  if (outer * n * inner == 0) return;
  if (inner == 1 && outer < 4 && n >= 4 * part_size) {
    for (int64_t row = 0; row < outer; ++row) scan_parts<Op>(x + row * n, n, y + row * n);
    return;
  }
  if (inner == 1) return scan_rows<Op>(x, outer, n, y);
  for_columns(outer, n, inner, [&](int64_t first, int64_t count) {
    typename Op::Acc acc[columns];
    std::fill(acc, acc + count, Op::identity());
    for (int64_t i = 0; i < n; ++i) {
      const T* const from = x + first + i * inner;
      T* const to = y + first + i * inner;
#pragma GCC ivdep
      for (int64_t k = 0; k < count; ++k) {
        acc[k] = Op::combine(acc[k], static_cast<typename Op::Acc>(from[k]));
        to[k] = static_cast<T>(acc[k]);
      }
    }
  });
}

/// What a total in units of exp(`from`) is worth in units of exp(`to`), the larger; equal ones may be infinite.
template <class T>
[[gnu::always_inline]] inline T rescale(T from, T to) {
  return from == to ? T(1) : vm::exp(from - to);
}

/// The products of LogcumsumexpProductKernel. The total so far is in units of exp(sums) at its place: along, of the
/// place before, which is smaller; otherwise of the place after, and the units there are larger.
template <class T, bool along>
struct LogcumsumexpProduct {
  const T *v, *x, *sums;
  T* y;

  [[gnu::always_inline]] static T factor(T before, T here) {
    return along ? rescale(before, here) : rescale(here, before);
  }
  [[gnu::always_inline]] void step(int64_t at, T scale, T weight, Wide<T>& total) const {
    total = total * scale + (along ? v[at] * weight : v[at]);
    y[at] = static_cast<T>(along ? total : total * weight);
  }
  /// A line of neighbouring elements: the exponentials of a block first, in vectors.
  void line(int64_t first, int64_t n) const {
    constexpr int64_t back = along ? -1 : 1;
    const int64_t start = along ? first : first + n - 1;
    Wide<T> total = 0;
    T scale[columns], weight[columns];
    for (int64_t begin = 0; begin < n; begin += columns) {
      const int64_t count = std::min(columns, n - begin), low = first + (along ? begin : n - begin - count);
      for (int64_t k = 0; k < count; ++k) weight[k] = vm::exp(x[low + k] - sums[low + k]);
      for (int64_t k = 0; k < count; ++k) {
        const int64_t at = low + k;
        scale[k] = factor(sums[at == start ? at : at + back], sums[at]);
      }
      for (int64_t i = 0; i < count; ++i) {
        const int64_t k = along ? i : count - 1 - i;
        step(low + k, scale[k], weight[k], total);
      }
    }
  }
  void lines_side_by_side(int64_t first, int64_t n, int64_t inner, int64_t count) const {
    Wide<T> total[columns] = {};
    for (int64_t i = 0; i < n; ++i) {
      const int64_t row = first + (along ? i : n - 1 - i) * inner;
      const int64_t before = i == 0 ? row : along ? row - inner : row + inner;
#pragma GCC ivdep
      for (int64_t k = 0; k < count; ++k) {
        const T here = sums[row + k];
        step(row + k, factor(sums[before + k], here), vm::exp(x[row + k] - here), total[k]);
      }
    }
  }
  void run(int64_t outer, int64_t n, int64_t inner) const {
    if (outer * n * inner == 0) return;
    if (inner > 1)
      return for_columns(outer, n, inner,
                         [&](int64_t first, int64_t count) { lines_side_by_side(first, n, inner, count); });
    parallel_for(outer, std::max<int64_t>(piece / n, 1), [&](int64_t begin, int64_t end) {
      for (; begin < end; ++begin) line(begin * n, n);
    });
  }
};

template <class T>
void logcumsumexp_product(const void* v, const void* x, const void* sums, int64_t outer, int64_t n, int64_t inner,
                          bool along, void* y) {
  const auto run = [&]<bool forward>(std::bool_constant<forward>) {
    LogcumsumexpProduct<T, forward>{static_cast<const T*>(v), static_cast<const T*>(x), static_cast<const T*>(sums),
                                    static_cast<T*>(y)}
        .run(outer, n, inner);
  };
  along ? run(std::true_type()) : run(std::false_type());
}

/// Whether a value takes the place of the best before it: the last extreme wins, and the last NaN over everything.
template <class T, bool largest>
[[gnu::always_inline]] inline bool takes_over(T value, T best) {
  const bool better = largest ? value >= best : value <= best;
  return better | (value != value);
}

/// `best` becomes the better of itself and element i, `place` its index.
template <class T, bool largest>
[[gnu::always_inline]] inline void keep_extreme(T value, int64_t i, T& best, int64_t& place) {
  const bool wins = takes_over<T, largest>(value, best);
  best = select(wins, value, best);
  place = wins ? i : place;
}

/// A line. Most blocks have nothing that takes over: they repeat what there is.
template <class T, bool largest>
void extremes_of_line(const T* x, int64_t n, T* y, int64_t* indices) {
  constexpr int64_t block = 32;
  T best = read(x);
  int64_t place = 0;
  for (int64_t i = 0; i < n;) {
    const int64_t end = std::min(i + block, n);
    if (end - i == block) {
      int any = 0;
      for (int64_t k = 0; k < block; ++k) any |= takes_over<T, largest>(read(x + i + k), best);
      if (!any) {
        std::fill(y + i, y + end, best);
        std::fill(indices + i, indices + end, place);
        i = end;
        continue;
      }
    }
    for (; i < end; ++i) {
      keep_extreme<T, largest>(read(x + i), i, best, place);
      y[i] = best;
      indices[i] = place;
    }
  }
}

template <class T, bool largest>
void extremes(const void* input, int64_t outer, int64_t n, int64_t inner, void* output, int64_t* indices) {
  const auto* const x = static_cast<const T*>(input);
  auto* const y = static_cast<T*>(output);
  if (outer * n * inner == 0) return;
  if (inner == 1) {
    parallel_for(outer, std::max<int64_t>(piece / n, 1), [&](int64_t begin, int64_t end) {
      for (; begin < end; ++begin) extremes_of_line<T, largest>(x + begin * n, n, y + begin * n, indices + begin * n);
    });
    return;
  }
  for_columns(outer, n, inner, [&](int64_t first, int64_t count) {
    T best[columns];
    int64_t place[columns];
    for (int64_t k = 0; k < count; ++k) {
      best[k] = read(x + first + k);
      place[k] = 0;
    }
    for (int64_t i = 0; i < n; ++i) {
      const int64_t at = first + i * inner;
      for (int64_t k = 0; k < count; ++k) {
        keep_extreme<T, largest>(read(x + at + k), i, best[k], place[k]);
        y[at + k] = best[k];
        indices[at + k] = place[k];
      }
    }
  });
}

}  // namespace

void fill(ScanTable& table) {
  table = {{scan<Cumsum, float>, scan<Cumsum, double>, scan<Cumsum, int64_t>},
           {scan<Cumprod, float>, scan<Cumprod, double>, scan<Cumprod, int64_t>},
           {scan<LogCumsumExp, float>, scan<LogCumsumExp, double>},
           {logcumsumexp_product<float>, logcumsumexp_product<double>},
           {extremes<float, true>, extremes<double, true>, extremes<int64_t, true>, extremes<bool, true>},
           {extremes<float, false>, extremes<double, false>, extremes<int64_t, false>, extremes<bool, false>}};
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
