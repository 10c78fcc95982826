// What every kernel file shares: the types arithmetic is built for, the parameters of a functor, and the namespace
// of the ISA being compiled. A kernel sees raw pointers, sizes and strides only.
#pragma once

#include <cstdint>
#include <type_traits>

#include "tensor/dtype.h"

// The build compiles each kernel file once per ISA with WEFT_ISA_NAMESPACE = isa_portable, isa_v2, isa_v3, isa_v4.
// Everything a kernel file defines lives in weft::kernels::WEFT_ISA_NAMESPACE (or an anonymous namespace in it): an
// identically named inline function of two ISAs would be merged by the linker and crash older CPUs.

namespace weft::kernels {

/// Types that arithmetic kernels are built for. Others are converted by the op layer: float16 and bfloat16 through
/// f32, the small integers through i64 (where a pointwise operator has no loops of their own, see SmallInt). Complex
/// numbers have loops of their own (functors_complex.h), and where a kernel has none the op layer takes the real and
/// imaginary parts apart.
enum class Compute : uint8_t { f32, f64, i64, b8, c64, c128 };
inline constexpr int compute_count = 6;

/// Integers that the commonest pointwise operators are also built for: those whose result is that of i64 cut off.
enum class SmallInt : uint8_t { u8, i8, i16, i32 };
inline constexpr int small_int_count = 4;

/// A scalar argument of a kernel, kept exactly as Python gave it.
struct Param {
  double d;
  int64_t i;
  double imaginary;
  template <class T>
  [[gnu::always_inline]] T as() const noexcept {
    if constexpr (std::is_integral_v<T> && !__is_same(T, bool))
      return static_cast<T>(i);
    else if constexpr (__is_same(T, bool))
      return d != 0;
    else if constexpr (requires(T number) { number.im; })
      return {static_cast<decltype(T::re)>(d), static_cast<decltype(T::im)>(imaginary)};
    else
      return static_cast<T>(d);
  }
};

/// Inner loop of a pointwise op over n elements: data[0] is the output, data[1...] the inputs; strides in bytes.
using InnerLoop = void (*)(char* const* data, const int64_t* strides, int64_t n, const Param* params);

}  // namespace weft::kernels
