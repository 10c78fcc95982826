// Runs the pointwise operators of the table: promotion, broadcasting, result layout, one pass over memory.
#pragma once

#include <initializer_list>

#include "kernels/pointwise.h"
#include "tensor/tensor.h"

namespace weft::ops::pointwise {

/// See ops/table.py, Rule.
enum class Rule : uint8_t { float_, promote, widen, compare, integral, select };

struct Record {
  const char* name;
  kernels::PointwiseId id;
  Rule rule;
  bool real_valued;  ///< complex inputs give a real result
  bool casts_out;    ///< out= may have another dtype than the result
  double cost;       ///< nanoseconds an element
};

using Inputs = std::initializer_list<const Tensor*>;
using Params = std::initializer_list<kernels::Param>;

inline kernels::Param param(double v) noexcept { return {v, static_cast<int64_t>(v)}; }
inline kernels::Param param(int64_t v) noexcept { return {static_cast<double>(v), v}; }
inline kernels::Param param(bool v) noexcept { return {static_cast<double>(v), v}; }
inline kernels::Param param(const Scalar& v) noexcept { return {v.to_double(), v.to_int(), v.imag()}; }

Tensor compute(const Record& record, Inputs inputs, Params params);
/// Into `out`, resized when its shape differs.
void compute_into(const Record& record, Inputs inputs, Params params, const Tensor& out);
/// Into the first input (SELECT: the second), which must have the broadcast shape already.
void compute_inplace(const Record& record, Inputs inputs, Params params);

}  // namespace weft::ops::pointwise
