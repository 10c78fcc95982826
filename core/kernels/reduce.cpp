// The walk of a reduction over its array; what it does with elements stands in reduce_ops.h.
#include "kernels/reduce.h"

#include <algorithm>

#include "kernels/reduce_ops.h"
#include "kernels/reduce_shape.h"
#include "runtime/allocator.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
void fill_arg_reduce(ReduceTable& table);
namespace {

constexpr int64_t piece = 1 << 15;      // elements a parallel piece takes
constexpr int64_t part_size = 1 << 16;  // elements of one output that are reduced apart, to be combined later
constexpr int64_t batch = 64;           // short rows folded by one call

/// One reduction: its arrays and its operation.
struct Task {
  const Folding& op;
  Finish finish;
  const char* in;
  char *out, *second;
  const Param* params;

  void write(const void* acc, int64_t count, int64_t offset, int64_t stride) const {
    finish(params, acc, count, out + offset, second == nullptr ? nullptr : second + offset, stride);
  }
};

/// Strided elements side by side.
void collect(char* to, const char* from, int64_t stride, int64_t count, int64_t size) {
  if (size == 4)
    gather(reinterpret_cast<uint32_t*>(to), from, stride, count, count);
  else if (size == 8)
    gather(reinterpret_cast<uint64_t*>(to), from, stride, count, count);
  else if (size == 2)
    gather(reinterpret_cast<uint16_t*>(to), from, stride, count, count);
  else
    gather(reinterpret_cast<uint8_t*>(to), from, stride, count, count);
}

/// Memory for partial results.
struct Scratch {
  explicit Scratch(int64_t n) : bytes(static_cast<size_t>(n)), data(static_cast<char*>(allocate(bytes))) {}
  ~Scratch() { deallocate(data, bytes); }
  Scratch(const Scratch&) = delete;
  size_t bytes;
  char* data;
};

/// A reduction whose innermost dimension in memory is reduced: one output at a time.
class RowReducer {
 public:
  static constexpr int64_t width = 1;

  RowReducer(Split& split, const Task& task) : split_(split), task_(task), row_(split.reduced.take_inner()) {}

  int64_t units() const { return split_.kept.count; }
  int64_t lines() const { return split_.reduced.count * row_.size; }
  int64_t line_size() const { return 1; }

  void reduce_units(int64_t begin, int64_t end) const {
    alignas(64) char acc[batch * max_acc];
    const Walk& kept = split_.kept;
    if (split_.reduced.ndim == 0 && row_.size <= block && row_.in == task_.op.in_size && kept.ndim > 0) {
      // Neighbouring short rows together.
      while (begin < end) {
        const Cursor at(kept, begin);
        const int64_t count = std::min({batch, end - begin, kept.sizes[0] - at.index[0]});
        task_.op.rows(task_.params, task_.in + at.in, kept.in[0], count, row_.size, acc);
        task_.write(acc, count, at.out, kept.out[0]);
        begin += count;
      }
      return;
    }
    Cursor at(kept, begin);
    for (; begin < end; ++begin, at.next()) {
      reduce_range(task_.in + at.in, 0, lines(), acc);
      task_.write(acc, 1, at.out, 0);
    }
  }
  void reduce_lines(int64_t unit, int64_t begin, int64_t end, void* acc) const {
    reduce_range(task_.in + Cursor(split_.kept, unit).in, begin, end, acc);
  }
  void finish(int64_t unit, const void* acc) const { task_.write(acc, 1, Cursor(split_.kept, unit).out, 0); }

 private:
  /// Elements [begin, end) of one output's, in the order of memory.
  void reduce_range(const char* from, int64_t begin, int64_t end, void* acc) const {
    const int64_t row = begin / row_.size;
    if ((end - 1) / row_.size == row) {
      if (split_.reduced.ndim > 0) from += Cursor(split_.reduced, row).in;
      return reduce_row(from + (begin - row * row_.size) * row_.in, end - begin, acc);
    }
    alignas(8) char rest[max_acc];
    const int64_t middle = std::max((begin + end) / 2 / row_.size, row + 1) * row_.size;
    reduce_range(from, begin, middle, acc);
    reduce_range(from, middle, end, rest);
    task_.op.combine(acc, rest, 1);
  }
  void reduce_row(const char* from, int64_t n, void* acc) const {
    if (n > block) {
      alignas(8) char rest[max_acc];
      const int64_t half = (n / 2 + block - 1) / block * block;
      reduce_row(from, half, acc);
      reduce_row(from + half * row_.in, n - half, rest);
      return task_.op.combine(acc, rest, 1);
    }
    alignas(64) char buffer[block * sizeof(double)];
    if (row_.in != task_.op.in_size) {
      collect(buffer, from, row_.in, n, task_.op.in_size);
      from = buffer;
    }
    task_.op.rows(task_.params, from, 0, 1, n, acc);
  }

  const Split& split_;
  const Task& task_;
  Walk::Dim row_;
};

/// A reduction whose innermost dimension in memory is kept: many neighbouring outputs at a time, line after line.
class ColumnReducer {
 public:
  static constexpr int64_t width = columns;

  ColumnReducer(Split& split, const Task& task)
      : split_(split),
        task_(task),
        row_(split.kept.take_inner()),
        chunks_((row_.size + columns - 1) / columns),
        joined_(joined_lines()) {}

  int64_t units() const { return split_.kept.count * chunks_; }
  int64_t lines() const { return split_.reduced.count; }
  int64_t line_size() const { return std::min(row_.size, columns); }

  void reduce_units(int64_t begin, int64_t end) const {
    alignas(64) char acc[columns * max_acc];
    for (; begin < end; ++begin) {
      reduce_lines(begin, 0, lines(), acc);
      finish(begin, acc);
    }
  }
  void reduce_lines(int64_t unit, int64_t begin, int64_t end, void* acc) const {
    const int64_t column = unit % chunks_ * columns;
    const char* const from = task_.in + Cursor(split_.kept, unit / chunks_).in + column * row_.in;
    reduce_range(from, begin, end, std::min(columns, row_.size - column), static_cast<char*>(acc));
  }
  void finish(int64_t unit, const void* acc) const {
    const int64_t column = unit % chunks_ * columns;
    const int64_t out = Cursor(split_.kept, unit / chunks_).out + column * row_.out;
    task_.write(acc, std::min(columns, row_.size - column), out, row_.out);
  }

 private:
  /// How many short lines without gaps between them are taken as one.
  int64_t joined_lines() const {
    const bool gapless =
        row_.in == task_.op.in_size && split_.reduced.ndim == 1 && split_.reduced.in[0] == row_.size * task_.op.in_size;
    return gapless && row_.size <= columns / 4 ? std::min(columns / row_.size, row_block) : 1;
  }

  void reduce_range(const char* from, int64_t begin, int64_t end, int64_t count, char* acc) const {
    const int64_t leaf = row_block * joined_, acc_size = task_.op.acc_size;
    if (end - begin > leaf) {
      const int64_t middle = begin + ((end - begin) / 2 + leaf - 1) / leaf * leaf;
      reduce_range(from, begin, middle, count, acc);
      char* const rest = static_cast<char*>(__builtin_alloca_with_align(static_cast<size_t>(count * acc_size), 512));
      reduce_range(from, middle, end, count, rest);
      return task_.op.combine(acc, rest, count);
    }
    if (joined_ > 1) return reduce_joined(from + begin * split_.reduced.in[0], end - begin, count, acc);
    task_.op.clear(acc, count);
    if (row_.in == task_.op.in_size)
      reduce_contiguous(from, begin, end, count, acc);
    else
      reduce_strided(from, begin, end, count, acc);
  }
  void reduce_contiguous(const char* from, int64_t begin, int64_t end, int64_t count, char* acc) const {
    Cursor at(split_.reduced, begin);
    const char* rows[row_block];
    for (int64_t i = 0; i < end - begin; ++i, at.next()) rows[i] = from + at.in;
    task_.op.columns(task_.params, rows, end - begin, count, acc);
  }
  void reduce_strided(const char* from, int64_t begin, int64_t end, int64_t count, char* acc) const {
    Cursor at(split_.reduced, begin);
    constexpr int64_t together = 4;
    alignas(64) char buffers[together][columns * sizeof(double)];
    const char* const rows[together] = {buffers[0], buffers[1], buffers[2], buffers[3]};
    for (int64_t i = begin; i < end; i += together) {
      const int64_t n = std::min(together, end - i);
      for (int64_t k = 0; k < n; ++k, at.next()) collect(buffers[k], from + at.in, row_.in, count, task_.op.in_size);
      task_.op.columns(task_.params, rows, n, count, acc);
    }
  }
  /// Wide lines of `joined_` lines each, whose accumulators are then joined by halves; the few lines left come last.
  void reduce_joined(const char* from, int64_t n, int64_t count, char* acc) const {
    const int64_t stride = split_.reduced.in[0], wide = n / joined_, acc_size = task_.op.acc_size;
    const char* rows[row_block];
    alignas(64) char sums[columns * max_acc];
    task_.op.clear(sums, joined_ * count);
    for (int64_t i = 0; i < wide; ++i) rows[i] = from + i * joined_ * stride;
    task_.op.columns(task_.params, rows, wide, joined_ * count, sums);
    for (int64_t left = joined_; left > 1;) {
      const int64_t half = (left + 1) / 2;
      task_.op.combine(sums, sums + half * count * acc_size, (left - half) * count);
      left = half;
    }
    __builtin_memcpy(acc, sums, static_cast<size_t>(count * acc_size));
    for (int64_t i = wide * joined_; i < n; ++i) rows[i - wide * joined_] = from + i * stride;
    task_.op.columns(task_.params, rows, n - wide * joined_, count, acc);
  }

  const Split& split_;
  const Task& task_;
  Walk::Dim row_;
  int64_t chunks_, joined_;
};

/// Runs a reducer in parallel: over its units, or, when they are few and large, over parts of each.
template <class Reducer>
void run_parallel(const Reducer& reducer, const Folding& op) {
  const int64_t units = reducer.units(), lines = reducer.lines(), work = lines * reducer.line_size();
  const int64_t parts = units >= 16 ? 1 : std::min({int64_t(64), work / part_size, lines});
  if (parts <= 1) {
    parallel_for(units, std::max<int64_t>(piece / work, 1),
                 [&](int64_t begin, int64_t end) { reducer.reduce_units(begin, end); });
    return;
  }
  const int64_t size = Reducer::width * op.acc_size;
  const Scratch partial(units * parts * size);
  parallel_for(units * parts, 1, [&](int64_t begin, int64_t end) {
    for (; begin < end; ++begin) {
      const int64_t part = begin % parts;
      reducer.reduce_lines(begin / parts, lines * part / parts, lines * (part + 1) / parts,
                           partial.data + begin * size);
    }
  });
  for (int64_t unit = 0; unit < units; ++unit) {
    char* const acc = partial.data + unit * parts * size;
    for (int64_t step = 1; step < parts; step *= 2)
      for (int64_t part = 0; part + step < parts; part += 2 * step)
        op.combine(acc + part * size, acc + (part + step) * size, std::min(reducer.line_size(), Reducer::width));
    reducer.finish(unit, acc);
  }
}

void reduce(const ReduceShape& shape, const Task& task) {
  Split split(shape);
  if (split.kept.count == 0) return;
  if (split.reduced.count == 0) {
    alignas(8) char acc[max_acc];
    task.op.clear(acc, 1);
    Cursor at(split.kept, 0);
    for (int64_t i = 0; i < split.kept.count; ++i, at.next()) task.write(acc, 1, at.out, 0);
  } else if (split.by_columns()) {
    run_parallel(ColumnReducer(split, task), task.op);
  } else {
    run_parallel(RowReducer(split, task), task.op);
  }
}

template <class Op, class F>
void kernel(const ReduceShape& shape, const void* in, void* out, const Param* params) {
  reduce(shape, {folding<Op>, finish<F, typename Op::Acc>, static_cast<const char*>(in), static_cast<char*>(out),
                 nullptr, params});
}
template <class Op, class F = Keep<typename Op::Acc>>
constexpr ReduceKernel of = kernel<Op, F>;

template <class T>
void variance(const ReduceShape& shape, const void* in, void* var, void* mean, const Param* params) {
  reduce(shape, {folding<Variance<T>>, finish_variance<T>, static_cast<const char*>(in), static_cast<char*>(var),
                 static_cast<char*>(mean), params});
}

template <class T>
void sum_computed(const Computed& elements, int64_t n, void* out) {
  using Op = FromLoop<Sum<T>>;
  const Task task{folding<Op>, finish<Divide<T>, T>, elements.in[0], static_cast<char*>(out),
                  nullptr,     &elements.divisor};
  if (n > block) return reduce({1, {n}, {sizeof(T)}, {0}}, task);
  T sum;
  Op::rows(task.params, task.in, 0, 1, n, &sum);
  task.write(&sum, 1, 0, 0);
}

template <class T>
void fill_numbers(ReduceTable& table, int row) {
  table.sum[row] = of<Sum<T>>;
  table.prod[row] = of<Product<T>>;
  table.max[row] = of<Largest<T>>;
  table.min[row] = of<Smallest<T>>;
  table.any[row] = of<Count<T>, IsPositive<int64_t>>;
  table.all[row] = of<Count<T, true>, IsZero>;
  table.count_nonzero[row] = of<Count<T>>;
}
template <class T>
void fill_floating(ReduceTable& table, int row) {
  table.mean[row] = of<Sum<T>, Divide<T>>;
  table.norm_1[row] = of<Sum<T, Magnitude>>;
  table.norm_2[row] = of<Sum<T, Squared>, Root<T>>;
  table.norm_max[row] = of<Largest<T, Magnitude>>;
  table.norm_min[row] = of<Smallest<T, Magnitude>>;
  table.norm_p[row] = of<Powers<T>, RootP<T>>;
  table.sum_squares[row] = of<Sum<T, Squared>>;
  table.var[row] = variance<T>;
  table.sum_computed[row] = sum_computed<T>;
}

}  // namespace

void fill(ReduceTable& table) {
  fill_numbers<float>(table, 0);
  fill_numbers<double>(table, 1);
  fill_numbers<int64_t>(table, 2);
  fill_floating<float>(table, 0);
  fill_floating<double>(table, 1);
  table.sum_bfloat16 = of<Widened<Sum<float>>>;
  table.mean_bfloat16 = of<Widened<Sum<float>>, Divide<float>>;
  constexpr int boolean = static_cast<int>(Compute::b8);
  table.sum[boolean] = table.count_nonzero[boolean] = of<Count<bool>>;
  table.prod[boolean] = of<And, AsInteger>;
  table.max[boolean] = table.any[boolean] = of<Or, IsPositive<uint8_t>>;
  table.min[boolean] = table.all[boolean] = of<And, IsPositive<uint8_t>>;
  fill_arg_reduce(table);
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
