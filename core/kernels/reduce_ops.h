// What is reduced, as bytes the walk in reduce.cpp can handle: a Folding joins elements into accumulators, a Finish
// makes results of these. Operations that differ only in how they finish share their Folding.
#pragma once

#include "kernels/functors_arithmetic.h"
#include "kernels/rows.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t block = 1024;     // elements of a row reduced without splitting
constexpr int64_t row_block = 64;   // rows of a column reduction reduced without splitting
constexpr int64_t columns = 1024;   // columns reduced together: their accumulators stay in L1
constexpr int64_t max_acc = 3 * 8;  // bytes of the largest accumulator

struct Folding {
  int64_t in_size, acc_size;
  /// acc[i] = the fold of n <= block contiguous elements at from + i * stride.
  void (*rows)(const Param*, const char* from, int64_t stride, int64_t rows, int64_t n, void* acc);
  /// Joins element k of each of n <= row_block rows into acc[k].
  void (*columns)(const Param*, const char* const* rows, int64_t n, int64_t width, void* acc);
  void (*clear)(void* acc, int64_t count);
  /// Joins other[k] into acc[k].
  void (*combine)(void* acc, const void* other, int64_t count);
};
/// Writes `count` results at `out`; only Variance has a `second`.
using Finish = void (*)(const Param*, const void* acc, int64_t count, char* out, char* second, int64_t stride);

// Operations. lift() makes an accumulator of an element; combine() is associative but for rounding. Both work on a
// whole vector as on a number where `vectors` is set. Lane is the type in which a block of a row is accumulated.

template <class T, class A, class L = A>
struct Plain {
  using In = T;
  using Acc = A;
  using Lane = L;
  static constexpr bool vectors = std::is_same_v<T, A>;
};

struct AsIs {
  template <class V>
  [[gnu::always_inline]] static V lift(V x) {
    return x;
  }
};
/// -0 stays: it has no weight in a norm.
struct Magnitude {
  template <class V>
  [[gnu::always_inline]] static V lift(V x) {
    return x < 0 ? -x : x;
  }
};
struct Squared {
  template <class V>
  [[gnu::always_inline]] static V lift(V x) {
    return x * x;
  }
};

/// i64 wraps around: a lane of a vector does, a number is told to.
template <class T, class Lift = AsIs>
struct Sum : Plain<T, T>, Lift {
  static T identity() { return 0; }
  template <class V>
  [[gnu::always_inline]] static V combine(V a, V b) {
    if constexpr (std::is_same_v<V, int64_t>)
      return wrap_add(a, b);
    else
      return a + b;
  }
};
template <class T>
struct Product : Plain<T, T>, AsIs {
  static T identity() { return 1; }
  template <class V>
  [[gnu::always_inline]] static V combine(V a, V b) {
    if constexpr (std::is_same_v<V, int64_t>)
      return wrap_mul(a, b);
    else
      return a * b;
  }
};
template <class T, class Lift = AsIs>
struct Largest : Plain<T, T>, Lift {
  static T identity() {
    if constexpr (!std::is_same_v<Lift, AsIs>)
      return 0;
    else if constexpr (is_float<T>)
      return -vm::infinity<T>;
    else
      return INT64_MIN;
  }
  template <class V>
  [[gnu::always_inline]] static V combine(V a, V b) {
    return (a > b) | (a != a) ? a : b;
  }
};
template <class T, class Lift = AsIs>
struct Smallest : Plain<T, T>, Lift {
  static T identity() {
    if constexpr (is_float<T>)
      return vm::infinity<T>;
    else
      return INT64_MAX;
  }
  template <class V>
  [[gnu::always_inline]] static V combine(V a, V b) {
    return (a < b) | (a != a) ? a : b;
  }
};

// Of bool.
struct Or : Plain<bool, uint8_t> {
  static uint8_t identity() { return 0; }
  static uint8_t lift(bool x) { return x; }
  static uint8_t combine(uint8_t a, uint8_t b) { return a | b; }
};
struct And : Plain<bool, uint8_t> {
  static uint8_t identity() { return 1; }
  static uint8_t lift(bool x) { return x; }
  static uint8_t combine(uint8_t a, uint8_t b) { return a & b; }
};
/// How many elements are zero, or are not. In bytes: a lane sees at most block / lanes + 1 elements.
template <class T, bool zeros = false>
struct Count : Plain<T, int64_t, uint8_t> {
  static constexpr bool vectors = false;
  static int64_t identity() { return 0; }
  static uint8_t lift(T x) { return zeros == (x == T(0)); }
  template <class A>
  static A combine(A a, A b) {
    return static_cast<A>(a + b);
  }
};

/// Keeps the compiler from vectorising the few turns of a loop's end, whose body would be compiled several times over.
[[gnu::always_inline]] inline void one_by_one(int64_t& k) { asm("" : "+r"(k)); }

/// The lanes of v together.
template <class Op, class T>
[[gnu::always_inline]] inline T fold(Vec<T> v) {
  return fold_lanes<T>(v, [](Vec<T> a, Vec<T> b) { return Op::combine(a, b); });
}
/// The same of lanes<T> vectors at once: lane i of the result is fold(v[i]).
template <class Op, class T>
[[gnu::always_inline]] inline Vec<T> fold_all(Vec<T>* v) {
  return lane_fold<T>(v, [](Vec<T> a, Vec<T> b) { return Op::combine(a, b); });
}

template <class T>
[[gnu::always_inline]] inline Lanes<T> lane_numbers() {
  Lanes<T> number;
  for (int l = 0; l < lanes<T>; ++l) number[l] = l;
  return number;
}
/// n < lanes elements, and the identity in the other lanes.
template <class Op, class T>
[[gnu::always_inline]] inline Vec<T> lift_partial(const T* x, int64_t n) {
  return lane_numbers<T>() < static_cast<LaneIndex<T>>(n) ? Op::lift(load_partial(x, n)) : Vec<T>{} + Op::identity();
}

/// The lanes of a contiguous row of at most `block` elements.
template <class Op, class T = typename Op::In>
[[gnu::always_inline]] inline Vec<T> row_lanes(const T* x, int64_t n) {
  constexpr int64_t width = lanes<T>;
  if (n < width) return n == 0 ? Vec<T>{} + Op::identity() : lift_partial<Op>(x, n);
  Vec<T> a = Op::lift(load(x));
  int64_t i = width;
  if (n >= 8 * width) {
    Vec<T> b = Op::lift(load(x + width)), c = Op::lift(load(x + 2 * width)), d = Op::lift(load(x + 3 * width));
    for (i = 4 * width; i + 4 * width <= n; i += 4 * width) {
      a = Op::combine(a, Op::lift(load(x + i)));
      b = Op::combine(b, Op::lift(load(x + i + width)));
      c = Op::combine(c, Op::lift(load(x + i + 2 * width)));
      d = Op::combine(d, Op::lift(load(x + i + 3 * width)));
    }
    a = Op::combine(Op::combine(a, b), Op::combine(c, d));
  }
  for (; i + width <= n; i += width) a = Op::combine(a, Op::lift(load(x + i)));
  return i < n ? Op::combine(a, lift_partial<Op>(x + i, n - i)) : a;
}
template <class Op>
  requires(Op::vectors)
[[gnu::always_inline]] inline typename Op::Acc reduce_row(const typename Op::In* x, int64_t n) {
  return fold<Op, typename Op::In>(row_lanes<Op>(x, n));
}

/// The same by lanes, for the compiler to vectorise.
template <class Op>
  requires(!Op::vectors)
[[gnu::always_inline]] inline typename Op::Acc reduce_row(const typename Op::In* x, int64_t n) {
  using Lane = typename Op::Lane;
  using Acc = typename Op::Acc;
  constexpr int64_t lanes_used = 64;
  Acc acc = Op::identity();
  int64_t i = 0;
  if (n >= lanes_used) {
    alignas(64) Lane lane[lanes_used];
    for (auto& l : lane) l = static_cast<Lane>(Op::identity());
    for (; i + lanes_used <= n; i += lanes_used)
      for (int64_t k = 0; k < lanes_used; ++k) lane[k] = Op::combine(lane[k], Op::lift(read(x + i + k)));
    for (const Lane l : lane) acc = Op::combine(acc, static_cast<Acc>(l));
  }
  for (; i < n; ++i) {
    one_by_one(i);
    acc = Op::combine(acc, static_cast<Acc>(Op::lift(read(x + i))));
  }
  return acc;
}

/// Rows that fill a vector of results have their lanes folded together.
template <class Op>
void fold_rows(const Param*, const char* from, int64_t stride, int64_t rows, int64_t n, void* acc) {
  using T = typename Op::In;
  auto* const to = static_cast<typename Op::Acc*>(acc);
  int64_t i = 0;
  if constexpr (Op::vectors) {
    for (; i + lanes<T> <= rows; i += lanes<T>) {
      Vec<T> v[lanes<T>];
      for (int k = 0; k < lanes<T>; ++k, from += stride) v[k] = row_lanes<Op>(reinterpret_cast<const T*>(from), n);
      store(to + i, fold_all<Op, T>(v));
    }
  }
  for (; i < rows; ++i, from += stride) to[i] = reduce_row<Op>(reinterpret_cast<const T*>(from), n);
}

template <class Op>
  requires(Op::vectors)
void fold_columns(const Param*, const char* const* from, int64_t n, int64_t width, void* out) {
  using T = typename Op::In;
  const auto rows = reinterpret_cast<const T* const*>(from);
  T* const acc = static_cast<T*>(out);
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const T *a = rows[i], *b = rows[i + 1], *c = rows[i + 2], *d = rows[i + 3];
    const auto join = [&](int64_t k, auto&& from) {
      const auto ab = Op::combine(Op::lift(from(a + k)), Op::lift(from(b + k)));
      const auto cd = Op::combine(Op::lift(from(c + k)), Op::lift(from(d + k)));
      return Op::combine(ab, cd);
    };
    int64_t k = 0;
    for (; k + lanes<T> <= width; k += lanes<T>)
      store(acc + k, Op::combine(load(acc + k), join(k, [](const T* at) { return load(at); })));
    for (; k < width; ++k) {
      one_by_one(k);
      acc[k] = Op::combine(acc[k], join(k, [](const T* at) { return *at; }));
    }
  }
  for (; i < n; ++i) {
    int64_t k = 0;
    for (; k + lanes<T> <= width; k += lanes<T>)
      store(acc + k, Op::combine(load(acc + k), Op::lift(load(rows[i] + k))));
    for (; k < width; ++k) {
      one_by_one(k);
      acc[k] = Op::combine(acc[k], Op::lift(rows[i][k]));
    }
  }
}
template <class Op>
  requires(!Op::vectors)
void fold_columns(const Param*, const char* const* rows, int64_t n, int64_t width, void* out) {
  using Acc = typename Op::Acc;
  Acc* const acc = static_cast<Acc*>(out);
  for (int64_t i = 0; i < n; ++i) {
    const auto* const x = reinterpret_cast<const typename Op::In*>(rows[i]);
#pragma GCC ivdep
    for (int64_t k = 0; k < width; ++k) acc[k] = Op::combine(acc[k], static_cast<Acc>(Op::lift(read(x + k))));
  }
}

template <class Op>
void clear(void* acc, int64_t count) {
  for (int64_t k = 0; k < count; ++k) static_cast<typename Op::Acc*>(acc)[k] = Op::identity();
}
template <class Op>
void combine(void* to, const void* from, int64_t count) {
  auto* const acc = static_cast<typename Op::Acc*>(to);
  const auto* const other = static_cast<const typename Op::Acc*>(from);
  int64_t k = 0;
  if constexpr (requires { requires Op::vectors; })
    for (; k + lanes<typename Op::In> <= count; k += lanes<typename Op::In>)
      store(acc + k, Op::combine(load(acc + k), load(other + k)));
  for (; k < count; ++k) {
    one_by_one(k);
    acc[k] = Op::combine(acc[k], other[k]);
  }
}

template <class Op>
inline constexpr Folding folding{
    sizeof(typename Op::In), sizeof(typename Op::Acc), fold_rows<Op>, fold_columns<Op>, clear<Op>, combine<Op>};

/// sum |x|^p: powers of a few rows are taken into a buffer and summed there.
template <class T>
struct Powers {
  using Acc = T;
  [[gnu::noinline]] static void raise(const Param* params, const T* x, int64_t n, T* to) {
    const T p = static_cast<T>(params[0].d);
    for (int64_t i = 0; i < n; ++i) to[i] = vm::pow(vm::abs(x[i]), p);
  }
  static void rows(const Param* params, const char* from, int64_t stride, int64_t rows, int64_t n, void* acc) {
    T raised[block];
    for (int64_t i = 0; i < rows; ++i) {
      raise(params, reinterpret_cast<const T*>(from + i * stride), n, raised);
      fold_rows<Sum<T>>(params, reinterpret_cast<const char*>(raised), 0, 1, n, static_cast<T*>(acc) + i);
    }
  }
  static void columns(const Param* params, const char* const* rows, int64_t n, int64_t width, void* acc) {
    T raised[kernels::WEFT_ISA_NAMESPACE::columns];
    const char* const row[] = {reinterpret_cast<const char*>(raised)};
    for (int64_t i = 0; i < n; ++i) {
      raise(params, reinterpret_cast<const T*>(rows[i]), width, raised);
      fold_columns<Sum<T>>(params, row, 1, width, acc);
    }
  }
};
template <class T>
inline constexpr Folding folding<Powers<T>>{sizeof(T),          sizeof(T),     Powers<T>::rows,
                                            Powers<T>::columns, clear<Sum<T>>, combine<Sum<T>>};

/// Op on bfloat16: a block is widened to float32 at a time.
template <class Op>
struct Widened {
  using Acc = float;
  static void widen(const BFloat16* x, int64_t n, float* to) {
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<float>(x[i]);
  }
  static void rows(const Param* params, const char* from, int64_t stride, int64_t rows, int64_t n, void* acc) {
    alignas(64) float wide[block];
    const int64_t together = n == 0 ? rows : block / n;
    for (int64_t i = 0; i < rows; i += together) {
      const int64_t count = together < rows - i ? together : rows - i;
      for (int64_t k = 0; k < count; ++k)
        widen(reinterpret_cast<const BFloat16*>(from + (i + k) * stride), n, wide + k * n);
      fold_rows<Op>(params, reinterpret_cast<const char*>(wide), n * int64_t{sizeof(float)}, count, n,
                    static_cast<float*>(acc) + i);
    }
  }
  static void columns(const Param* params, const char* const* rows, int64_t n, int64_t width, void* acc) {
    constexpr int64_t together = 4;  // what fold_columns joins before it adds
    alignas(64) float wide[together][kernels::WEFT_ISA_NAMESPACE::columns];
    const char* row[together];
    for (int64_t k = 0; k < together; ++k) row[k] = reinterpret_cast<const char*>(wide[k]);
    for (int64_t i = 0; i < n; i += together) {
      const int64_t count = together < n - i ? together : n - i;
      for (int64_t k = 0; k < count; ++k) widen(reinterpret_cast<const BFloat16*>(rows[i + k]), width, wide[k]);
      fold_columns<Op>(params, row, count, width, acc);
    }
  }
};
template <class Op>
inline constexpr Folding folding<Widened<Op>>{sizeof(BFloat16),     sizeof(float), Widened<Op>::rows,
                                              Widened<Op>::columns, clear<Op>,     combine<Op>};

/// Op on computed elements, a block at a time: `from` is a place in the first of their arrays, `params` the divisor.
template <class Op>
struct FromLoop {
  using T = typename Op::In;
  using Acc = typename Op::Acc;
  static void rows(const Param* params, const char* from, int64_t, int64_t, int64_t n, void* acc) {
    const auto& elements = *reinterpret_cast<const Computed*>(params);
    alignas(64) T made[block];
    char* data[1 + Computed::max_arrays] = {reinterpret_cast<char*>(made)};
    int64_t strides[1 + Computed::max_arrays] = {sizeof(T)};
    for (int k = 0; k < elements.arrays; ++k) {
      data[k + 1] = const_cast<char*>(elements.in[k] + (from - elements.in[0]));
      strides[k + 1] = sizeof(T);
    }
    elements.loop(data, strides, n, elements.params);
    fold_rows<Op>(params, data[0], 0, 1, n, acc);
  }
};
/// Only of one row.
template <class Op>
inline constexpr Folding folding<FromLoop<Op>>{
    sizeof(typename Op::In), sizeof(typename Op::Acc), FromLoop<Op>::rows, nullptr, clear<Op>, combine<Op>};

/// Mean and sum of squared deviations of a group of elements; groups are joined by Chan's formula.
template <class T>
struct Moments {
  T count, mean, deviation;
};
template <class T>
struct Variance {
  using In = T;
  using Acc = Moments<T>;
  static Acc identity() { return {0, 0, 0}; }
  static Acc combine(Acc a, Acc b) {
    const T count = a.count + b.count;
    if (b.count == T(0)) return a;
    const T delta = b.mean - a.mean, share = b.count / count;
    return {count, a.mean + delta * share, a.deviation + b.deviation + delta * delta * a.count * share};
  }
  static void rows(const Param*, const char* from, int64_t stride, int64_t rows, int64_t n, void* acc) {
    for (int64_t i = 0; i < rows; ++i) {
      const T* const x = reinterpret_cast<const T*>(from + i * stride);
      T mean, deviation, deviations[block];
      fold_rows<Sum<T>>(nullptr, from + i * stride, 0, 1, n, &mean);
      mean /= static_cast<T>(n);
      for (int64_t k = 0; k < n; ++k) deviations[k] = x[k] - mean;
      fold_rows<Sum<T, Squared>>(nullptr, reinterpret_cast<const char*>(deviations), 0, 1, n, &deviation);
      static_cast<Acc*>(acc)[i] = {static_cast<T>(n), mean, deviation};
    }
  }
  static void columns(const Param*, const char* const* rows, int64_t n, int64_t width, void* acc) {
    T mean[kernels::WEFT_ISA_NAMESPACE::columns] = {}, deviation[kernels::WEFT_ISA_NAMESPACE::columns] = {};
    fold_columns<Sum<T>>(nullptr, rows, n, width, mean);
    const auto count = static_cast<T>(n);
    for (int64_t k = 0; k < width; ++k) mean[k] /= count;
    for (int64_t i = 0; i < n; ++i) {
      const T* const x = reinterpret_cast<const T*>(rows[i]);
      for (int64_t k = 0; k < width; ++k) deviation[k] += (x[k] - mean[k]) * (x[k] - mean[k]);
    }
    Acc* const to = static_cast<Acc*>(acc);
    for (int64_t k = 0; k < width; ++k) {
      one_by_one(k);
      to[k] = combine(to[k], {count, mean[k], deviation[k]});
    }
  }
};
template <class T>
inline constexpr Folding folding<Variance<T>>{
    sizeof(T), sizeof(Moments<T>), Variance<T>::rows, Variance<T>::columns, clear<Variance<T>>, combine<Variance<T>>};

// Finishes, of one accumulator each.

template <class T>
struct Keep {
  static T finish(const Param*, T acc) { return acc; }
};
template <class T>
struct Divide {
  static T finish(const Param* params, T acc) { return acc / static_cast<T>(params[0].d); }
};
template <class T>
struct Root {
  static T finish(const Param*, T acc) { return vm::sqrt(acc); }
};
template <class T>
struct RootP {
  static T finish(const Param* params, T acc) { return vm::pow(acc, T(1) / static_cast<T>(params[0].d)); }
};
template <class Acc>
struct IsPositive {
  static bool finish(const Param*, Acc acc) { return acc > 0; }
};
struct IsZero {
  static bool finish(const Param*, int64_t acc) { return acc == 0; }
};
struct AsInteger {
  static int64_t finish(const Param*, uint8_t acc) { return acc; }
};

template <class F, class Acc>
void finish(const Param* params, const void* acc, int64_t count, char* out, char*, int64_t stride) {
  using Out = decltype(F::finish(params, Acc{}));
  for (int64_t k = 0; k < count; ++k) {
    one_by_one(k);
    *reinterpret_cast<Out*>(out + k * stride) = F::finish(params, static_cast<const Acc*>(acc)[k]);
  }
}
/// params[0]: what is subtracted from the count; params[1]: whether the square root is wanted.
template <class T>
void finish_variance(const Param* params, const void* acc, int64_t count, char* var, char* mean, int64_t stride) {
  const auto correction = static_cast<T>(params[0].d);
  for (int64_t k = 0; k < count; ++k) {
    const Moments<T> m = static_cast<const Moments<T>*>(acc)[k];
    const T freedom = m.count - correction;
    const T value = m.count == T(0) ? vm::nan<T> : m.deviation / (freedom > T(0) ? freedom : T(0));
    *reinterpret_cast<T*>(var + k * stride) = params[1].i != 0 ? vm::sqrt(value) : value;
    if (mean != nullptr) *reinterpret_cast<T*>(mean + k * stride) = m.count == T(0) ? vm::nan<T> : m.mean;
  }
}

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
