// Reductions over any set of dimensions of a strided array, and the search for the place of an extreme.
//
// Accuracy: floating sums are pairwise over blocks, error about log2(n) ulp. Maximum and minimum give NaN when there is
// one. Results are the same at any thread count: how the work is split follows from the shape alone. Reductions of
// nothing give their identity (0, 1, false, true, NaN for mean and variance); the op layer refuses those without one.
#pragma once

#include "kernels/compute.h"

namespace weft::kernels {

/// At most 64 dimensions, in any order; strides in bytes, those of the output 0 on reduced dimensions.
struct ReduceShape {
  static constexpr int max_dims = 64;
  int ndim;
  int64_t sizes[max_dims], in_strides[max_dims], out_strides[max_dims];
};

/// Reads `in` of the compute type that indexes the table, writes `out`.
using ReduceKernel = void (*)(const ReduceShape& shape, const void* in, void* out, const Param* params);

/// Elements that a pointwise loop makes of contiguous arrays of the result's type, and that are stored nowhere.
struct Computed {
  static constexpr int max_arrays = 4;
  Param divisor;  ///< of their sum
  InnerLoop loop;
  const Param* params;
  int arrays;
  const char* in[max_arrays];
};

struct ReduceTable {
  // Compute::b8 counts into int64 in sum and prod; max and min are `or` and `and` there.
  ReduceKernel sum[compute_count];
  ReduceKernel prod[compute_count];
  ReduceKernel max[compute_count];
  ReduceKernel min[compute_count];
  // To bool.
  ReduceKernel any[compute_count];
  ReduceKernel all[compute_count];
  // To int64.
  ReduceKernel count_nonzero[compute_count];

  // Of bfloat16, to f32.
  ReduceKernel sum_bfloat16;
  ReduceKernel mean_bfloat16;  ///< params as mean's

  // f32 and f64.
  ReduceKernel mean[2];         ///< params[0]: the number of elements
  ReduceKernel norm_1[2];       ///< sum |x|
  ReduceKernel norm_2[2];       ///< sqrt(sum x^2)
  ReduceKernel norm_max[2];     ///< max |x|
  ReduceKernel norm_min[2];     ///< min |x|
  ReduceKernel norm_p[2];       ///< (sum |x|^p)^(1/p), p = params[0]
  ReduceKernel sum_squares[2];  ///< sum x^2

  /// The sum of n computed elements, divided: the same bits as `mean` of them in an array.
  void (*sum_computed[2])(const Computed& elements, int64_t n, void* out);

  /// Variance over n elements, divided by max(0, n - params[0]); its square root when params[1].i. `mean` may be null;
  /// it has the output's strides.
  void (*var[2])(const ReduceShape& shape, const void* in, void* var, void* mean, const Param* params);

  /// The first place of the largest or smallest element (NaN counts as both) along the reduced dimensions, taken in
  /// the order given, last fastest; int64. `values` may be null, else the elements themselves; `out_strides` are those
  /// of an int64 array for `indices`, and the values lie at the same positions of an array of the input's type.
  void (*arg_max[compute_count])(const ReduceShape& shape, const void* in, void* values, int64_t* indices);
  void (*arg_min[compute_count])(const ReduceShape& shape, const void* in, void* values, int64_t* indices);
};

}  // namespace weft::kernels
