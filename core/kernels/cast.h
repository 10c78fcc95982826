// Conversions between all dtypes, and copies between layouts of one dtype.
#pragma once

#include "kernels/compute.h"

namespace weft::kernels {

/// Bytes of an array from which writing it past the caches pays, even if it is read next.
inline constexpr int64_t stream_from = 32 << 20;

struct CastTable {
  /// loop[from][to], as C converts: floats truncate towards zero (values an integer cannot hold give some integer),
  /// integers wrap around, complex numbers lose their imaginary part, anything but zero is true.
  InnerLoop loop[dtype_count][dtype_count];

  /// out[i] = in[i] for elements of 1, 2, 4, 8 or 16 bytes; strides in bytes, any order, at most 64 dimensions. Runs in
  /// parallel; dimensions are reordered and joined here, transposes go through tiles in registers.
  void (*copy)(void* out, const void* in, int ndim, const int64_t* sizes, const int64_t* out_strides,
               const int64_t* in_strides, int64_t element_size);

  /// Copies bytes past the caches. finish_streaming() before another thread may look.
  void (*stream)(char* to, const char* from, int64_t bytes);
  void (*finish_streaming)();
};

}  // namespace weft::kernels
