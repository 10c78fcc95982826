// The table of pointwise loops: one per operator and compute type.
#pragma once

#include "generated/pointwise_ids.h"
#include "kernels/compute.h"

namespace weft::kernels {

struct PointwiseTable {
  /// Null where the operator has no meaning for the type.
  InnerLoop loops[pointwise_count][compute_count];
};

}  // namespace weft::kernels
