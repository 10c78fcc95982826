// Which of the built ISAs this CPU runs, and how it multiplies bfloat16; WEFT_ISA and WEFT_BFLOAT16 override both.
#include "runtime/cpu.h"

#include <cstdlib>

#include "runtime/error.h"

// The build sets these to 0 for an ISA it leaves out.
#ifndef WEFT_HAVE_ISA_PORTABLE
#define WEFT_HAVE_ISA_PORTABLE 1
#endif
#ifndef WEFT_HAVE_ISA_V2
#define WEFT_HAVE_ISA_V2 1
#endif
#ifndef WEFT_HAVE_ISA_V3
#define WEFT_HAVE_ISA_V3 1
#endif
#ifndef WEFT_HAVE_ISA_V4
#define WEFT_HAVE_ISA_V4 1
#endif

namespace weft {
namespace {

#if defined(__x86_64__)
bool runs_here(Isa isa) noexcept {
  __builtin_cpu_init();
  // Feature by feature: clang learned the names of the levels later than gcc. CPUs with these have the rest of the
  // level.
  const bool v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
  const bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  switch (isa) {
    case Isa::v4:
      return WEFT_HAVE_ISA_V4 && v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl");
    case Isa::v3:
      return WEFT_HAVE_ISA_V3 && v3;
    case Isa::v2:
      return WEFT_HAVE_ISA_V2 && v2;
    case Isa::portable:
      return WEFT_HAVE_ISA_PORTABLE;
  }
  return false;
}
#else
bool runs_here(Isa isa) noexcept { return WEFT_HAVE_ISA_PORTABLE && isa == Isa::portable; }
#endif

Isa parse_isa(std::string_view name) {
  if (name == "portable") return Isa::portable;
  if (name == "v2") return Isa::v2;
  if (name == "v3" || name == "avx2") return Isa::v3;
  if (name == "v4" || name == "avx512") return Isa::v4;
  fail(ErrorKind::value, "WEFT_ISA: unknown instruction set '{}', expected portable, v2, v3 (avx2) or v4 (avx512)",
       name);
}

Isa choose_isa() {
  if (const char* name = std::getenv("WEFT_ISA"); name != nullptr && *name != '\0') {
    const Isa isa = parse_isa(name);
    check_value(runs_here(isa), "WEFT_ISA: '{}' is not supported by this CPU or was not built", name);
    return isa;
  }
  for (const Isa isa : {Isa::v4, Isa::v3, Isa::v2, Isa::portable}) {
    if (runs_here(isa)) return isa;
  }
  fail(ErrorKind::value, "weft was built without kernels for this CPU: build it with WEFT_ISAS=portable");
}

}  // namespace

Isa active_isa() {
  static const Isa isa = choose_isa();
  return isa;
}

bool multiplies_bfloat16_pairs() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool can = active_isa() == Isa::v4 && __builtin_cpu_supports("avx512bf16");
  const bool pays = can && !__builtin_cpu_is("intel");
#else
  const bool can = false, pays = false;
#endif
  const char* const name = std::getenv("WEFT_BFLOAT16");
  if (name == nullptr || *name == '\0') return pays;
  const std::string_view kind = name;
  check_value(kind == "float32" || kind == "pairs", "WEFT_BFLOAT16: unknown way '{}', expected pairs or float32", kind);
  check_value(can || kind == "float32", "WEFT_BFLOAT16: this CPU has no instruction for pairs");
  return kind == "pairs";
}

std::string_view isa_name(Isa isa) noexcept {
  switch (isa) {
    case Isa::portable:
      return "portable";
    case Isa::v2:
      return "v2";
    case Isa::v3:
      return "v3";
    case Isa::v4:
      return "v4";
  }
  return "unknown";
}

}  // namespace weft
