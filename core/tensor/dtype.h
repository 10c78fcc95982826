// Element types: what can be stored, and how each converts. Arithmetic is in kernels/, for the compute types.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string_view>

namespace weft {

/// In PyTorch's promotion order within each category.
enum class DType : uint8_t {
  boolean,
  uint8,
  int8,
  int16,
  int32,
  int64,
  float16,
  bfloat16,
  float32,
  float64,
  complex64,
  complex128
};
inline constexpr int dtype_count = 12;

// float16 and bfloat16 are storage formats: kernels convert to float, compute, convert back. Every function here is
// always_inline so that no per-ISA object carries a mergeable copy (docs/notes/isa.md).
namespace detail {
template <class To, class From>
[[gnu::always_inline]] inline To bits(From from) noexcept {
  To to;
  static_assert(sizeof(To) == sizeof(From));
  __builtin_memcpy(&to, &from, sizeof(To));
  return to;
}
}  // namespace detail

struct BFloat16 {
  uint16_t bits;
  BFloat16() = default;
  /// Rounds to nearest even; NaN stays NaN.
  [[gnu::always_inline]] explicit BFloat16(float value) noexcept {
    const auto u = detail::bits<uint32_t>(value);
    const uint32_t rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    bits = static_cast<uint16_t>(value != value ? 0x7fc0u : rounded);
  }
  [[gnu::always_inline]] explicit operator float() const noexcept {
    return detail::bits<float>(static_cast<uint32_t>(bits) << 16);
  }
};

struct Half {
  uint16_t bits;
  Half() = default;
  /// Rounds to nearest even; overflow gives infinity, NaN stays NaN.
  [[gnu::always_inline]] explicit Half(float value) noexcept {
    const auto u = detail::bits<uint32_t>(value);
    const uint32_t sign = (u >> 16) & 0x8000u;
    const uint32_t magnitude = u & 0x7fffffffu;
    // Subnormal results: adding 0.5 puts the rounding position at the right bit.
    const auto shifted = detail::bits<uint32_t>(detail::bits<float>(magnitude) + 0.5f) - 0x3f000000u;
    const uint32_t normal = (magnitude + 0xc8000fffu + ((magnitude >> 13) & 1u)) >> 13;
    const uint32_t finite = magnitude < 0x38800000u ? shifted : normal;
    const uint32_t special = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
    bits = static_cast<uint16_t>(sign | (magnitude >= 0x477ff000u ? special : finite));
  }
  [[gnu::always_inline]] explicit operator float() const noexcept {
    const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
    const uint32_t magnitude = bits & 0x7fffu;
    const float scaled = detail::bits<float>(magnitude << 13) * 0x1p112f;  // rebiases; exact, subnormals too
    const uint32_t finite = detail::bits<uint32_t>(scaled);
    const uint32_t special = (magnitude << 13) | 0x7f800000u;
    return detail::bits<float>(sign | (magnitude >= 0x7c00u ? special : finite));
  }
};

template <class T>
struct Complex {
  T re, im;
};

inline constexpr int64_t dtype_sizes[dtype_count] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16};

[[gnu::always_inline]] inline int64_t element_size(DType dtype) noexcept {
  return dtype_sizes[static_cast<int>(dtype)];
}
[[gnu::always_inline]] inline bool is_complex(DType dtype) noexcept { return dtype >= DType::complex64; }
[[gnu::always_inline]] inline bool is_floating(DType dtype) noexcept {
  return dtype >= DType::float16 && dtype <= DType::float64;
}
/// What the parts of a complex type are; of any other, itself.
[[gnu::always_inline]] inline DType real_type(DType dtype) noexcept {
  return dtype == DType::complex64 ? DType::float32 : dtype == DType::complex128 ? DType::float64 : dtype;
}
/// Integers and bool.
[[gnu::always_inline]] inline bool is_integral(DType dtype) noexcept { return dtype <= DType::int64; }
/// Whether gradients flow through values of this type.
[[gnu::always_inline]] inline bool is_differentiable(DType dtype) noexcept { return dtype >= DType::float16; }

/// PyTorch's name, e.g. "float32", "bool".
std::string_view dtype_name(DType dtype) noexcept;
/// PyTorch's word in error messages, e.g. "Float", "Long".
std::string_view scalar_type_name(DType dtype) noexcept;
/// PyTorch's promote_types lattice.
DType promote(DType a, DType b) noexcept;
/// Whether a result of type `from` may be written to `to` (PyTorch's can_cast: never to a lower category).
bool can_cast(DType from, DType to) noexcept;

std::ostream& operator<<(std::ostream& out, DType dtype);

/// The C++ type of a dtype and back: `visit_dtype(d, [&](auto tag) { using T = typename decltype(tag)::type; ... })`.
template <class T>
struct TypeTag {
  using type = T;
};
template <class F>
[[gnu::always_inline]] inline decltype(auto) visit_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::boolean:
      return f(TypeTag<bool>{});
    case DType::uint8:
      return f(TypeTag<uint8_t>{});
    case DType::int8:
      return f(TypeTag<int8_t>{});
    case DType::int16:
      return f(TypeTag<int16_t>{});
    case DType::int32:
      return f(TypeTag<int32_t>{});
    case DType::int64:
      return f(TypeTag<int64_t>{});
    case DType::float16:
      return f(TypeTag<Half>{});
    case DType::bfloat16:
      return f(TypeTag<BFloat16>{});
    case DType::float32:
      return f(TypeTag<float>{});
    case DType::float64:
      return f(TypeTag<double>{});
    case DType::complex64:
      return f(TypeTag<Complex<float>>{});
    default:
      return f(TypeTag<Complex<double>>{});
  }
}

}  // namespace weft
