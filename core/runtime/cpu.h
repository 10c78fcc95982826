// What this machine can run.
#pragma once

#include <string_view>

namespace weft {

enum class Isa { portable, v2, v3, v4 };

/// The best ISA this CPU and this build offer, or the one WEFT_ISA names ("portable", "v2", "v3", "v4"; "avx2" and
/// "avx512" are taken too). Raises Error(value) when that one is unknown or cannot run here.
Isa active_isa();
std::string_view isa_name(Isa isa) noexcept;

/// Whether products of bfloat16 are to go through the CPU's instruction for pairs of them: where there is one, but not
/// on Intel's CPUs, which multiply float32 twice as fast (docs/notes/gemm.md). WEFT_BFLOAT16 = "pairs" or "float32"
/// says otherwise; raises Error(value) when that cannot run here.
bool multiplies_bfloat16_pairs();

}  // namespace weft
