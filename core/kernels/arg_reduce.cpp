#include <algorithm>

#include "kernels/functors_arithmetic.h"
#include "kernels/gemm_scratch.h"
#include "kernels/reduce.h"
#include "kernels/reduce_ops.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t columns_together = 256;  // outputs searched together
constexpr int64_t piece = 1 << 15;         // elements a parallel piece takes
constexpr int64_t part_size = 1 << 16;     // elements of one long search that are looked at apart
constexpr int64_t short_row = 32;          // elements of a row searched in one pass

template <class T>
struct Best {
  T value;
  int64_t index;
};

/// Whether x takes the place of an earlier `best`: the first extreme wins, and the first NaN over everything.
template <class T, bool largest>
[[gnu::always_inline]] inline bool beats(T x, T best) {
  const bool better = largest ? x > best : x < best;
  if constexpr (is_float<T>)
    return better | ((x != x) & (best == best));
  else
    return better;
}

/// A row is searched in two vectorised passes over blocks: for the extreme, then for its first place.
template <class T, bool largest>
Best<T> search_block(const T* x, int64_t n) {
  constexpr int64_t lanes_used = 64;
  const auto extreme = [](T a, T b) { return largest ? maximum(a, b) : minimum(a, b); };
  T value = read(x);
  if (n >= lanes_used) {
    alignas(64) T lane[lanes_used];
    for (int64_t k = 0; k < lanes_used; ++k) lane[k] = read(x + k);
    int64_t i = lanes_used;
    for (; i + lanes_used <= n; i += lanes_used)
      for (int64_t k = 0; k < lanes_used; ++k) lane[k] = extreme(lane[k], read(x + i + k));
    for (int64_t k = 0; i + k < n; ++k) lane[k] = extreme(lane[k], read(x + i + k));
    for (int64_t width = lanes_used / 2; width > 0; width /= 2)
      for (int64_t k = 0; k < width; ++k) lane[k] = extreme(lane[k], lane[k + width]);
    value = lane[0];
  } else {
    for (int64_t i = 1; i < n; ++i) value = extreme(value, read(x + i));
  }
  const auto found = [value](T y) { return (y == value) | ((y != y) & (value != value)); };
  int64_t i = 0;
  for (; i + lanes_used <= n; i += lanes_used) {
    int any = 0;
    for (int64_t k = 0; k < lanes_used; ++k) any |= found(read(x + i + k));
    if (any) break;
  }
  while (!found(read(x + i))) ++i;
  return {read(x + i), i};
}

/// The dimensions in the order given, size 1 left out and neighbours joined, outermost first.
struct Dims {
  int ndim = 0;
  int64_t count = 1;
  int64_t sizes[ReduceShape::max_dims], in[ReduceShape::max_dims], out[ReduceShape::max_dims];

  void add(int64_t size, int64_t in_stride, int64_t out_stride) {
    count *= size;
    if (size == 1) return;
    const int last = ndim - 1;
    if (ndim > 0 && in[last] == in_stride * size && out[last] == out_stride * size) {
      sizes[last] *= size;
      in[last] = in_stride;
      out[last] = out_stride;
      return;
    }
    sizes[ndim] = size;
    in[ndim] = in_stride;
    out[ndim++] = out_stride;
  }
  int64_t offset(const int64_t* strides, int64_t index, int dims) const {
    int64_t offset = 0;
    for (int d = dims - 1; d >= 0; --d) {
      offset += index % sizes[d] * strides[d];
      index /= sizes[d];
    }
    return offset;
  }
};

template <class T, bool largest>
class Search {
 public:
  Search(const ReduceShape& shape, const void* in, void* values, int64_t* indices)
      : in_(static_cast<const char*>(in)), values_(static_cast<T*>(values)), indices_(indices) {
    for (int d = 0; d < shape.ndim; ++d)
      (shape.out_strides[d] == 0 ? reduced_ : kept_).add(shape.sizes[d], shape.in_strides[d], shape.out_strides[d]);
  }

  void run() const {
    if (kept_.count == 0 || reduced_.count == 0) return;
    const int inner = kept_.ndim - 1;
    const bool by_columns = inner >= 0 && kept_.in[inner] == sizeof(T) && reduced_.ndim == 1 &&
                            reduced_.in[0] != sizeof(T) && kept_.sizes[inner] >= 8;
    if (by_columns) return search_columns();
    if (kept_.count == 1 && reduced_.count >= 2 * part_size) return search_parts();
    if (kept_.ndim == 1 && reduced_.ndim == 1 && reduced_.in[0] == sizeof(T) && reduced_.count <= short_row) {
      return search_short_rows();
    }
    parallel_for(kept_.count, std::max<int64_t>(piece / reduced_.count, 1), [&](int64_t begin, int64_t end) {
      for (; begin < end; ++begin)
        store(kept_.offset(kept_.out, begin, kept_.ndim),
              search(in_ + kept_.offset(kept_.in, begin, kept_.ndim), 0, reduced_.count));
    });
  }

 private:
  void store(int64_t offset, Best<T> best) const {
    const int64_t at = offset / static_cast<int64_t>(sizeof(int64_t));
    indices_[at] = best.index;
    if (values_ != nullptr) values_[at] = best.value;
  }

  /// Among elements [begin, end) of the reduced dimensions.
  Best<T> search(const char* from, int64_t begin, int64_t end) const {
    constexpr int64_t block = 1024;
    const int inner = reduced_.ndim - 1;
    const int64_t width = inner < 0 ? 1 : reduced_.sizes[inner], stride = inner < 0 ? 0 : reduced_.in[inner];
    T buffer[block];
    Best<T> best{};
    for (int64_t i = begin; i < end;) {
      const int64_t column = i % width;
      const int64_t n = std::min({width - column, end - i, block});
      const char* row = from + reduced_.offset(reduced_.in, i / width, inner) + column * stride;
      const T* x = reinterpret_cast<const T*>(row);
      if (stride != sizeof(T)) {
        gather(buffer, row, stride, n, n);
        x = buffer;
      }
      const Best<T> here = search_block<T, largest>(x, n);
      if (i == begin || beats<T, largest>(here.value, best.value)) best = {here.value, i + here.index};
      i += n;
    }
    return best;
  }

  /// A vector's worth of rows that fit a vector each: their extremes first, then the first lanes that hold them.
  void search_together(int64_t begin) const
    requires(!std::is_same_v<T, bool>)
  {
    using Op = std::conditional_t<largest, Largest<T>, Smallest<T>>;
    const auto row = [&](int64_t k) { return reinterpret_cast<const T*>(in_ + (begin + k) * kept_.in[0]); };
    const Lanes<T> number = lane_numbers<T>();
    Vec<T> x[lanes<T>], folded[lanes<T>];
    Lanes<T> place[lanes<T>];
    for (int k = 0; k < lanes<T>; ++k) folded[k] = x[k] = row_lanes<Op>(row(k), reduced_.count);
    T best[lanes<T>];
    kernels::WEFT_ISA_NAMESPACE::store(best, fold_all<Op, T>(folded));
    for (int k = 0; k < lanes<T>; ++k) {
      place[k] = (x[k] == best[k]) | (x[k] != x[k]) ? number : Lanes<T>{} + lanes<T>;
    }
    LaneIndex<T> first[lanes<T>];
    kernels::WEFT_ISA_NAMESPACE::store(first, fold_all<Smallest<LaneIndex<T>>, LaneIndex<T>>(place));
    for (int k = 0; k < lanes<T>; ++k) store((begin + k) * kept_.out[0], {row(k)[first[k]], first[k]});
  }

  /// One pass without branches: rows do not wait for each other.
  void search_short_rows() const {
    const int64_t n = reduced_.count;
    parallel_for(kept_.count, piece / n, [&](int64_t begin, int64_t end) {
      if constexpr (!std::is_same_v<T, bool>) {
        for (; n <= lanes<T> && begin + lanes<T> <= end; begin += lanes<T>) search_together(begin);
      }
      for (; begin < end; ++begin) {
        const auto* x = reinterpret_cast<const T*>(in_ + begin * kept_.in[0]);
        Best<T> best{read(x), 0};
        for (int64_t i = 1; i < n; ++i) {
          const T y = read(x + i);
          const bool wins = beats<T, largest>(y, best.value);
          best.value = select(wins, y, best.value);
          best.index = wins ? i : best.index;
        }
        store(begin * kept_.out[0], best);
      }
    });
  }

  void search_parts() const {
    constexpr int64_t most = 64;
    const int64_t parts = std::min(most, reduced_.count / part_size);
    Best<T> found[most];
    parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
      for (; begin < end; ++begin)
        found[begin] = search(in_, reduced_.count * begin / parts, reduced_.count * (begin + 1) / parts);
    });
    Best<T> best = found[0];
    for (int64_t i = 1; i < parts; ++i)
      if (beats<T, largest>(found[i].value, best.value)) best = found[i];
    store(0, best);
  }

  // As wide as the elements, so that one loop over columns vectorises.
  using Index = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;

  /// The extremes of `count` rows of n elements each, and the rows they are in.
  static void search_rows(const char* from, int64_t stride, int64_t count, int64_t n, T* __restrict value,
                          Index* __restrict place) {
    for (int64_t k = 0; k < n; ++k) {
      value[k] = read(reinterpret_cast<const T*>(from) + k);
      place[k] = 0;
    }
    for (int64_t i = 1; i < count; ++i) {
      const auto* x = reinterpret_cast<const T*>(from + i * stride);
      for (int64_t k = 0; k < n; ++k) {
        const T y = read(x + k);
        const bool wins = beats<T, largest>(y, value[k]);
        value[k] = select(wins, y, value[k]);
        place[k] = wins ? static_cast<Index>(i) : place[k];
      }
    }
  }

  /// The same for rows [begin, end) of the reduced dimension, `joined` at a time, as elements of it.
  void search_part(const char* from, int64_t begin, int64_t end, int64_t n, int64_t joined, Best<T>* best) const {
    const int64_t stride = reduced_.in[0];
    alignas(64) T value[columns_together];
    alignas(64) Index place[columns_together];
    int64_t row = begin;
    for (int64_t width = joined; row < end; width = end - row) {  // wide rows, then what is left as one
      const int64_t count = (end - row) / width;
      search_rows(from + row * stride, width * stride, count, width * n, value, place);
      for (int64_t r = 0; r < width; ++r) {
        for (int64_t k = 0; k < n; ++k) {
          const Best<T> here{value[r * n + k], row + static_cast<int64_t>(place[r * n + k]) * width + r};
          Best<T>& so_far = best[k];
          const bool is_first = row == begin && r == 0;
          const bool earlier = here.index < so_far.index && !beats<T, largest>(so_far.value, here.value);
          if (is_first || beats<T, largest>(here.value, so_far.value) || earlier) so_far = here;
        }
      }
      row += count * width;
    }
  }

  void search_columns() const {
    const int64_t width = kept_.sizes[kept_.ndim - 1], chunks = (width + columns_together - 1) / columns_together;
    const int64_t work = reduced_.count * std::min(width, columns_together), units = kept_.count / width * chunks;
    // Few and long ones are cut, and what the parts found is compared in order.
    const int64_t parts = units >= 16 ? 1 : std::clamp<int64_t>(work / part_size, 1, 64);
    const bool joins = reduced_.in[0] == width * static_cast<int64_t>(sizeof(T)) &&
                       work / parts >= 64 * columns_together;  // or comparing afterwards costs more
    const int64_t joined = joins ? std::max<int64_t>(columns_together / width, 1) : 1;
    if (parts == 1 && joined == 1) return search_whole_columns(units, chunks, work);
    search_cut_columns(units, chunks, parts, joined);
  }

  /// Where a unit, a chunk of neighbouring columns, begins: the offset from in_, of outputs, and how many there are.
  struct Unit {
    int64_t in, out, columns;
  };
  Unit unit_at(int64_t unit, int64_t chunks) const {
    const int inner = kept_.ndim - 1;
    const int64_t line = unit / chunks, column = unit % chunks * columns_together;
    return {kept_.offset(kept_.in, line, inner) + column * kept_.in[inner],
            kept_.offset(kept_.out, line, inner) + column * kept_.out[inner],
            std::min(columns_together, kept_.sizes[inner] - column)};
  }

  void search_whole_columns(int64_t units, int64_t chunks, int64_t work) const {
    const int64_t out_stride = kept_.out[kept_.ndim - 1];
    parallel_for(units, std::max<int64_t>(piece / work, 1), [&](int64_t begin, int64_t end) {
      alignas(64) T value[columns_together];
      alignas(64) Index place[columns_together];
      for (; begin < end; ++begin) {
        const auto [in, out, n] = unit_at(begin, chunks);
        search_rows(in_ + in, reduced_.in[0], reduced_.count, n, value, place);
        for (int64_t k = 0; k < n; ++k) store(out + k * out_stride, {value[k], static_cast<int64_t>(place[k])});
      }
    });
  }

  void search_cut_columns(int64_t units, int64_t chunks, int64_t parts, int64_t joined) const {
    const int64_t pitch = std::min(kept_.sizes[kept_.ndim - 1], columns_together);
    const int64_t work = reduced_.count / parts * pitch;
    Scratch<Best<T>> found(units * parts * pitch);
    parallel_for(units * parts, std::max<int64_t>(piece / work, 1), [&](int64_t begin, int64_t end) {
      for (; begin < end; ++begin) {
        const auto [in, out, n] = unit_at(begin / parts, chunks);
        const int64_t part = begin % parts;
        search_part(in_ + in, reduced_.count * part / parts, reduced_.count * (part + 1) / parts, n, joined,
                    found.data() + begin * pitch);
      }
    });
    for (int64_t i = 0; i < units; ++i) {
      const auto [in, out, n] = unit_at(i, chunks);
      Best<T>* const best = found.data() + i * parts * pitch;
      for (int64_t k = 0; k < n; ++k) {
        for (int64_t part = 1; part < parts; ++part) {
          const Best<T>& next = best[part * pitch + k];
          if (beats<T, largest>(next.value, best[k].value)) best[k] = next;
        }
        store(out + k * kept_.out[kept_.ndim - 1], best[k]);
      }
    }
  }

  const char* in_;
  T* values_;
  int64_t* indices_;
  Dims kept_, reduced_;
};

template <class T, bool largest>
void kernel(const ReduceShape& shape, const void* in, void* values, int64_t* indices) {
  Search<T, largest>(shape, in, values, indices).run();
}

}  // namespace

void fill_arg_reduce(ReduceTable& table) {
  table.arg_max[0] = kernel<float, true>;
  table.arg_max[1] = kernel<double, true>;
  table.arg_max[2] = kernel<int64_t, true>;
  table.arg_max[3] = kernel<bool, true>;
  table.arg_min[0] = kernel<float, false>;
  table.arg_min[1] = kernel<double, false>;
  table.arg_min[2] = kernel<int64_t, false>;
  table.arg_min[3] = kernel<bool, false>;
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
