#include "tensor/dtype.h"

#include <ostream>

namespace weft {

namespace {

constexpr std::string_view names[dtype_count] = {"bool",    "uint8",   "int8",      "int16",
                                                 "int32",   "int64",   "float16",   "bfloat16",
                                                 "float32", "float64", "complex64", "complex128"};
constexpr std::string_view scalar_types[dtype_count] = {"Bool",  "Byte",   "Char",         "Short",
                                                        "Int",   "Long",   "Half",         "BFloat16",
                                                        "Float", "Double", "ComplexFloat", "ComplexDouble"};

/// 0 bool, 1 integer, 2 floating, 3 complex.
int category(DType d) noexcept {
  if (d == DType::boolean) return 0;
  return is_integral(d) ? 1 : is_floating(d) ? 2 : 3;
}

}  // namespace

std::string_view dtype_name(DType dtype) noexcept { return names[static_cast<int>(dtype)]; }
std::string_view scalar_type_name(DType dtype) noexcept { return scalar_types[static_cast<int>(dtype)]; }

DType promote(DType a, DType b) noexcept {
  if (a > b) std::swap(a, b);
  if (a == b) return a;
  if (a == DType::uint8 && category(b) == 1) return b == DType::int8 ? DType::int16 : b;
  if (a == DType::float16 && b == DType::bfloat16) return DType::float32;
  if (b == DType::complex64 && a == DType::float64) return DType::complex128;
  return b;
}

bool can_cast(DType from, DType to) noexcept { return category(from) <= category(to); }

std::ostream& operator<<(std::ostream& out, DType dtype) { return out << dtype_name(dtype); }

}  // namespace weft
