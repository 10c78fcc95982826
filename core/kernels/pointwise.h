// The table of pointwise loops: one per operator and compute type.
#pragma once

#include "generated/pointwise_ids.h"
#include "kernels/compute.h"

namespace weft::kernels {

struct PointwiseTable {
  /// Null where the operator has no meaning for the type.
  InnerLoop loops[pointwise_count][compute_count];
  /// Null where the operator computes small integers in i64.
  InnerLoop small[pointwise_count][small_int_count];
};

}  // namespace weft::kernels
