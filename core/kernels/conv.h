// Convolutions over one to three spatial axes, and their gradients.
#pragma once

#include <cstdint>

#include "kernels/compute.h"

namespace weft::kernels {

/// Five axes: batch, channel, depth, height, width (weights: output channel, input channel of the group, depth, height,
/// width). Strides count elements; consecutive widths or consecutive channels are the fast layouts.
struct ConvTensor {
  void* data = nullptr;
  int64_t stride[5] = {};
};

/// Fewer spatial axes: size 1, kernel 1, stride 1, padding 0, dilation 1 in the leading ones. For every axis
/// out_size = floor((in_size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1, except that the gradient for the
/// input may have up to stride - 1 more input elements than that needs (output_padding of a transposed convolution),
/// and the other functions may leave some unread.
struct ConvArgs {
  int64_t batch = 1, groups = 1;
  int64_t in_channels = 1, out_channels = 1;
  int64_t in_size[3] = {1, 1, 1}, out_size[3] = {1, 1, 1}, kernel[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1}, padding[3] = {0, 0, 0}, dilation[3] = {1, 1, 1};
  ConvTensor input, weight, output;
  /// One value per channel of what is written, or null. Not for backward_weight.
  const void* bias = nullptr;
  bool relu = false;
  bool winograd = true;  ///< float32 may take fewer products than there are terms (conv_winograd.cpp)
};

/// f32 and f64; the others are null. The same bits come out at any thread count.
struct ConvTable {
  using Function = void (*)(const ConvArgs& args);
  /// output = conv(input, weight) + bias.
  Function forward[compute_count];
  /// input = the gradient of the input for the gradient in `output`; with bias, a transposed convolution.
  Function backward_input[compute_count];
  /// weight = the gradient of the weight for the gradient in `output`.
  Function backward_weight[compute_count];
};

namespace WEFT_ISA_NAMESPACE {
void fill(ConvTable& table);
}  // namespace WEFT_ISA_NAMESPACE

}  // namespace weft::kernels
