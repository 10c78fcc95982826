// Products of bfloat16 matrices by the instruction that multiplies pairs of them.
#pragma once

#include "kernels/gemm.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {

/// What GemmTable::bfloat16 is where multiplies_bfloat16_pairs().
void (*pairs_gemm() noexcept)(const GemmArgs& args);

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
