#include "kernels/reduce.h"

#include <algorithm>

#include "kernels/functors_arithmetic.h"
#include "kernels/gemm_simd.h"
#include "kernels/reduce_shape.h"
#include "runtime/allocator.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
void fill_arg_reduce(ReduceTable& table);
namespace {

constexpr int64_t block = 1024;         // elements of a row summed without splitting
constexpr int64_t row_block = 64;       // rows of a column reduction summed without splitting
constexpr int64_t columns = 512;        // columns reduced together: their accumulators stay in L1
constexpr int64_t piece = 1 << 15;      // elements a parallel piece takes
constexpr int64_t part_size = 1 << 16;  // elements of one output that are reduced apart, to be combined later

// What is reduced. lift() makes an accumulator of an element; combine() is associative but for rounding. Both work on
// a whole vector as on a number where `vectors` is set. Lane is the type in which a block of a row is accumulated.

template <class T, class A>
struct Plain {
  using In = T;
  using Acc = A;
  using Lane = A;
  static constexpr bool vectors = std::is_same_v<T, A> && !is_bool<T>;
  explicit Plain(const Param*) {}
  static Acc finish(Acc acc) { return acc; }
};

/// i64 wraps around: a lane of Sum and Product is unsigned there.
template <class T>
using SumOf = std::conditional_t<is_bool<T>, int64_t, T>;

template <class T>
struct Sum : Plain<T, SumOf<T>> {
  using Plain<T, SumOf<T>>::Plain;
  static SumOf<T> identity() { return 0; }
  template <class V>
  static V lift(V x) {
    return x;
  }
  template <class V>
  static V combine(V a, V b) {
    if constexpr (std::is_same_v<V, int64_t>)
      return wrap_add(a, b);
    else
      return a + b;
  }
};
template <class T>
struct Product : Plain<T, SumOf<T>> {
  using Plain<T, SumOf<T>>::Plain;
  static SumOf<T> identity() { return 1; }
  template <class V>
  static V lift(V x) {
    return x;
  }
  template <class V>
  static V combine(V a, V b) {
    if constexpr (std::is_same_v<V, int64_t>)
      return wrap_mul(a, b);
    else
      return a * b;
  }
};
template <class T>
constexpr T lowest() {
  if constexpr (is_float<T>)
    return -vm::infinity<T>;
  else
    return is_bool<T> ? T(0) : static_cast<T>(INT64_MIN);
}
template <class T>
constexpr T highest() {
  if constexpr (is_float<T>)
    return vm::infinity<T>;
  else
    return is_bool<T> ? T(1) : static_cast<T>(INT64_MAX);
}
template <class T>
struct Largest : Plain<T, T> {
  using Plain<T, T>::Plain;
  static T identity() { return lowest<T>(); }
  template <class V>
  static V lift(V x) {
    return x;
  }
  template <class V>
  static V combine(V a, V b) {
    return (a > b) | (a != a) ? a : b;
  }
};
template <class T>
struct Smallest : Plain<T, T> {
  using Plain<T, T>::Plain;
  static T identity() { return highest<T>(); }
  template <class V>
  static V lift(V x) {
    return x;
  }
  template <class V>
  static V combine(V a, V b) {
    return (a < b) | (a != a) ? a : b;
  }
};
template <class T>
struct Any : Plain<T, uint8_t> {
  using Plain<T, uint8_t>::Plain;
  static uint8_t identity() { return 0; }
  static uint8_t lift(T x) { return x != T(0); }
  static uint8_t combine(uint8_t a, uint8_t b) { return a | b; }
  static bool finish(uint8_t acc) { return acc != 0; }
};
template <class T>
struct All : Plain<T, uint8_t> {
  using Plain<T, uint8_t>::Plain;
  static uint8_t identity() { return 1; }
  static uint8_t lift(T x) { return x != T(0); }
  static uint8_t combine(uint8_t a, uint8_t b) { return a & b; }
  static bool finish(uint8_t acc) { return acc != 0; }
};
/// Counts in bytes: a lane sees at most block / lanes + 1 elements.
template <class T>
struct Count : Plain<T, int64_t> {
  static constexpr bool vectors = false;
  using Plain<T, int64_t>::Plain;
  using Lane = uint8_t;
  static int64_t identity() { return 0; }
  static uint8_t lift(T x) { return x != T(0); }
  template <class A>
  static A combine(A a, A b) {
    return static_cast<A>(a + b);
  }
};
template <class T>
struct Mean : Sum<T> {
  explicit Mean(const Param* params) : Sum<T>(params), count(static_cast<T>(params[0].d)) {}
  T finish(T acc) const { return acc / count; }
  T count;
};
/// -0 stays: it has no weight in a norm.
template <class V>
[[gnu::always_inline]] inline V magnitude(V x) {
  return x < 0 ? -x : x;
}
template <class T>
struct Norm1 : Sum<T> {
  using Sum<T>::Sum;
  template <class V>
  static V lift(V x) {
    return magnitude(x);
  }
};
template <class T>
struct SumSquares : Sum<T> {
  using Sum<T>::Sum;
  template <class V>
  static V lift(V x) {
    return x * x;
  }
};
template <class T>
struct Norm2 : SumSquares<T> {
  using SumSquares<T>::SumSquares;
  static T finish(T acc) { return vm::sqrt(acc); }
};
template <class T>
struct NormMax : Largest<T> {
  using Largest<T>::Largest;
  static T identity() { return 0; }
  template <class V>
  static V lift(V x) {
    return magnitude(x);
  }
};
template <class T>
struct NormMin : Smallest<T> {
  using Smallest<T>::Smallest;
  template <class V>
  static V lift(V x) {
    return magnitude(x);
  }
};
template <class T>
struct NormP : Sum<T> {
  static constexpr bool vectors = false;
  explicit NormP(const Param* params) : Sum<T>(params), p(static_cast<T>(params[0].d)) {}
  T lift(T x) const { return vm::pow(vm::abs(x), p); }
  T finish(T acc) const { return vm::pow(acc, T(1) / p); }
  T p;
};

/// Mean and sum of squared deviations of a group of elements; groups are joined by Chan's formula.
template <class T>
struct Moments {
  T count, mean, deviation;
};
template <class T>
struct Variance {
  using In = T;
  using Acc = Moments<T>;
  static constexpr bool vectors = false;
  explicit Variance(const Param*) {}
  static Acc identity() { return {0, 0, 0}; }
  static Acc combine(Acc a, Acc b) {
    const T count = a.count + b.count;
    if (b.count == T(0)) return a;
    const T delta = b.mean - a.mean, share = b.count / count;
    return {count, a.mean + delta * share, a.deviation + b.deviation + delta * delta * a.count * share};
  }
};

/// The lanes of v, joined down a tree.
template <class Op, class T, int size>
[[gnu::always_inline]] inline T fold(const Op& op, const T (&lane)[size]) {
  T half[size > 1 ? size / 2 : 1];
  if constexpr (size == 1) {
    return lane[0];
  } else {
    for (int k = 0; k < size / 2; ++k) half[k] = op.combine(lane[k], lane[k + size / 2]);
    return fold(op, half);
  }
}

/// A contiguous row of at most `block` elements, by vectors.
template <class Op>
  requires(Op::vectors)
[[gnu::noinline]] typename Op::Acc reduce_block(const Op& op, const typename Op::In* x, int64_t n) {
  using T = typename Op::In;
  constexpr int64_t width = lanes<T>;
  int64_t i = 0;
  T acc = op.identity();
  if (n >= width) {
    Vec<T> a = op.lift(load(x));
    i = width;
    if (n >= 8 * width) {
      Vec<T> b = op.lift(load(x + width)), c = op.lift(load(x + 2 * width)), d = op.lift(load(x + 3 * width));
      for (i = 4 * width; i + 4 * width <= n; i += 4 * width) {
        a = op.combine(a, op.lift(load(x + i)));
        b = op.combine(b, op.lift(load(x + i + width)));
        c = op.combine(c, op.lift(load(x + i + 2 * width)));
        d = op.combine(d, op.lift(load(x + i + 3 * width)));
      }
      a = op.combine(op.combine(a, b), op.combine(c, d));
    }
    for (; i + width <= n; i += width) a = op.combine(a, op.lift(load(x + i)));
    T lane[width];
    store(lane, a);
    acc = fold(op, lane);
  }
  for (; i < n; ++i) acc = op.combine(acc, op.lift(x[i]));
  return acc;
}

/// The same by lanes, for the compiler to vectorise.
template <class Op>
  requires(!Op::vectors)
[[gnu::noinline]] typename Op::Acc reduce_block(const Op& op, const typename Op::In* x, int64_t n) {
  using Lane = typename Op::Lane;
  constexpr int64_t lanes_used = 64;
  if (n < lanes_used / 4) {
    auto acc = op.identity();
    for (int64_t i = 0; i < n; ++i) acc = op.combine(acc, static_cast<typename Op::Acc>(op.lift(read(x + i))));
    return acc;
  }
  alignas(64) Lane lane[lanes_used];
  for (auto& l : lane) l = static_cast<Lane>(op.identity());
  int64_t i = 0;
  for (; i + lanes_used <= n; i += lanes_used)
    for (int64_t k = 0; k < lanes_used; ++k) lane[k] = op.combine(lane[k], static_cast<Lane>(op.lift(read(x + i + k))));
  for (int64_t k = 0; i + k < n; ++k) lane[k] = op.combine(lane[k], static_cast<Lane>(op.lift(read(x + i + k))));
  if constexpr (std::is_same_v<Lane, typename Op::Acc>) {
    for (int64_t width = lanes_used / 2; width > 0; width /= 2)
      for (int64_t k = 0; k < width; ++k) lane[k] = op.combine(lane[k], lane[k + width]);
    return lane[0];
  } else {
    auto acc = op.identity();
    for (const auto l : lane) acc = op.combine(acc, static_cast<typename Op::Acc>(l));
    return acc;
  }
}
template <class T>
Moments<T> reduce_block(const Variance<T>&, const T* x, int64_t n) {
  const T mean = reduce_block(Sum<T>(nullptr), x, n) / static_cast<T>(n);
  T deviations[block];
  for (int64_t i = 0; i < n; ++i) deviations[i] = x[i] - mean;
  return {static_cast<T>(n), mean, reduce_block(SumSquares<T>(nullptr), deviations, n)};
}

/// acc[c] joined with column c of at most `row_block` rows.
template <class Op>
  requires(Op::vectors)
[[gnu::noinline]] void reduce_rows(const Op& op, const typename Op::In* const* rows, int64_t n, int64_t width,
                                   typename Op::Acc* acc) {
  using T = typename Op::In;
  int64_t i = 0;
  const auto join = [&]<class V>(int64_t k, V, auto&& from) {
    const V ab = op.combine(op.lift(from(rows[i] + k)), op.lift(from(rows[i + 1] + k)));
    const V cd = op.combine(op.lift(from(rows[i + 2] + k)), op.lift(from(rows[i + 3] + k)));
    return op.combine(ab, cd);
  };
  for (; i + 4 <= n; i += 4) {
    int64_t k = 0;
    for (; k + lanes<T> <= width; k += lanes<T>)
      store(acc + k, op.combine(load(acc + k), join(k, Vec<T>{}, [](const T* at) { return load(at); })));
    for (; k < width; ++k) acc[k] = op.combine(acc[k], join(k, T{}, [](const T* at) { return *at; }));
  }
  for (; i < n; ++i) {
    int64_t k = 0;
    for (; k + lanes<T> <= width; k += lanes<T>) store(acc + k, op.combine(load(acc + k), op.lift(load(rows[i] + k))));
    for (; k < width; ++k) acc[k] = op.combine(acc[k], op.lift(rows[i][k]));
  }
}
template <class Op>
  requires(!Op::vectors)
[[gnu::noinline]] void reduce_rows(const Op& op, const typename Op::In* const* rows, int64_t n, int64_t width,
                                   typename Op::Acc* acc) {
  using Acc = typename Op::Acc;
  const auto lift = [&](const typename Op::In* x) { return static_cast<Acc>(op.lift(read(x))); };
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const auto *a = rows[i], *b = rows[i + 1], *c = rows[i + 2], *d = rows[i + 3];
#pragma GCC ivdep
    for (int64_t k = 0; k < width; ++k)
      acc[k] =
          op.combine(acc[k], op.combine(op.combine(lift(a + k), lift(b + k)), op.combine(lift(c + k), lift(d + k))));
  }
  for (; i < n; ++i) {
    const auto* a = rows[i];
#pragma GCC ivdep
    for (int64_t k = 0; k < width; ++k) acc[k] = op.combine(acc[k], lift(a + k));
  }
}
template <class T>
void reduce_rows(const Variance<T>& op, const T* const* rows, int64_t n, int64_t width, Moments<T>* acc) {
  T mean[columns] = {}, deviation[columns] = {};
  reduce_rows(Sum<T>(nullptr), rows, n, width, mean);
  const auto count = static_cast<T>(n);
  for (int64_t k = 0; k < width; ++k) mean[k] /= count;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < width; ++k) deviation[k] += (rows[i][k] - mean[k]) * (rows[i][k] - mean[k]);
  for (int64_t k = 0; k < width; ++k) acc[k] = op.combine(acc[k], {count, mean[k], deviation[k]});
}

/// Memory for partial results.
template <class Acc>
struct Scratch {
  explicit Scratch(int64_t n) : bytes(static_cast<size_t>(n) * sizeof(Acc)), data(static_cast<Acc*>(allocate(bytes))) {}
  ~Scratch() { deallocate(data, bytes); }
  Scratch(const Scratch&) = delete;
  size_t bytes;
  Acc* data;
};

/// A reduction whose innermost dimension in memory is reduced: one output at a time.
template <class Op>
class RowReducer {
 public:
  using In = typename Op::In;
  using Acc = typename Op::Acc;
  static constexpr int64_t width = 1;

  RowReducer(Split& split, const char* in, const Op& op)
      : split_(split), in_(in), op_(op), row_(split.reduced.take_inner()) {}

  int64_t units() const { return split_.kept.count; }
  int64_t lines() const { return split_.reduced.count * row_.size; }
  int64_t line_size() const { return 1; }

  template <class Store>
  void reduce_units(int64_t begin, int64_t end, const Store& store) const {
    Cursor at(split_.kept, begin);
    if (split_.reduced.ndim == 0)
      for (; begin < end; ++begin, at.next()) store(at.out, reduce_row(in_ + at.in, row_.size));
    else
      for (; begin < end; ++begin, at.next()) store(at.out, reduce_range(in_ + at.in, 0, lines()));
  }
  [[gnu::noinline]] void reduce_lines(int64_t unit, int64_t begin, int64_t end, Acc* acc) const {
    *acc = reduce_range(in_ + Cursor(split_.kept, unit).in, begin, end);
  }
  template <class Store>
  [[gnu::noinline]] void finish(int64_t unit, const Acc* acc, const Store& store) const {
    store(Cursor(split_.kept, unit).out, *acc);
  }

 private:
  /// Elements [begin, end) of one output's, in the order of memory.
  [[gnu::noinline]] Acc reduce_range(const char* from, int64_t begin, int64_t end) const {
    const int64_t row = begin / row_.size;
    if ((end - 1) / row_.size == row) {
      if (split_.reduced.ndim > 0) from += Cursor(split_.reduced, row).in;
      return reduce_row(from + (begin - row * row_.size) * row_.in, end - begin);
    }
    const int64_t middle = std::max((begin + end) / 2 / row_.size, row + 1) * row_.size;
    const Acc first = reduce_range(from, begin, middle);
    return op_.combine(first, reduce_range(from, middle, end));
  }
  [[gnu::noinline]] Acc reduce_row(const char* from, int64_t n) const {
    if (n > block) {
      const int64_t half = (n / 2 + block - 1) / block * block;
      const Acc first = reduce_row(from, half);
      return op_.combine(first, reduce_row(from + half * row_.in, n - half));
    }
    if (row_.in == sizeof(In)) return reduce_block(op_, reinterpret_cast<const In*>(from), n);
    In buffer[block];
    gather(buffer, from, row_.in, n, n);
    return reduce_block(op_, buffer, n);
  }

  const Split& split_;
  const char* in_;
  const Op& op_;
  Walk::Dim row_;
};

/// A reduction whose innermost dimension in memory is kept: many neighbouring outputs at a time, line after line.
template <class Op>
class ColumnReducer {
 public:
  using In = typename Op::In;
  using Acc = typename Op::Acc;
  static constexpr int64_t width = columns;

  ColumnReducer(Split& split, const char* in, const Op& op)
      : split_(split), in_(in), op_(op), row_(split.kept.take_inner()), chunks_((row_.size + columns - 1) / columns) {}

  int64_t units() const { return split_.kept.count * chunks_; }
  int64_t lines() const { return split_.reduced.count; }
  int64_t line_size() const { return std::min(row_.size, columns); }

  template <class Store>
  void reduce_units(int64_t begin, int64_t end, const Store& store) const {
    Acc acc[columns];
    for (; begin < end; ++begin) {
      reduce_lines(begin, 0, lines(), acc);
      finish(begin, acc, store);
    }
  }
  [[gnu::noinline]] void reduce_lines(int64_t unit, int64_t begin, int64_t end, Acc* acc) const {
    const int64_t column = unit % chunks_ * columns;
    const char* const from = in_ + Cursor(split_.kept, unit / chunks_).in + column * row_.in;
    reduce_range(from, begin, end, std::min(columns, row_.size - column), acc);
  }
  template <class Store>
  [[gnu::noinline]] void finish(int64_t unit, const Acc* acc, const Store& store) const {
    const int64_t column = unit % chunks_ * columns;
    const int64_t out = Cursor(split_.kept, unit / chunks_).out + column * row_.out;
    const int64_t count = std::min(columns, row_.size - column);
    for (int64_t k = 0; k < count; ++k) store(out + k * row_.out, acc[k]);
  }

 private:
  [[gnu::noinline]] void reduce_range(const char* from, int64_t begin, int64_t end, int64_t count, Acc* acc) const {
    if (end - begin > row_block) {
      const int64_t middle = begin + ((end - begin) / 2 + row_block - 1) / row_block * row_block;
      reduce_range(from, begin, middle, count, acc);
      Acc rest[columns];
      reduce_range(from, middle, end, count, rest);
      for (int64_t k = 0; k < count; ++k) acc[k] = op_.combine(acc[k], rest[k]);
      return;
    }
    std::fill(acc, acc + count, op_.identity());
    Cursor at(split_.reduced, begin);
    const In* rows[row_block];
    if (row_.in == sizeof(In)) {
      for (int64_t i = 0; i < end - begin; ++i, at.next()) rows[i] = reinterpret_cast<const In*>(from + at.in);
      reduce_rows(op_, rows, end - begin, count, acc);
      return;
    }
    constexpr int64_t together = 4;
    In buffers[together][columns];
    for (int64_t i = begin; i < end; i += together) {
      const int64_t n = std::min(together, end - i);
      for (int64_t k = 0; k < n; ++k, at.next()) {
        gather(buffers[k], from + at.in, row_.in, count, count);
        rows[k] = buffers[k];
      }
      reduce_rows(op_, rows, n, count, acc);
    }
  }

  const Split& split_;
  const char* in_;
  const Op& op_;
  Walk::Dim row_;
  int64_t chunks_;
};

/// Runs a reducer in parallel: over its units, or, when they are few and large, over parts of each.
template <class Reducer, class Op, class Store>
void run_parallel(const Reducer& reducer, const Op& op, const Store& store) {
  using Acc = typename Op::Acc;
  constexpr int64_t width = Reducer::width;
  const int64_t units = reducer.units(), lines = reducer.lines(), work = lines * reducer.line_size();
  const int64_t parts = units >= 16 ? 1 : std::min({int64_t(64), work / part_size, lines});
  if (parts <= 1) {
    parallel_for(units, std::max<int64_t>(piece / work, 1),
                 [&](int64_t begin, int64_t end) { reducer.reduce_units(begin, end, store); });
    return;
  }
  const Scratch<Acc> partial(units * parts * width);
  parallel_for(units * parts, 1, [&](int64_t begin, int64_t end) {
    for (; begin < end; ++begin) {
      const int64_t part = begin % parts;
      reducer.reduce_lines(begin / parts, lines * part / parts, lines * (part + 1) / parts,
                           partial.data + begin * width);
    }
  });
  const int64_t count = reducer.line_size();
  for (int64_t unit = 0; unit < units; ++unit) {
    Acc* const acc = partial.data + unit * parts * width;
    for (int64_t step = 1; step < parts; step *= 2)
      for (int64_t part = 0; part + step < parts; part += 2 * step)
        for (int64_t k = 0; k < std::min(count, width); ++k)
          acc[part * width + k] = op.combine(acc[part * width + k], acc[(part + step) * width + k]);
    reducer.finish(unit, acc, store);
  }
}

template <class Op, class Store>
void reduce(const ReduceShape& shape, const void* in, const Op& op, const Store& store) {
  Split split(shape);
  const auto* const from = static_cast<const char*>(in);
  if (split.kept.count == 0) return;
  if (split.reduced.count == 0) {
    Cursor at(split.kept, 0);
    for (int64_t i = 0; i < split.kept.count; ++i, at.next()) store(at.out, op.identity());
  } else if (split.by_columns()) {
    run_parallel(ColumnReducer<Op>(split, from, op), op, store);
  } else {
    run_parallel(RowReducer<Op>(split, from, op), op, store);
  }
}

template <class Op>
void kernel(const ReduceShape& shape, const void* in, void* out, const Param* params) {
  const Op op(params);
  reduce(shape, in, op, [&](int64_t offset, typename Op::Acc acc) {
    using Out = decltype(op.finish(acc));
    *reinterpret_cast<Out*>(static_cast<char*>(out) + offset) = op.finish(acc);
  });
}

template <class T>
void variance(const ReduceShape& shape, const void* in, void* var, void* mean, const Param* params) {
  const auto correction = static_cast<T>(params[0].d);
  const bool root = params[1].i != 0;
  reduce(shape, in, Variance<T>(params), [&](int64_t offset, Moments<T> m) {
    const T freedom = m.count - correction;
    const T value = m.count == T(0) ? vm::nan<T> : m.deviation / (freedom > T(0) ? freedom : T(0));
    *reinterpret_cast<T*>(static_cast<char*>(var) + offset) = root ? vm::sqrt(value) : value;
    if (mean != nullptr)
      *reinterpret_cast<T*>(static_cast<char*>(mean) + offset) = m.count == T(0) ? vm::nan<T> : m.mean;
  });
}

template <template <class> class Op>
void fill_all(ReduceKernel* row) {
  row[0] = kernel<Op<float>>;
  row[1] = kernel<Op<double>>;
  row[2] = kernel<Op<int64_t>>;
  row[3] = kernel<Op<bool>>;
}
template <template <class> class Op>
void fill_floating(ReduceKernel* row) {
  row[0] = kernel<Op<float>>;
  row[1] = kernel<Op<double>>;
}

}  // namespace

void fill(ReduceTable& table) {
  fill_all<Sum>(table.sum);
  table.sum[static_cast<int>(Compute::b8)] = kernel<Count<bool>>;
  fill_all<Product>(table.prod);
  fill_all<Largest>(table.max);
  fill_all<Smallest>(table.min);
  fill_all<Any>(table.any);
  fill_all<All>(table.all);
  fill_all<Count>(table.count_nonzero);
  fill_floating<Mean>(table.mean);
  fill_floating<Norm1>(table.norm_1);
  fill_floating<Norm2>(table.norm_2);
  fill_floating<NormMax>(table.norm_max);
  fill_floating<NormMin>(table.norm_min);
  fill_floating<NormP>(table.norm_p);
  fill_floating<SumSquares>(table.sum_squares);
  table.var[0] = variance<float>;
  table.var[1] = variance<double>;
  fill_arg_reduce(table);
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
