// Max and average pooling over one to three spatial axes, and their gradients.
#pragma once

#include <cstdint>

#include "kernels/compute.h"

namespace weft::kernels {

/// All tensors are dense, in one layout: batch, channel, depth, height, width, or with the channels last. Fewer spatial
/// axes: sizes and kernel 1, stride 1, padding 0, dilation 1 in the leading ones. Windows may hang over either end;
/// what they find outside counts as -infinity (max) or zero (average).
struct PoolArgs {
  int64_t batch = 1, channels = 1;
  bool channels_last = false;
  int64_t in_size[3] = {1, 1, 1}, out_size[3] = {1, 1, 1};
  int64_t kernel[3] = {1, 1, 1}, stride[3] = {1, 1, 1}, padding[3] = {0, 0, 0}, dilation[3] = {1, 1, 1};
  /// Read by the forward functions, written by the gradients (which then read `output`).
  void* input = nullptr;
  void* output = nullptr;
  /// Max only: where in its plane of in_size each maximum lies, depth * height * width flat. Laid out like output.
  int64_t* indices = nullptr;
  bool* outside = nullptr;  ///< set where an index that is read is no element of the input's plane
  /// Average only: whether the divisor counts padding, or what it is instead when that is not zero.
  bool count_include_pad = true;
  int64_t divisor_override = 0;
  /// Average only: window o is [floor(o in / out), ceil((o + 1) in / out)); kernel, stride, padding are not read.
  bool adaptive = false;
};

/// Null where a type is missing: max has f32, f64 and i64, the rest f32 and f64.
struct PoolTable {
  using Function = void (*)(const PoolArgs& args);
  /// output, indices = the maximum of each window, the first of equals. NaN wins, the last one.
  Function max[compute_count];
  /// input = output's values added up at their indices, zero elsewhere.
  Function max_backward[compute_count];
  /// output = the input at indices: the derivative of `max` along a direction.
  Function max_gather[compute_count];
  Function average[compute_count];
  Function average_backward[compute_count];
};

namespace WEFT_ISA_NAMESPACE {
void fill(PoolTable& table);
}  // namespace WEFT_ISA_NAMESPACE

}  // namespace weft::kernels
