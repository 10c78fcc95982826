// How a reduction walks its array: dimensions ordered by stride and joined, split into those kept and those reduced.
#pragma once

#include "kernels/reduce.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

/// Some dimensions of an array, innermost first.
struct Walk {
  int ndim = 0;
  int64_t count = 1;
  int64_t sizes[ReduceShape::max_dims], in[ReduceShape::max_dims], out[ReduceShape::max_dims];

  void add(int64_t size, int64_t in_stride, int64_t out_stride) {
    const int last = ndim - 1;
    count *= size;
    if (size == 1) return;
    if (ndim > 0 && in_stride == in[last] * sizes[last] && out_stride == out[last] * sizes[last]) {
      sizes[last] *= size;
      return;
    }
    sizes[ndim] = size;
    in[ndim] = in_stride;
    out[ndim++] = out_stride;
  }
  struct Dim {
    int64_t size, in, out;
  };
  /// Takes the innermost dimension off, or one of size 1.
  Dim take_inner() {
    if (ndim == 0) return {1, 0, 0};
    const Dim taken{sizes[0], in[0], out[0]};
    count /= taken.size;
    --ndim;
    for (int d = 0; d < ndim; ++d) {
      sizes[d] = sizes[d + 1];
      in[d] = in[d + 1];
      out[d] = out[d + 1];
    }
    return taken;
  }
};

/// A position in a Walk, moved on one element at a time.
struct Cursor {
  const Walk& walk;
  int64_t in = 0, out = 0;
  int64_t index[ReduceShape::max_dims];

  [[gnu::noinline]] Cursor(const Walk& over, int64_t position) : walk(over) {
    for (int d = 0; d < walk.ndim; ++d) {
      index[d] = position % walk.sizes[d];
      position /= walk.sizes[d];
      in += index[d] * walk.in[d];
      out += index[d] * walk.out[d];
    }
  }
  [[gnu::always_inline]] void next() {
    for (int d = 0; d < walk.ndim; ++d) {
      in += walk.in[d];
      out += walk.out[d];
      if (++index[d] < walk.sizes[d]) return;
      in -= walk.sizes[d] * walk.in[d];
      out -= walk.sizes[d] * walk.out[d];
      index[d] = 0;
    }
  }
};

/// The kept and the reduced dimensions, each ordered by the input's strides.
struct Split {
  Walk kept, reduced;

  [[gnu::noinline]] explicit Split(const ReduceShape& shape) {
    int order[ReduceShape::max_dims];
    for (int d = 0; d < shape.ndim; ++d) {
      const int dim = shape.ndim - 1 - d;
      int at = d;
      for (; at > 0 && magnitude(shape.in_strides[dim]) < magnitude(shape.in_strides[order[at - 1]]); --at)
        order[at] = order[at - 1];
      order[at] = dim;
    }
    for (int i = 0; i < shape.ndim; ++i) {
      const int d = order[i];
      // A dimension of size 1 is neither: its strides mean nothing.
      const bool is_kept = shape.out_strides[d] != 0 || shape.sizes[d] == 1;
      (is_kept ? kept : reduced).add(shape.sizes[d], shape.in_strides[d], shape.out_strides[d]);
    }
  }
  /// Whether neighbours in memory belong to different outputs.
  bool by_columns() const {
    if (kept.ndim == 0) return false;
    return reduced.ndim == 0 || magnitude(kept.in[0]) < magnitude(reduced.in[0]);
  }

 private:
  static int64_t magnitude(int64_t stride) { return stride < 0 ? -stride : stride; }
};

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
