// What the two kinds of depthwise convolutions share (docs/notes/conv.md).
#pragma once

#include "kernels/conv_geometry.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t piece_work = 1 << 17;  // multiply-adds of a parallel piece

[[gnu::always_inline]] inline int64_t tap_count(const Axis* axis) noexcept {
  return axis[0].taps * axis[1].taps * axis[2].taps;
}

}  // namespace

/// Channels of the source and the destination consecutive.
void correlate_channels(const Correlation<float>& c);
void correlate_channels(const Correlation<double>& c);
void channels_backward_weight(const ConvArgs& args, const Axis* axis, float);
void channels_backward_weight(const ConvArgs& args, const Axis* axis, double);

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
