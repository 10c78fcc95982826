// The loops of pocketfft that NumPy ships, as its universal functions hold them; found at the first call.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"

namespace weft::fourier {

/// Complex to complex with e^-i and with e^+i; real to the half spectrum of an even and of an odd length; and back.
enum class Kind { forward, backward, half_of_even, half_of_odd, to_real, count };

/// NumPy's calling convention for a generalised ufunc of signature (n),()->(m).
struct Loop {
  /// data: input, factor, output. sizes: lines, n, m. steps, in bytes: of lines in input, factor and output, then of
  /// elements in input and output. Needs no lock of Python's.
  void (*run)(char** data, const intptr_t* sizes, const intptr_t* steps, void* extra);
  void* extra;
};

struct Loops {
  Loop of[static_cast<int>(Kind::count)][2];  ///< in float32 and in float64
};

/// Called without any lock of ours held, by any thread; several may, and each gets the same.
using Finder = Loops (*)();
void set_finder(Finder finder) noexcept;

/// Raises Error(runtime) when NumPy has no such loops.
const Loop& loop(Kind kind, bool in_double);

}  // namespace weft::fourier
