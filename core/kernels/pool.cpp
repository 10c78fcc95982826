// Pooling. Work goes row by row of the output, one tap at a time over the whole row, so that the loops vectorise: along
// the width in planes, along the channels where those are last.
#include "kernels/pool.h"

#include <cstdint>
#include <utility>

#include "kernels/gemm_scratch.h"
#include "kernels/gemm_simd.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

/// A unit of work: one plane, or some channels of one image with the channels last.
struct Unit {
  int64_t input, output;  ///< first element
  int64_t channels;       ///< consecutive ones
};

class Units {
 public:
  explicit Units(const PoolArgs& args)
      : channels_(args.channels),
        in_(args.in_size[0] * args.in_size[1] * args.in_size[2]),
        out_(args.out_size[0] * args.out_size[1] * args.out_size[2]),
        each_(args.channels_last ? min_of(args.channels, 64) : 1),
        per_image_(each_ == 0 ? 0 : ceil_div(args.channels, each_)),
        count_(args.batch * per_image_),
        pixel_(args.channels_last ? args.channels : 1) {}

  int64_t count() const noexcept { return count_; }
  int64_t in() const noexcept { return in_; }
  int64_t out() const noexcept { return out_; }
  int64_t most_channels() const noexcept { return each_; }
  /// Elements from one point to the next.
  int64_t pixel() const noexcept { return pixel_; }
  int64_t grain(int64_t work_per_channel) const noexcept {
    return 1 + (1 << 16) / (work_per_channel * max_of(each_, 1) + 1);
  }
  Unit operator[](int64_t i) const noexcept {
    const int64_t image = i / per_image_, c = i % per_image_ * each_;
    const int64_t first = pixel_ == 1 ? c : 0, shift = pixel_ == 1 ? 0 : c;
    return {(image * channels_ + first) * in_ + shift, (image * channels_ + first) * out_ + shift,
            min_of(each_, channels_ - c)};
  }

 private:
  int64_t channels_, in_, out_, each_, per_image_, count_, pixel_;
};

/// Points of an axis whose tap k lies inside the input.
struct Range {
  int64_t begin, end;
};
[[gnu::always_inline]] inline Range points_inside(const PoolArgs& args, int d, int64_t k) noexcept {
  const int64_t shift = k * args.dilation[d] - args.padding[d], stride = args.stride[d];
  const int64_t begin = shift >= 0 ? 0 : ceil_div(-shift, stride);
  const int64_t room = args.in_size[d] - 1 - shift;
  return {begin, room < 0 ? 0 : min_of(room / stride + 1, args.out_size[d])};
}
/// Where point o's window first lies inside the input, or the nearest element if it never does.
[[gnu::always_inline]] inline int64_t first_inside(const PoolArgs& args, int d, int64_t o) noexcept {
  const int64_t start = o * args.stride[d] - args.padding[d];
  const int64_t inside = start >= 0 ? start : start + ceil_div(-start, args.dilation[d]) * args.dilation[d];
  return min_of(inside, args.in_size[d] - 1);
}

/// The ranges of all taps along the width; an adaptive window has none.
class Ranges {
 public:
  explicit Ranges(const PoolArgs& args) : ranges_(args.adaptive ? 0 : args.kernel[2]) {
    for (int64_t k = 0; !args.adaptive && k < args.kernel[2]; ++k) ranges_[k] = points_inside(args, 2, k);
  }
  const Range& operator[](int64_t k) const noexcept { return ranges_[k]; }

 private:
  Scratch<Range> ranges_;
};

template <class T, int... I>
[[gnu::always_inline]] inline Vec<T> even_lanes(Vec<T> low, Vec<T> high, std::integer_sequence<int, I...>) noexcept {
  return __builtin_shufflevector(low, high, (2 * I)...);
}
/// n elements (0 < n <= lanes), `step` apart; touches nothing after the last.
template <class T>
[[gnu::always_inline]] inline Vec<T> load_apart(const T* from, int64_t step, int64_t n) noexcept {
  constexpr int64_t width = lanes<T>;
  if (step == 1) return load_first(from, n);
  if (step == 2) {
    const int64_t all = 2 * n - 1;
    const Vec<T> low = load_first(from, min_of(all, width));
    const Vec<T> high = all > width ? load_first(from + width, all - width) : Vec<T>{};
    return even_lanes<T>(low, high, std::make_integer_sequence<int, lanes<T>>());
  }
  alignas(vector_bytes) T gathered[width] = {};
  for (int64_t i = 0; i < n; ++i) gathered[i] = from[i * step];
  return load(gathered);
}

/// Keeps the larger of best[i] and from[i * step], and where it stands. best and index may be read past n.
template <class T>
[[gnu::noinline]] void take_larger(const T* from, int64_t step, int64_t n, LaneIndex<T> place, T* best,
                                   LaneIndex<T>* index) {
  constexpr int64_t width = lanes<T>;
  Lanes<T> number;
  for (int l = 0; l < width; ++l) number[l] = l;
  for (int64_t i = 0; i < n; i += width) {
    const int64_t count = min_of(n - i, width);
    const Vec<T> x = load_apart(from + i * step, step, count), held = load(best + i);
    Lanes<T> take = (x > held) | (x != x);
    take &= number < static_cast<LaneIndex<T>>(count);
    const Lanes<T> here = number * static_cast<LaneIndex<T>>(step) + static_cast<LaneIndex<T>>(place + i * step);
    store(best + i, take ? x : held);
    store(index + i, take ? here : load(index + i));
  }
}

template <class T>
constexpr T lowest() noexcept {
  if constexpr (__is_same(T, int64_t))
    return INT64_MIN;
  else
    return -static_cast<T>(__builtin_inf());
}

/// `Vectors` vectors of channels of one point with the channels last, n <= lanes channels of the last: the largest of
/// the elements whose places in the plane are listed, and which it is. A window spans less than 2^31 points.
template <class T, int Vectors>
[[gnu::always_inline]] inline void largest_channels(const T* input, int64_t pixel, const int64_t* place, int64_t places,
                                                    int64_t first, int64_t n, T* output, int64_t* indices) noexcept {
  typedef int64_t Wide __attribute__((vector_size(lanes<T> * sizeof(int64_t))));
  Vec<T> best[Vectors];
  Lanes<T> index[Vectors];
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) {
    best[v] = Vec<T>{} + lowest<T>();
    index[v] = Lanes<T>{};
  }
  for (int64_t t = 0; t < places; ++t) {
    const T* from = input + place[t] * pixel;
    const Lanes<T> here = Lanes<T>{} + static_cast<LaneIndex<T>>(place[t] - first);
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const Vec<T> x = load_first(from + v * lanes<T>, n);
      const Lanes<T> take = (x > best[v]) | (x != x);
      best[v] = take ? x : best[v];
      index[v] = take ? here : index[v];
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) {
    store_first(output + v * lanes<T>, best[v], n);
    const Wide wide = first + __builtin_convertvector(index[v], Wide);
    __builtin_memcpy(indices + v * lanes<T>, &wide, static_cast<std::size_t>(n) * sizeof(int64_t));
  }
}

template <class T>
void max_pool_channels(const PoolArgs& args, const Units& units) {
  const int64_t *in = args.in_size, *out = args.out_size, *kernel = args.kernel;
  const int64_t pixel = units.pixel(), taps = kernel[0] * kernel[1] * kernel[2];
  parallel_for(units.count(), units.grain(units.out() * taps), [&](int64_t begin, int64_t end) {
    Scratch<int64_t> place(taps);
    for (int64_t u = begin; u < end; ++u) {
      const Unit unit = units[u];
      for (int64_t point = 0; point < units.out(); ++point) {
        const int64_t at[3] = {point / out[2] / out[1], point / out[2] % out[1], point % out[2]};
        int64_t first = 0, start[3], places = 0;
        for (int d = 0; d < 3; ++d) {
          start[d] = at[d] * args.stride[d] - args.padding[d];
          first = first * in[d] + first_inside(args, d, at[d]);
        }
        for (int64_t k = 0, z = start[0]; k < kernel[0]; ++k, z += args.dilation[0]) {
          if (z < 0 || z >= in[0]) continue;
          for (int64_t l = 0, y = start[1]; l < kernel[1]; ++l, y += args.dilation[1]) {
            if (y < 0 || y >= in[1]) continue;
            for (int64_t m = 0, x = start[2]; m < kernel[2]; ++m, x += args.dilation[2]) {
              if (x >= 0 && x < in[2]) place[places++] = (z * in[1] + y) * in[2] + x;
            }
          }
        }
        const T* input = static_cast<const T*>(args.input) + unit.input;
        T* output = static_cast<T*>(args.output) + unit.output + point * pixel;
        int64_t *indices = args.indices + unit.output + point * pixel, c = 0;
        for (; c + 4 * lanes<T> <= unit.channels; c += 4 * lanes<T>) {
          largest_channels<T, 4>(input + c, pixel, place.data(), places, first, lanes<T>, output + c, indices + c);
        }
        for (; c < unit.channels; c += lanes<T>) {
          largest_channels<T, 1>(input + c, pixel, place.data(), places, first, min_of(lanes<T>, unit.channels - c),
                                 output + c, indices + c);
        }
      }
    }
  });
}

template <class T>
void max_pool(const PoolArgs& args) {
  const Units units(args);
  if (units.pixel() != 1) return max_pool_channels<T>(args, units);
  const int64_t *in = args.in_size, *out = args.out_size;
  const int64_t taps = args.kernel[0] * args.kernel[1] * args.kernel[2], padded = out[2] + lanes<T>;
  // A window spans less than 2^31 points: indices count from the first row of it that lies inside.
  using Index = LaneIndex<T>;
  const Ranges ranges(args);
  const Scratch<Index> columns(padded);
  for (int64_t x = 0; x < padded; ++x) columns[x] = static_cast<Index>(x < out[2] ? first_inside(args, 2, x) : 0);
  parallel_for(units.count(), units.grain(units.out() * taps), [&](int64_t begin, int64_t end) {
    const Scratch<T> best_row(padded);
    const Scratch<Index> index_row(padded);
    T* best = best_row.data();
    Index* index = index_row.data();
    for (int64_t u = begin; u < end; ++u) {
      const Unit unit = units[u];
      const T* input = static_cast<const T*>(args.input) + unit.input;
      T* output = static_cast<T*>(args.output) + unit.output;
      int64_t* indices = args.indices + unit.output;
      for (int64_t row = 0; row < out[0] * out[1]; ++row) {
        const int64_t oz = row / out[1], oy = row % out[1];
        const int64_t first = (first_inside(args, 0, oz) * in[1] + first_inside(args, 1, oy)) * in[2];
        for (int64_t x = 0; x < padded; ++x) best[x] = lowest<T>();
        __builtin_memcpy(index, columns.data(), static_cast<std::size_t>(padded) * sizeof(Index));
        for (int64_t kz = 0; kz < args.kernel[0]; ++kz) {
          const int64_t z = oz * args.stride[0] - args.padding[0] + kz * args.dilation[0];
          if (z < 0 || z >= in[0]) continue;
          for (int64_t ky = 0; ky < args.kernel[1]; ++ky) {
            const int64_t y = oy * args.stride[1] - args.padding[1] + ky * args.dilation[1];
            if (y < 0 || y >= in[1]) continue;
            for (int64_t kx = 0; kx < args.kernel[2]; ++kx) {
              const Range range = ranges[kx];
              const int64_t x0 = range.begin * args.stride[2] - args.padding[2] + kx * args.dilation[2];
              const int64_t place = (z * in[1] + y) * in[2] + x0;
              take_larger(input + place, args.stride[2], range.end - range.begin, static_cast<Index>(place - first),
                          best + range.begin, index + range.begin);
            }
          }
        }
        __builtin_memcpy(output + row * out[2], best, static_cast<std::size_t>(out[2]) * sizeof(T));
        int64_t* const places = indices + row * out[2];
        for (int64_t x = 0; x < out[2]; ++x) places[x] = first + index[x];
      }
    }
  });
}

template <class T>
void clear(T* to, int64_t points, int64_t pixel, int64_t channels) noexcept {
  for (int64_t i = 0; i < points; ++i)
    __builtin_memset(to + i * pixel, 0, static_cast<std::size_t>(channels) * sizeof(T));
}

/// visit(i, o) for every element o of a unit's output and the element i of its input that its index names. If one is
/// not there, nothing is visited and the caller is told.
template <class Visit>
[[gnu::always_inline]] inline void each_place(const PoolArgs& args, const Units& units, const Unit& unit, Visit visit) {
  const int64_t pixel = units.pixel();
  const int64_t rows = pixel == 1 ? 1 : units.out(), width = pixel == 1 ? units.out() : unit.channels;
  const int64_t* const at = args.indices + unit.output;
  const auto size = static_cast<uint64_t>(units.in());
  uint64_t outside = 0;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t c = 0; c < width; ++c) outside |= static_cast<uint64_t>(at[i * pixel + c]) >= size;
  }
  if (outside != 0) return __atomic_store_n(args.outside, true, __ATOMIC_RELAXED);
  if (pixel == 1) {
    for (int64_t o = 0; o < width; ++o) visit(at[o], o);
    return;
  }
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t c = 0; c < width; ++c) visit(at[i * pixel + c] * pixel + c, i * pixel + c);
  }
}

template <class T>
void max_backward(const PoolArgs& args) {
  const Units units(args);
  const int64_t pixel = units.pixel();
  parallel_for(units.count(), units.grain(units.in() + 4 * units.out()), [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const Unit unit = units[u];
      T* input = static_cast<T*>(args.input) + unit.input;
      const T* output = static_cast<const T*>(args.output) + unit.output;
      if (pixel == 1)
        clear(input, 1, 1, units.in());
      else
        clear(input, units.in(), pixel, unit.channels);
      each_place(args, units, unit, [=](int64_t i, int64_t o) { input[i] += output[o]; });
    }
  });
}

template <class T>
void max_gather(const PoolArgs& args) {
  const Units units(args);
  parallel_for(units.count(), units.grain(2 * units.out()), [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const Unit unit = units[u];
      const T* input = static_cast<const T*>(args.input) + unit.input;
      T* output = static_cast<T*>(args.output) + unit.output;
      each_place(args, units, unit, [=](int64_t i, int64_t o) { output[o] = input[i]; });
    }
  });
}

/// The windows of an average along one axis, clipped to the input, and what each counts for in the divisor.
class Spans {
 public:
  Spans(const PoolArgs& args, int d) : data_(3 * args.out_size[d]), size_(args.out_size[d]) {
    const int64_t in = args.in_size[d];
    int64_t *begin = data_.data(), *end = begin + size_, *count = end + size_;
    for (int64_t o = 0; o < size_; ++o) {
      if (args.adaptive) {
        begin[o] = o * in / size_;
        end[o] = ceil_div((o + 1) * in, size_);
        count[o] = end[o] - begin[o];
        continue;
      }
      const int64_t start = o * args.stride[d] - args.padding[d], stop = start + args.kernel[d];
      begin[o] = min_of(max_of(start, 0), in);
      end[o] = max_of(min_of(stop, in), begin[o]);
      count[o] = args.count_include_pad ? min_of(stop, in + args.padding[d]) - start : end[o] - begin[o];
    }
  }
  int64_t begin(int64_t o) const noexcept { return data_.data()[o]; }
  int64_t end(int64_t o) const noexcept { return data_.data()[size_ + o]; }
  int64_t count(int64_t o) const noexcept { return data_.data()[2 * size_ + o]; }

 private:
  Scratch<int64_t> data_;
  int64_t size_;
};

template <class T>
[[gnu::noinline]] T sum_of(const T* from, int64_t n) {
  Vec<T> sum{};
  int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) sum += load(from + i);
  T total = 0;
  if (i > 0) {
    for (int l = 0; l < lanes<T>; ++l) total += sum[l];
  }
  for (; i < n; ++i) total += from[i];
  return total;
}

/// to[i] += from[i * step].
template <class T>
[[gnu::noinline]] void add_apart(T* __restrict to, const T* __restrict from, int64_t step, int64_t n) {
  for (int64_t i = 0; i < n; i += lanes<T>) {
    const int64_t count = min_of(n - i, lanes<T>);
    store_first(to + i, load_first(to + i, count) + load_apart(from + i * step, step, count), count);
  }
}
/// to[i * step] += from[i].
template <class T>
[[gnu::noinline]] void add_spread(T* __restrict to, int64_t step, const T* __restrict from, int64_t n) {
  if (step == 1) return add_apart(to, from, 1, n);
  for (int64_t i = 0; i < n; ++i) to[i * step] += from[i];
}

/// What both directions of an average need: the windows, and the divisor of each point, a factor of its row times one
/// of its column.
template <class T>
struct Average {
  Spans z, y, x;
  T divisor_override;
  Scratch<T> columns;

  explicit Average(const PoolArgs& args)
      : z(args, 0),
        y(args, 1),
        x(args, 2),
        divisor_override(static_cast<T>(args.divisor_override)),
        columns(args.out_size[2]) {
    for (int64_t i = 0; i < args.out_size[2]; ++i)
      columns[i] = divisor_override != 0 ? T(1) : static_cast<T>(x.count(i));
  }
  T row(int64_t oz, int64_t oy) const noexcept {
    return divisor_override != 0 ? divisor_override : static_cast<T>(z.count(oz) * y.count(oy));
  }
};

/// `Vectors` vectors of channels of one point with the channels last, n <= lanes channels of the last.
template <class T, int Vectors>
[[gnu::always_inline]] inline void average_channels(const T* input, const PoolArgs& args, const Average<T>& spans,
                                                    const int64_t* at, int64_t pixel, T divisor, int64_t n,
                                                    T* output) noexcept {
  Vec<T> sum[Vectors] = {};
  for (int64_t z = spans.z.begin(at[0]); z < spans.z.end(at[0]); ++z) {
    for (int64_t y = spans.y.begin(at[1]); y < spans.y.end(at[1]); ++y) {
      const T* from = input + (z * args.in_size[1] + y) * args.in_size[2] * pixel;
      for (int64_t x = spans.x.begin(at[2]); x < spans.x.end(at[2]); ++x) {
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) sum[v] += load_first(from + x * pixel + v * lanes<T>, n);
      }
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) store_first(output + v * lanes<T>, sum[v] / divisor, n);
}

template <class T>
void average_of_channels(const PoolArgs& args, const Units& units, const Average<T>& spans) {
  const int64_t* out = args.out_size;
  const int64_t pixel = units.pixel();
  parallel_for(units.count(), units.grain(units.in() + units.out()), [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const Unit unit = units[u];
      const T* input = static_cast<const T*>(args.input) + unit.input;
      for (int64_t point = 0; point < units.out(); ++point) {
        const int64_t at[3] = {point / out[2] / out[1], point / out[2] % out[1], point % out[2]};
        const T divisor = spans.row(at[0], at[1]) * spans.columns[at[2]];
        T* output = static_cast<T*>(args.output) + unit.output + point * pixel;
        int64_t c = 0;
        for (; c + 4 * lanes<T> <= unit.channels; c += 4 * lanes<T>) {
          average_channels<T, 4>(input + c, args, spans, at, pixel, divisor, lanes<T>, output + c);
        }
        for (; c < unit.channels; c += lanes<T>) {
          average_channels<T, 1>(input + c, args, spans, at, pixel, divisor, min_of(lanes<T>, unit.channels - c),
                                 output + c);
        }
      }
    }
  });
}

template <class T>
void average(const PoolArgs& args) {
  const Units units(args);
  const Average<T> spans(args);
  if (units.pixel() != 1) return average_of_channels<T>(args, units, spans);
  const int64_t *in = args.in_size, *out = args.out_size;
  const Ranges ranges(args);
  parallel_for(units.count(), units.grain(units.in() + units.out()), [&](int64_t begin, int64_t end) {
    const Scratch<T> sum_row(out[2]);
    T* sum = sum_row.data();
    for (int64_t u = begin; u < end; ++u) {
      const Unit unit = units[u];
      const T* input = static_cast<const T*>(args.input) + unit.input;
      T* output = static_cast<T*>(args.output) + unit.output;
      for (int64_t row = 0; row < out[0] * out[1]; ++row) {
        const int64_t oz = row / out[1], oy = row % out[1];
        clear(sum, 1, 1, out[2]);
        for (int64_t z = spans.z.begin(oz); z < spans.z.end(oz); ++z) {
          for (int64_t y = spans.y.begin(oy); y < spans.y.end(oy); ++y) {
            const T* from = input + (z * in[1] + y) * in[2];
            if (!args.adaptive) {
              for (int64_t k = 0; k < args.kernel[2]; ++k) {
                const Range range = ranges[k];
                add_apart(sum + range.begin, from + range.begin * args.stride[2] - args.padding[2] + k, args.stride[2],
                          range.end - range.begin);
              }
              continue;
            }
            for (int64_t x = 0; x < out[2]; ++x) {
              sum[x] += sum_of(from + spans.x.begin(x), spans.x.end(x) - spans.x.begin(x));
            }
          }
        }
        const T factor = spans.row(oz, oy), *const columns = spans.columns.data();
        T* const to = output + row * out[2];
        for (int64_t x = 0; x < out[2]; ++x) to[x] = sum[x] / (factor * columns[x]);
      }
    }
  });
}

template <class T>
void average_backward(const PoolArgs& args) {
  const Units units(args);
  const Average<T> spans(args);
  const int64_t *in = args.in_size, *out = args.out_size;
  const int64_t pixel = units.pixel();
  const bool regular = !args.adaptive && pixel == 1;
  const Ranges ranges(args);
  parallel_for(units.count(), units.grain(units.in() + units.out()), [&](int64_t begin, int64_t end) {
    const Scratch<T> share_row(out[2] * units.most_channels()), spread_row(regular ? in[2] : 1);
    T *share = share_row.data(), *spread = spread_row.data();
    for (int64_t u = begin; u < end; ++u) {
      const Unit unit = units[u];
      T* input = static_cast<T*>(args.input) + unit.input;
      const T* output = static_cast<const T*>(args.output) + unit.output;
      const int64_t channels = unit.channels;
      if (pixel == 1)
        clear(input, 1, 1, units.in());
      else
        clear(input, units.in(), pixel, channels);
      for (int64_t row = 0; row < out[0] * out[1]; ++row) {
        const int64_t oz = row / out[1], oy = row % out[1];
        const T factor = spans.row(oz, oy), *const columns = spans.columns.data();
        const T* from = output + row * out[2] * pixel;
        if (regular) {
          // What a row of the gradient adds to each row of its windows.
          for (int64_t x = 0; x < out[2]; ++x) share[x] = from[x] / (factor * columns[x]);
          clear(spread, 1, 1, in[2]);
          for (int64_t k = 0; k < args.kernel[2]; ++k) {
            const Range range = ranges[k];
            add_spread(spread + range.begin * args.stride[2] - args.padding[2] + k, args.stride[2], share + range.begin,
                       range.end - range.begin);
          }
        } else {
          for (int64_t x = 0; x < out[2]; ++x, from += pixel) {
            const T divisor = factor * columns[x];
            for (int64_t c = 0; c < channels; ++c) share[x * channels + c] = from[c] / divisor;
          }
        }
        for (int64_t z = spans.z.begin(oz); z < spans.z.end(oz); ++z) {
          for (int64_t y = spans.y.begin(oy); y < spans.y.end(oy); ++y) {
            T* to = input + (z * in[1] + y) * in[2] * pixel;
            if (regular) {
              add_apart(to, spread, 1, in[2]);
              continue;
            }
            for (int64_t x = 0; x < out[2]; ++x) {
              for (int64_t i = spans.x.begin(x); i < spans.x.end(x); ++i) {
                add_apart(to + i * pixel, share + x * channels, 1, channels);
              }
            }
          }
        }
      }
    }
  });
}

}  // namespace

void fill(PoolTable& table) {
  table = {{max_pool<float>, max_pool<double>, max_pool<int64_t>, nullptr},
           {max_backward<float>, max_backward<double>, nullptr, nullptr},
           {max_gather<float>, max_gather<double>, nullptr, nullptr},
           {average<float>, average<double>, nullptr, nullptr},
           {average_backward<float>, average_backward<double>, nullptr, nullptr}};
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
