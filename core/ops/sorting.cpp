#include <algorithm>
#include <limits>
#include <vector>

#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/promotion.h"
#include "ops/row_layout.h"
#include "ops/support.h"
#include "runtime/parallel.h"

namespace weft::ops::impl {

namespace {

constexpr int64_t count_part = 1 << 16;  // numbers that bincount counts without splitting

const kernels::SortTable& table() { return kernels::table().sort; }

/// A view with dimension `from` at `to`.
Tensor moved(const Tensor& t, int from, int to) {
  Dims sizes = t.sizes(), strides = t.strides();
  for (int step = from < to ? 1 : -1; from != to; from += step) {
    std::swap(sizes[from], sizes[from + step]);
    std::swap(strides[from], strides[from + step]);
  }
  return view_of(t, sizes, strides, t.offset());
}

/// A tensor as sorting kernels take it: contiguous, in a type that has an order, around one dimension.
struct Sortable {
  Tensor x;
  int dim;
  Lines lines;
  Sortable(const Tensor& self, int64_t dim_, const char* op) : dim(normalize_dim(dim_, self.dim())) {
    check_implemented(!is_complex(self.dtype()), op, self.dtype());
    x = packed_as(self, ordered_work(self.dtype()));
    lines = lines_of(x, dim);
  }
  int at() const noexcept { return ordered_index(x.dtype()); }
  int64_t count() const noexcept { return lines.outer * lines.inner; }
  /// x with its lines side by side: reading a column at a time would miss the caches.
  Tensor packed_lines() const { return lines.inner == 1 ? x : packed(moved(x, dim, x.dim() - 1)); }
  /// What has lines of the same order, as x has them.
  Tensor restored(const Tensor& t) const { return lines.inner == 1 ? t : packed(moved(t, t.dim() - 1, dim)); }
  /// The shape of so many results for each line, side by side.
  Dims packed_shape(int64_t results) const {
    Dims shape = x.sizes();
    if (shape.empty()) return shape;
    if (lines.inner != 1) {
      shape.erase(dim);
      shape.push_back(results);
    } else {
      shape[dim] = results;
    }
    return shape;
  }
};

Dims without(const Dims& sizes, int dim, bool keepdim) {
  Dims shape = sizes;
  if (sizes.empty()) return shape;
  if (keepdim)
    shape[dim] = 1;
  else
    shape.erase(dim);
  return shape;
}

/// The k-th value (k from 0) of every line.
std::tuple<Tensor, Tensor> pick(const Tensor& self, int64_t dim, bool keepdim, const char* op, int64_t k,
                                bool nan_first) {
  const Sortable s(self, dim, op);
  const Dims shape = without(self.sizes(), s.dim, keepdim);
  const Tensor values = weft::empty(shape, s.x.dtype()), indices = weft::empty(shape, DType::int64);
  if (values.numel() > 0)
    table().kth[s.at()](s.packed_lines().bytes(), s.count(), s.lines.n, k, nan_first, values.bytes(),
                        indices.data<int64_t>());
  return {finished(values, self.dtype()), indices};
}

void check_has_elements(const Sortable& s, const char* op) {
  check_index(s.lines.n > 0, "{}(): Expected reduction dim {} to have non-zero size.", op, s.dim);
}

std::tuple<Tensor, Tensor, Tensor> distinct(const Tensor& self, bool return_inverse, bool return_counts,
                                            int64_t (*const (&kernels)[3])(const void*, int64_t, void*, int64_t*,
                                                                           int64_t*)) {
  check_implemented(!is_complex(self.dtype()), "unique", self.dtype());
  const Tensor x = packed_as(self, ordered_work(self.dtype()));
  const int64_t n = x.numel();
  const Tensor values = weft::empty(Dims{n}, x.dtype()),
               counts = weft::empty(Dims{return_counts ? n : 0}, DType::int64);
  const Tensor inverse = return_inverse ? weft::empty(self.sizes(), DType::int64) : weft::empty(Dims{0}, DType::int64);
  const int64_t found = n == 0 ? 0
                               : kernels[ordered_index(x.dtype())](x.bytes(), n, values.bytes(),
                                                                   return_inverse ? inverse.data<int64_t>() : nullptr,
                                                                   return_counts ? counts.data<int64_t>() : nullptr);
  const auto head = [&](const Tensor& t) { return clone_detached(view_of(t, Dims{found}, Dims{1}, 0)); };
  return {finished(head(values), self.dtype()), inverse, return_counts ? head(counts) : counts};
}

}  // namespace

std::tuple<Tensor, Tensor> sort(const Tensor& self, int64_t dim, bool descending, bool) {
  const Sortable s(self, dim, "sort");
  const Dims shape = s.packed_shape(s.lines.n);
  const Tensor values = weft::empty(shape, s.x.dtype()), indices = weft::empty(shape, DType::int64);
  if (values.numel() > 0)
    table().sort[s.at()](s.packed_lines().bytes(), s.count(), s.lines.n, descending, values.bytes(),
                         indices.data<int64_t>());
  return {finished(s.restored(values), self.dtype()), s.restored(indices)};
}

Tensor argsort(const Tensor& self, int64_t dim, bool descending, bool) {
  const Sortable s(self, dim, "argsort");
  const Tensor indices = weft::empty(s.packed_shape(s.lines.n), DType::int64);
  if (indices.numel() > 0)
    table().sort[s.at()](s.packed_lines().bytes(), s.count(), s.lines.n, descending, nullptr, indices.data<int64_t>());
  return s.restored(indices);
}

Tensor msort(const Tensor& self) { return std::get<0>(ops::sort(self, 0, false, false)); }

std::tuple<Tensor, Tensor> topk(const Tensor& self, int64_t k, int64_t dim, bool largest, bool) {
  const Sortable s(self, dim, "topk");
  check(k >= 0 && k <= s.lines.n, "selected index k out of range");
  const Dims shape = s.packed_shape(k);
  const Tensor values = weft::empty(shape, s.x.dtype()), indices = weft::empty(shape, DType::int64);
  if (values.numel() > 0)
    table().topk[s.at()](s.packed_lines().bytes(), s.count(), s.lines.n, k, largest, values.bytes(),
                         indices.data<int64_t>());
  return {finished(s.restored(values), self.dtype()), s.restored(indices)};
}

std::tuple<Tensor, Tensor> kthvalue(const Tensor& self, int64_t k, int64_t dim, bool keepdim) {
  const Sortable s(self, dim, "kthvalue");
  check_has_elements(s, "kthvalue");
  check(k >= 1 && k <= s.lines.n, "kthvalue(): selected number k out of range for dimension {}", s.dim);
  return pick(s.x.dtype() == self.dtype() ? s.x : self, dim, keepdim, "kthvalue", k - 1, false);
}

std::tuple<Tensor, Tensor> median_dim(const Tensor& self, int64_t dim, bool keepdim) {
  check_implemented(self.dtype() != DType::boolean, "median", self.dtype());
  const Sortable s(self, dim, "median");
  check_has_elements(s, "median");
  return pick(self, dim, keepdim, "median", (s.lines.n - 1) / 2, true);
}

Tensor median(const Tensor& self) {
  if (self.numel() == 0) {
    if (is_floating(self.dtype()))
      return ops::add(ops::sum(self), wrapped_number(Scalar(std::numeric_limits<double>::quiet_NaN())));
    return weft::scalar_tensor(Scalar(std::numeric_limits<int64_t>::min()), self.dtype());
  }
  return std::get<0>(ops::median_dim(ops::reshape(self, Dims{self.numel()}), 0, false));
}

std::tuple<Tensor, Tensor> nanmedian_dim(const Tensor& self, int64_t dim, bool keepdim) {
  check_implemented(self.dtype() != DType::boolean, "nanmedian", self.dtype());
  const Sortable s(self, dim, "nanmedian");
  check_has_elements(s, "nanmedian");
  // NaN sorts last, so the median of the rest stands at a place of the sorted line that the rest's number gives.
  const auto [sorted, order] = impl::sort(s.x, s.dim, false, true);
  const Dims shape = without(self.sizes(), s.dim, keepdim);
  const Tensor values = weft::empty(shape, s.x.dtype()), indices = weft::empty(shape, DType::int64);
  const auto choose = [&]<class T>(const T* line_values) {
    for (int64_t l = 0; l < values.numel(); ++l) {
      const int64_t first = l / s.lines.inner * s.lines.n * s.lines.inner + l % s.lines.inner;
      int64_t valid = 0;
      for (int64_t i = 0; i < s.lines.n; ++i) {
        const T v = line_values[first + i * s.lines.inner];
        valid += v == v;
      }
      const int64_t from = first + (valid == 0 ? 0 : (valid - 1) / 2) * s.lines.inner;
      values.data<T>()[l] = line_values[from];
      indices.data<int64_t>()[l] = order.template data<int64_t>()[from];
    }
  };
  if (s.at() == 0)
    choose(sorted.data<float>());
  else if (s.at() == 1)
    choose(sorted.data<double>());
  else
    choose(sorted.data<int64_t>());
  return {finished(values, self.dtype()), indices};
}

Tensor nanmedian(const Tensor& self) {
  if (self.numel() == 0) return ops::median(self);
  return std::get<0>(ops::nanmedian_dim(ops::reshape(self, Dims{self.numel()}), 0, false));
}

std::tuple<Tensor, Tensor> mode(const Tensor& self, int64_t dim, bool keepdim) {
  const Sortable s(self, dim, "mode");
  check_has_elements(s, "mode");
  const auto [sorted, order] = impl::sort(s.x, s.dim, false, true);
  const Dims shape = without(self.sizes(), s.dim, keepdim);
  const Tensor values = weft::empty(shape, s.x.dtype()), indices = weft::empty(shape, DType::int64);
  const auto choose = [&]<class T>(const T* line_values) {
    for (int64_t l = 0; l < values.numel(); ++l) {
      const int64_t first = l / s.lines.inner * s.lines.n * s.lines.inner + l % s.lines.inner;
      int64_t best_length = 0, best_end = first, start = 0;
      for (int64_t i = 1; i <= s.lines.n; ++i) {
        const int64_t at = first + i * s.lines.inner;
        if (i < s.lines.n && line_values[at] == line_values[at - s.lines.inner]) continue;
        if (i - start > best_length) {
          best_length = i - start;
          best_end = at - s.lines.inner;
        }
        start = i;
      }
      values.data<T>()[l] = line_values[best_end];
      indices.data<int64_t>()[l] = order.template data<int64_t>()[best_end];
    }
  };
  if (s.at() == 0)
    choose(sorted.data<float>());
  else if (s.at() == 1)
    choose(sorted.data<double>());
  else
    choose(sorted.data<int64_t>());
  return {finished(values, self.dtype()), indices};
}

Tensor value_selecting_backward(const Tensor& grad, IntList sizes, int64_t dim, const Tensor& indices) {
  const Tensor zero = ops::zeros(sizes, grad.dtype());
  if (sizes.empty()) return ops::add(zero, grad);
  return ops::scatter_src(zero, dim, indices, grad);
}

Tensor selected_backward(const Tensor& grad, IntList sizes, int64_t dim, bool keepdim, const Tensor& indices) {
  if (keepdim || sizes.empty()) return value_selecting_backward(grad, sizes, dim, indices);
  const int d = normalize_dim(dim, static_cast<int>(sizes.size()));
  return value_selecting_backward(ops::unsqueeze(grad, d), sizes, d, ops::unsqueeze(indices, d));
}

std::tuple<Tensor, Tensor, Tensor> unique_values(const Tensor& self, bool return_inverse, bool return_counts) {
  return distinct(self, return_inverse, return_counts, table().unique);
}
std::tuple<Tensor, Tensor, Tensor> unique_runs(const Tensor& self, bool return_inverse, bool return_counts) {
  return distinct(self, return_inverse, return_counts, table().unique_consecutive);
}

std::tuple<Tensor, Tensor, Tensor> unique_slices(const Tensor& self, int64_t dim, bool consecutive) {
  const int d = normalize_dim(dim, self.dim());
  check(self.dim() > 0, "unique: expected a tensor with dimensions");
  const Tensor rows = packed_as(moved(self, d, 0), ordered_work(self.dtype()));
  const int64_t n = rows.sizes()[0], length = n == 0 ? 0 : rows.numel() / n;
  check(n == 0 || length > 0, "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied");
  std::vector<int64_t> order(static_cast<std::size_t>(n)), first;
  for (int64_t i = 0; i < n; ++i) order[static_cast<std::size_t>(i)] = i;
  const Tensor inverse = weft::empty(Dims{n}, DType::int64);
  std::vector<int64_t> lengths;
  const auto group = [&]<class T>(const T* data) {
    const auto row = [&](int64_t i) { return data + i * length; };
    if (!consecutive)
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return std::lexicographical_compare(row(a), row(a) + length, row(b), row(b) + length);
      });
    for (const auto i : order) {
      if (first.empty() || !std::equal(row(i), row(i) + length, row(first.back()))) {
        first.push_back(i);
        lengths.push_back(0);
      }
      ++lengths.back();
      inverse.data<int64_t>()[i] = static_cast<int64_t>(first.size()) - 1;
    }
  };
  if (ordered_index(rows.dtype()) == 0)
    group(rows.data<float>());
  else if (ordered_index(rows.dtype()) == 1)
    group(rows.data<double>());
  else
    group(rows.data<int64_t>());
  const auto found = static_cast<int64_t>(first.size());
  const Tensor chosen = weft::empty(Dims{found}, DType::int64), counts = weft::empty(Dims{found}, DType::int64);
  std::copy(first.begin(), first.end(), chosen.data<int64_t>());
  std::copy(lengths.begin(), lengths.end(), counts.data<int64_t>());
  const Tensor slices = impl::index_select(packed(ops::movedim(self, Dims{d}, Dims{0})), 0, chosen);
  return {ops::movedim(slices, Dims{0}, Dims{d}), inverse, counts};
}

Tensor searchsorted(const Tensor& sorted_sequence, const Tensor& self, bool out_int32, bool right,
                    std::optional<std::string_view> side, const Tensor& sorter) {
  if (side) {
    check(*side == "left" || *side == "right", "torch.searchsorted(): side can only be 'left' or 'right' but got {}",
          *side);
    check(!(right && *side == "left"),
          "torch.searchsorted(): side and right can't be set to opposites, got side of left "
          "while right was True");
    right = *side == "right";
  }
  check(sorted_sequence.dim() > 0,
        "torch.searchsorted(): input value can be a scalar only when boundaries tensor dimension is 1");
  const bool shared = sorted_sequence.dim() == 1;
  if (!shared) {
    bool fits = self.dim() == sorted_sequence.dim();
    for (int d = 0; fits && d + 1 < self.dim(); ++d) fits = self.sizes()[d] == sorted_sequence.sizes()[d];
    check(fits,
          "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
          "tensor and input value tensor must match, but we got boundaries tensor {} and input value tensor {}",
          sorted_sequence.sizes(), self.sizes());
  }
  check(!sorter.defined() || sorter.sizes() == sorted_sequence.sizes(),
        "torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor {} and got sorter "
        "tensor {}",
        sorted_sequence.sizes(), sorter.defined() ? sorter.sizes() : Dims());
  check(!sorter.defined() || sorter.dtype() == DType::int64,
        "torch.searchsorted(): sorter must be a tensor of long dtype but got dtype {}",
        sorter.defined() ? scalar_type_name(sorter.dtype()) : "");
  const DType work = ordered_work(result_type({&sorted_sequence, &self}));
  const Tensor rows = packed_as(sorted_sequence, work), values = packed_as(self, work);
  const Tensor order = sorter.defined() ? packed(sorter) : sorter;
  const Tensor out = weft::empty(self.sizes(), DType::int64);
  const int64_t n = rows.sizes()[rows.dim() - 1], m = shared ? values.numel() : values.sizes()[values.dim() - 1];
  if (order.defined())
    for (int64_t i = 0; i < order.numel(); ++i)
      check(order.data<int64_t>()[i] >= 0 && order.data<int64_t>()[i] < n,
            "torch.searchsorted(): sorter index out of range");
  if (out.numel() > 0)
    table().searchsorted[ordered_index(work)](rows.bytes(), order.defined() ? order.data<int64_t>() : nullptr,
                                              values.bytes(), values.numel() / m, n, m, shared, right,
                                              out.data<int64_t>());
  return out_int32 ? converted(out, DType::int32) : out;
}

Tensor bucketize(const Tensor& self, const Tensor& boundaries, bool out_int32, bool right) {
  check(boundaries.dim() == 1, "boundaries tensor must be 1 dimension, but got dim({})", boundaries.dim());
  return searchsorted(boundaries, self, out_int32, right, std::nullopt, Tensor());
}

namespace {

/// How often each of [0, bins) is among n numbers: in parts, each with counts of its own. Few bins are counted four
/// times over: neighbours that are equal would wait for each other's count.
Tensor counted(const int64_t* at, int64_t n, int64_t bins) {
  const int64_t parts = std::clamp<int64_t>(n / std::max(count_part, 4 * bins), 1, 64);
  const int64_t copies = bins <= 4096 && n >= 4 * bins ? 4 : 1;
  const Tensor counts = weft::empty(Dims{parts * copies, bins}, DType::int64);
  zero_(counts);
  parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      int64_t* const count = counts.data<int64_t>() + part * copies * bins;
      const int64_t last = n * (part + 1) / parts;
      for (int64_t i = n * part / parts; i < last; ++i) ++count[(i & (copies - 1)) * bins + at[i]];
    }
  });
  return ops::sum_dim(counts, Dims{0});
}

}  // namespace

Tensor bincount(const Tensor& self, const Tensor& weights, int64_t minlength) {
  check(is_integral(self.dtype()) && self.dtype() != DType::boolean && self.dim() == 1,
        "bincount only supports 1-d non-negative integral inputs.");
  check(minlength >= 0, "minlength should be >= 0");
  check(!weights.defined() || weights.sizes() == self.sizes(),
        "weights should be 1-d and have the same length as input");
  const Tensor index = packed_as(self, DType::int64);
  const int64_t* const at = index.data<int64_t>();
  const int64_t n = index.numel();
  check(n == 0 || *ops::amin(index).data<int64_t>() >= 0, "bincount only supports 1-d non-negative integral inputs.");
  const int64_t bins = std::max(minlength, n == 0 ? 0 : *ops::amax(index).data<int64_t>() + 1);
  if (!weights.defined()) return counted(at, n, bins);
  const DType type = weights.dtype() == DType::float32 ? DType::float32 : DType::float64;
  const Tensor sums = weft::empty(Dims{bins}, DType::float64), w = packed_as(weights, DType::float64);
  zero_(sums);
  for (int64_t i = 0; i < n; ++i) sums.data<double>()[at[i]] += w.data<double>()[i];
  return finished(sums, type);
}

}  // namespace weft::ops::impl
