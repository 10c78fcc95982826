// Conversions between all dtypes, and copies between layouts of one dtype.
#pragma once

#include "kernels/compute.h"

namespace weft::kernels {

struct CastTable {
  /// loop[from][to], as C converts: floats truncate towards zero (values an integer cannot hold give some integer),
  /// integers wrap around, complex numbers lose their imaginary part, anything but zero is true.
  InnerLoop loop[dtype_count][dtype_count];

  /// out[i] = in[i] for elements of 1, 2, 4, 8 or 16 bytes; strides in bytes, any order, at most 64 dimensions. Runs in
  /// parallel; dimensions are reordered and joined here, transposes go through tiles in registers.
  void (*copy)(void* out, const void* in, int ndim, const int64_t* sizes, const int64_t* out_strides,
               const int64_t* in_strides, int64_t element_size);
};

}  // namespace weft::kernels
