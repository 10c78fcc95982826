// Normalisations: layer, RMS, batch and group, forward and backward.
//
// Pointers are to contiguous float (index Compute::f32) or double (Compute::f64). A null weight means ones, a null bias
// zeros; a null output of a backward kernel is not computed. Means are two-pass or shifted, so a large offset of the
// data costs no accuracy: relative error of a variance is below (8 + n / 2^16) ulp for finite data.
#pragma once

#include "kernels/compute.h"

namespace weft::kernels {

/// [batch, channels, inner]. Channels-last memory is batch = N*H*W, inner = 1.
struct ChannelShape {
  int64_t batch, channels, inner;
};

struct NormTable {
  /// y = (x - mean) * rstd * weight + bias over rows of n. With a null mean: RMS norm, y = x * rstd * weight + bias.
  void (*layer[2])(const void* x, const void* weight, const void* bias, double eps, int64_t rows, int64_t n, void* y,
                   void* mean, void* rstd);
  void (*layer_backward[2])(const void* g, const void* x, const void* weight, const void* mean, const void* rstd,
                            int64_t rows, int64_t n, void* dx, void* dweight, void* dbias);

  /// Training: normalises by the batch's own mean and biased variance, which it saves as mean and invstd, and moves
  /// the running statistics (unless null) towards mean and unbiased variance by `momentum`.
  void (*batch[2])(const void* x, const void* weight, const void* bias, void* running_mean, void* running_var,
                   double momentum, double eps, ChannelShape shape, void* y, void* mean, void* invstd);
  /// y = (x - mean) * invstd * weight + bias with given statistics.
  void (*batch_eval[2])(const void* x, const void* weight, const void* bias, const void* mean, const void* invstd,
                        ChannelShape shape, void* y);
  /// `train` tells whether mean and invstd came from x.
  void (*batch_backward[2])(const void* g, const void* x, const void* weight, const void* mean, const void* invstd,
                            ChannelShape shape, bool train, void* dx, void* dweight, void* dbias);

  /// Group norm over `groups` runs of channels of each image; mean and rstd have batch * groups elements.
  void (*group[2])(const void* x, const void* weight, const void* bias, double eps, ChannelShape shape, int64_t groups,
                   void* y, void* mean, void* rstd);
  void (*group_backward[2])(const void* g, const void* x, const void* weight, const void* mean, const void* rstd,
                            ChannelShape shape, int64_t groups, void* dx, void* dweight, void* dbias);
};

}  // namespace weft::kernels
