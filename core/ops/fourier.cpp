// Discrete Fourier transforms along one dimension after the other, over the pool. See docs/notes/fft.md.
#include "ops/fourier.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "generated/impl.h"
#include "generated/ops.h"
#include "ops/linalg_support.h"
#include "ops/support.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace weft::fourier {

namespace {

std::atomic<Finder> finder{nullptr};
std::atomic<const Loops*> loaded{nullptr};  // published once complete; kept for good, as NumPy's module is

const Loops* load() {
  const Finder find = finder.load();
  check(find != nullptr, "fft: no library of Fourier transforms");
  auto* const loops = new Loops(find());
  const Loops* expected = nullptr;
  if (loaded.compare_exchange_strong(expected, loops)) return loops;
  delete loops;
  return expected;
}

}  // namespace

void set_finder(Finder f) noexcept { finder.store(f); }

const Loop& loop(Kind kind, bool in_double) {
  const Loops* loops = loaded.load(std::memory_order_acquire);
  if (loops == nullptr) loops = load();
  return loops->of[static_cast<int>(kind)][in_double ? 1 : 0];
}

}  // namespace weft::fourier

namespace weft::ops::impl {

namespace {

using fourier::Kind;
using lapack::Scratch;

/// The lines along one dimension of an input and of an output: `row` is the dimension they are told apart by in blocks,
/// `others` the rest.
struct Lines {
  struct Dim {
    int64_t size, in, out;  ///< steps in bytes
  };
  Dim row{1, 0, 0};
  std::vector<Dim> others;
  int64_t count = 1;  ///< of other dimensions' places
};

Lines lines_across(const Tensor& in, const Tensor& out, int dim) {
  std::vector<Lines::Dim> dims;
  for (int d = 0; d < out.dim(); ++d)
    if (d != dim && out.size(d) != 1)
      dims.push_back({out.size(d), in.stride(d) * in.element_size(), out.stride(d) * out.element_size()});
  // Innermost last; neighbours that one step goes through become one.
  std::stable_sort(dims.begin(), dims.end(), [](const auto& a, const auto& b) { return a.in > b.in; });
  Lines lines;
  for (const auto& d : dims) {
    auto& joined = lines.others;
    if (!joined.empty() && joined.back().in == d.in * d.size && joined.back().out == d.out * d.size)
      joined.back() = {joined.back().size * d.size, d.in, d.out};
    else
      joined.push_back(d);
  }
  if (!lines.others.empty()) {
    // Neighbours in memory share cache lines; too few of them do not fill the library's vectors.
    auto row = lines.others.end() - 1;
    if (row->size < 4)
      row = std::max_element(lines.others.begin(), lines.others.end(),
                             [](const auto& a, const auto& b) { return a.size < b.size; });
    lines.row = *row;
    lines.others.erase(row);
  }
  for (const auto& d : lines.others) lines.count *= d.size;
  return lines;
}

/// Copies `count` lines of `n` elements of type T between steps in bytes.
template <class T>
void copy_lines(char* to, int64_t to_line, int64_t to_step, const char* from, int64_t from_line, int64_t from_step,
                int64_t count, int64_t n) {
  for (int64_t k = 0; k < n; ++k)
    for (int64_t i = 0; i < count; ++i)
      *reinterpret_cast<T*>(to + i * to_line + k * to_step) =
          *reinterpret_cast<const T*>(from + i * from_line + k * from_step);
}

void copy_lines(int64_t size, char* to, int64_t to_line, int64_t to_step, const char* from, int64_t from_line,
                int64_t from_step, int64_t count, int64_t n) {
  struct Pair {
    uint64_t re, im;
  };
  if (size == 4) return copy_lines<uint32_t>(to, to_line, to_step, from, from_line, from_step, count, n);
  if (size == 8) return copy_lines<uint64_t>(to, to_line, to_step, from, from_line, from_step, count, n);
  copy_lines<Pair>(to, to_line, to_step, from, from_line, from_step, count, n);
}

/// out = scale * transform of `in` along `dim`; out may be in itself. Blocks of lines depend on the shapes alone.
void transform(const Tensor& in, const Tensor& out, int dim, Kind kind, double scale) {
  if (out.numel() == 0) return;
  const bool in_double = real_type(out.dtype()) == DType::float64;
  const auto& loop = fourier::loop(kind, in_double);
  const auto factor_double = scale;
  const auto factor_float = static_cast<float>(scale);
  const Lines lines = lines_across(in, out, dim);
  const int64_t n_in = in.size(dim), n_out = out.size(dim), n = std::max(n_in, n_out);
  const int64_t in_size = in.element_size(), out_size = out.element_size();
  const int64_t in_step = in.stride(dim) * in_size, out_step = out.stride(dim) * out_size;
  // A line in pieces goes through a buffer, beside its neighbours: one cache line serves several. The odd line of the
  // cache between buffered lines keeps lengths that are powers of two off the same sets.
  const bool gathers = in_step != in_size && n_in > 1, scatters = out_step != out_size && n_out > 1;
  const int64_t in_line = n_in * in_size + 64, out_line = n_out * out_size + 64;
  // At least what a cache line holds; long lines fill the buffers by themselves.
  const int64_t block = n > 16384 ? 8 : std::clamp<int64_t>(4096 / n, 1, 64) * 16;
  const int64_t widest = std::min(block, lines.row.size);
  const int64_t blocks = (lines.row.size + block - 1) / block;
  const double nanoseconds = 100. + static_cast<double>(n) * (1. + 0.4 * std::log2(static_cast<double>(n)));
  const auto grain = static_cast<int64_t>(40000. / (nanoseconds * static_cast<double>(widest)));
  parallel_for(lines.count * blocks, std::max<int64_t>(grain, 1), [&](int64_t begin, int64_t end) {
    const Scratch<char> in_buffer(gathers ? in_line * widest : 0), out_buffer(scatters ? out_line * widest : 0);
    for (int64_t at = begin; at < end; ++at) {
      const int64_t first = at % blocks * block, count = std::min(block, lines.row.size - first);
      char* from = in.bytes() + first * lines.row.in;
      char* to = out.bytes() + first * lines.row.out;
      int64_t place = at / blocks;
      for (const auto& d : lines.others) {
        from += place % d.size * d.in;
        to += place % d.size * d.out;
        place /= d.size;
      }
      if (gathers) copy_lines(in_size, in_buffer.data(), in_line, in_size, from, lines.row.in, in_step, count, n_in);
      char* data[] = {gathers ? in_buffer.data() : from,
                      in_double ? reinterpret_cast<char*>(const_cast<double*>(&factor_double))
                                : reinterpret_cast<char*>(const_cast<float*>(&factor_float)),
                      scatters ? out_buffer.data() : to};
      const intptr_t sizes[] = {count, n_in, n_out};
      const intptr_t steps[] = {gathers ? in_line : lines.row.in, 0, scatters ? out_line : lines.row.out, in_size,
                                out_size};
      loop.run(data, sizes, steps, loop.extra);
      if (scatters)
        copy_lines(out_size, to, lines.row.out, out_step, out_buffer.data(), out_line, out_size, count, n_out);
    }
  });
}

Dims transformed_dims(const Tensor& t, IntList dims) {
  Dims result;
  for (const auto d : dims) {
    const int dim = normalize_dim(d, t.dim());
    check(std::find(result.begin(), result.end(), dim) == result.end(), "FFT dims must be unique");
    check(t.size(dim) >= 1, "Invalid number of data points ({}) specified", t.size(dim));
    result.push_back(dim);
  }
  check(!result.empty() && t.dim() > 0, "fft: must transform at least one axis");
  return result;
}

/// As PyTorch lays results out: what is transformed innermost, batches in the order of the input's strides.
Tensor result_like(const Tensor& in, const Dims& sizes, IntList dims, DType dtype) {
  std::vector<int> order;
  for (int d = 0; d < in.dim(); ++d)
    if (std::find(dims.begin(), dims.end(), d) == dims.end()) order.push_back(d);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return in.stride(a) > in.stride(b); });
  order.insert(order.end(), dims.begin(), dims.end());
  Dims strides(in.dim());
  int64_t step = 1;
  for (auto d = order.rbegin(); d != order.rend(); ++d) {
    strides[*d] = step;
    step *= std::max<int64_t>(sizes[*d], 1);
  }
  return empty_strided(sizes, strides, dtype);
}

/// Transformed dimensions from the outermost in memory to the innermost, but for the last `kept`.
void sort_by_stride(Dims& dims, const Tensor& t, int kept) {
  std::stable_sort(dims.begin(), dims.end() - kept,
                   [&](int64_t a, int64_t b) { return t.stride(static_cast<int>(a)) > t.stride(static_cast<int>(b)); });
}

/// The spectrum of real lines from its first half: the rest are the conjugates of that, backwards.
void mirror(const Tensor& half, const Tensor& out, int dim) {
  const int64_t n = out.size(dim), known = half.size(dim);
  copy_elements(ops::narrow(out, dim, 0, known), half);
  if (n <= known) return;
  const auto rest = ops::narrow(out, dim, known, n - known);
  copy_elements(rest, ops::conj(ops::flip(ops::narrow(half, dim, 1, n - known), Dims{dim})));
}

void check_transformable(const Tensor& t, const char* op) {
  check(t.dtype() == DType::float32 || t.dtype() == DType::float64 || is_complex(t.dtype()), "{}: Unsupported dtype {}",
        op, scalar_type_name(t.dtype()));
}

}  // namespace

Tensor fft_r2c(const Tensor& self, IntList dims, double scale) {
  check_transformable(self, "fft_r2c");
  check(!is_complex(self.dtype()), "fft_r2c: expected a real tensor, got {}", scalar_type_name(self.dtype()));
  auto order = transformed_dims(self, dims);
  sort_by_stride(order, self, 1);
  const int last = static_cast<int>(order.back());
  const int64_t n = self.size(last);
  Dims sizes = self.sizes();
  sizes[last] = n / 2 + 1;
  const auto out = result_like(self, sizes, order, complex_type(self.dtype()));
  transform(self, out, last, n % 2 == 0 ? Kind::half_of_even : Kind::half_of_odd, scale);
  for (int i = order.size() - 2; i >= 0; --i) transform(out, out, static_cast<int>(order[i]), Kind::forward, 1.);
  return out;
}

Tensor fft_c2c(const Tensor& self, IntList dims, double scale, bool forward) {
  check_transformable(self, "fft_c2c");
  auto order = transformed_dims(self, dims);
  sort_by_stride(order, self, 0);
  const auto kind = forward ? Kind::forward : Kind::backward;
  const bool real = !is_complex(self.dtype());
  const auto out = result_like(self, self.sizes(), order, complex_type(self.dtype()));
  const int last = static_cast<int>(order.back());
  if (real) {  // half the work
    const Dims along{last};
    const auto half = fft_r2c(self, along, scale);
    mirror(forward ? half : ops::conj(half), out, last);
  } else {
    transform(self, out, last, kind, scale);
  }
  for (int i = order.size() - 2; i >= 0; --i) transform(out, out, static_cast<int>(order[i]), kind, 1.);
  return out;
}

Tensor fft_c2r(const Tensor& self, IntList dims, double scale, int64_t last_size) {
  check_transformable(self, "fft_c2r");
  check(is_complex(self.dtype()), "fft_c2r: expected a complex tensor, got {}", scalar_type_name(self.dtype()));
  check(last_size >= 1, "Invalid number of data points ({}) specified", last_size);
  auto order = transformed_dims(self, dims);
  const int last = static_cast<int>(order.back());
  check(self.size(last) == last_size / 2 + 1, "fft_c2r: expected {} points of the half spectrum, got {}",
        last_size / 2 + 1, self.size(last));
  order.resize(order.size() - 1);
  const Dims along{last};
  const auto spectrum = order.empty() ? self : fft_c2c(self, order, 1., false);
  Dims sizes = self.sizes();
  sizes[last] = last_size;
  const auto out = result_like(spectrum, sizes, along, real_type(self.dtype()));
  transform(spectrum, out, last, Kind::to_real, scale);
  return out;
}

Tensor fft_c2c_backward(const Tensor& grad, IntList dims, double scale, bool forward) {
  return ops::fft_c2c(grad, dims, scale, !forward);
}

namespace {

/// The half spectrum `t` times `inner` where a point stands for itself and its mirror image.
Tensor weigh(const Tensor& t, int64_t dim, int64_t size, double inner) {
  const int d = normalize_dim(dim, t.dim());
  const auto weights = weft::empty(Dims{t.size(d)}, real_type(t.dtype()));
  ops::fill_(weights, wrapped_number(Scalar(inner)));
  ops::fill_(ops::narrow(weights, 0, 0, 1), wrapped_number(Scalar(1.)));
  if (size % 2 == 0) ops::fill_(ops::narrow(weights, 0, t.size(d) - 1, 1), wrapped_number(Scalar(1.)));
  Dims shape(t.dim(), 1);
  shape[d] = t.size(d);
  return ops::mul(t, ops::reshape(weights, shape));
}

}  // namespace

Tensor fft_r2c_backward(const Tensor& grad, IntList sizes, IntList dims, double scale) {
  check(!dims.empty() && static_cast<int>(sizes.size()) == grad.dim(),
        "fft_r2c_backward: expected a size for every dimension");
  const int last = normalize_dim(dims.back(), grad.dim());
  const int64_t n = sizes[static_cast<std::size_t>(last)];
  return ops::fft_c2r(weigh(grad, last, n, 0.5), dims, scale, n);
}

Tensor fft_c2r_backward(const Tensor& grad, IntList dims, double scale, int64_t last_size) {
  const auto half = ops::fft_r2c(grad, dims, scale);  // which wants at least one dimension
  return weigh(half, dims.back(), last_size, 2.);
}

}  // namespace weft::ops::impl
