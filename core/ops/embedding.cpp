#include <algorithm>

#include "autograd/grad_mode.h"
#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/row_layout.h"
#include "ops/support.h"
#include "runtime/parallel.h"

namespace weft::ops::impl {

namespace {

Tensor flat_index(const Tensor& indices) { return packed_as(indices, DType::int64); }

}  // namespace

Tensor one_hot(const Tensor& self, int64_t num_classes) {
  check(self.dtype() == DType::int64, "one_hot is only applicable to index tensor of type LongTensor.");
  const Tensor index = packed(self);
  const int64_t* const values = index.data<int64_t>();
  const int64_t n = index.numel();
  check(n > 0 || num_classes > 0, "Can not infer total number of classes from empty tensor.");
  int64_t least = 0, largest = -1;
  for (int64_t i = 0; i < n; ++i) {
    least = std::min(least, values[i]);
    largest = std::max(largest, values[i]);
  }
  check(least >= 0, "Class values must be non-negative.");
  check(num_classes == -1 || num_classes > 0, "num_classes should be positive");
  check(num_classes == -1 || largest < num_classes, "Class values must be smaller than num_classes.");
  const int64_t classes = num_classes == -1 ? largest + 1 : num_classes;
  Dims shape = self.sizes();
  shape.push_back(classes);
  const Tensor out = weft::empty(shape, DType::int64);
  int64_t* const to = out.data<int64_t>();
  parallel_for(n, std::max<int64_t>(1, 4096 / classes), [&](int64_t begin, int64_t end) {
    std::fill(to + begin * classes, to + end * classes, 0);
    for (int64_t i = begin; i < end; ++i) {
      // Another thread may write the classes meanwhile.
      if (values[i] >= 0 && values[i] < classes) to[i * classes + values[i]] = 1;
    }
  });
  return out;
}

Tensor embedding(const Tensor& indices, const Tensor& weight, int64_t, bool, bool) {
  check(indices.dtype() == DType::int64 || indices.dtype() == DType::int32,
        "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got {} "
        "instead",
        scalar_type_name(indices.dtype()));
  check(weight.dim() == 2, "'weight' must be 2-D, got {} dimensions", weight.dim());
  const Tensor index = flat_index(indices), rows = packed(weight);
  Dims shape = indices.sizes();
  shape.push_back(weight.sizes()[1]);
  const Tensor out = weft::empty(shape, weight.dtype());
  if (index.numel() == 0) return out;
  const int64_t bad =
      kernels::table().index.index_select(rows.bytes(), {1, rows.sizes()[0], rows.sizes()[1] * rows.element_size()},
                                          index.data<int64_t>(), index.numel(), out.bytes());
  check_index(bad < 0, "index out of range in self");
  return out;
}

Tensor embedding_bag_rows(const Tensor& indices, const Tensor& weight, bool mean) {
  check_floating(weight, "embedding_bag");
  check(indices.dim() == 2 && weight.dim() == 2,
        "embedding_bag: expected indices (B, N) and weight (V, D), got {} and {}", indices.sizes(), weight.sizes());
  const DType work = float_work(weight.dtype());
  const Tensor index = flat_index(indices), rows = packed_as(weight, work);
  const int64_t bags = indices.sizes()[0], length = indices.sizes()[1], inner = weight.sizes()[1];
  const Tensor out = weft::empty(Dims{bags, inner}, work);
  const kernels::Param divisor{mean ? static_cast<double>(length) : 1.0, 1, 0};
  const int64_t bad = kernels::table().index.sum_bags[float_index(work)](
      rows.bytes(), weight.sizes()[0], inner, index.data<int64_t>(), bags, length, divisor, out.bytes());
  check_index(bad < 0, "index out of range in self");
  return finished(out, weight.dtype());
}

Tensor embedding_bag_rows_backward(const Tensor& grad, const Tensor& indices, IntList sizes, bool mean) {
  Dims shape = indices.sizes();
  shape.push_back(sizes[1]);
  const Tensor each = mean ? ops::div(grad, wrapped_number(Scalar(static_cast<double>(indices.sizes()[1])))) : grad;
  return ops::embedding_backward(ops::expand(ops::unsqueeze(each, 1), shape), indices, sizes, -1, false);
}

namespace {

/// How often each row was looked up, as seen from each index.
Tensor frequencies(const Tensor& index, int64_t rows, DType dtype) {
  const Tensor counts = weft::empty(Dims{rows}, DType::int64), seen = weft::empty(Dims{index.numel()}, DType::int64);
  zero_(counts);
  const int64_t* const at = index.data<int64_t>();
  for (int64_t i = 0; i < index.numel(); ++i) ++counts.data<int64_t>()[at[i]];
  for (int64_t i = 0; i < index.numel(); ++i) seen.data<int64_t>()[i] = counts.data<int64_t>()[at[i]];
  return converted(seen, dtype);
}

}  // namespace

Tensor embedding_backward(const Tensor& grad, const Tensor& indices, IntList sizes, int64_t padding_idx,
                          bool scale_grad_by_freq) {
  const Tensor index = flat_index(indices);
  const DType work = float_work(grad.dtype());
  check(sizes.size() == 2 && sizes[0] >= 0 && sizes[1] >= 0 && grad.numel() == index.numel() * sizes[1],
        "embedding_backward: expected a gradient of a row of weight {} for each of {} indices, got {}", Dims(sizes),
        index.numel(), grad.sizes());
  const int64_t* const at = index.data<int64_t>();
  check_index(std::all_of(at, at + index.numel(), [&](int64_t i) { return i >= 0 && i < sizes[0]; }),
              "embedding_backward: expected indices below {}, got others", sizes[0]);
  const Tensor dw = weft::empty(sizes, work);
  zero_(dw);
  if (index.numel() == 0 || dw.numel() == 0) return finished(dw, grad.dtype());
  Tensor g = packed_as(grad, work);
  if (scale_grad_by_freq) {
    const Tensor counts = frequencies(index, sizes[0], work);
    g = packed(ops::div(ops::reshape(g, Dims{index.numel(), sizes[1]}), ops::reshape(counts, Dims{index.numel(), 1})));
  }
  kernels::table().index.index_add[float_index(work)](dw.bytes(), {1, sizes[0], sizes[1]}, index.data<int64_t>(),
                                                      index.numel(), padding_idx, g.bytes(), {1.0, 1});
  return finished(dw, grad.dtype());
}

Tensor embedding_backward_backward(const Tensor& grad, const Tensor& indices, int64_t padding_idx,
                                   bool scale_grad_by_freq) {
  const Tensor rows = ops::embedding(indices, grad, padding_idx, scale_grad_by_freq, false);
  if (padding_idx < 0 && !scale_grad_by_freq) return rows;
  const Tensor factor = [&] {
    const GradModeScope no_grad(false);
    const Tensor index = flat_index(indices);
    const Tensor f = ops::full(Dims{index.numel()}, Scalar(1.0), DType::float64);
    if (scale_grad_by_freq) copy_elements(f, ops::div(f, frequencies(index, grad.sizes()[0], DType::float64)));
    for (int64_t i = 0; i < index.numel(); ++i)
      if (index.data<int64_t>()[i] == padding_idx) f.data<double>()[i] = 0;
    Dims shape = indices.sizes();
    shape.push_back(1);
    return ops::reshape(converted(f, grad.dtype()), shape);
  }();
  return ops::mul(rows, factor);
}

}  // namespace weft::ops::impl
