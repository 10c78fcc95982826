#include "tensor/scalar.h"

#include <cmath>
#include <ostream>

namespace weft {

Scalar::Scalar(double v) noexcept : kind_(DType::float64), re_(v) {
  constexpr double limit = 9223372036854775808.0;  // 2^63
  int_ = v >= -limit && v < limit ? static_cast<int64_t>(v) : INT64_MIN;
}

bool fits(const Scalar& scalar, DType dtype) noexcept {
  if (dtype == DType::boolean || is_complex(dtype)) return true;
  if (scalar.imag() != 0) return false;
  if (is_floating(dtype)) return true;
  constexpr double limit = 9223372036854775808.0;  // 2^63
  const double value = scalar.to_double();
  if (scalar.is_floating() && !(value >= -limit && value < limit)) return false;
  const int64_t integer = scalar.to_int();
  switch (dtype) {
    case DType::uint8:
      return integer >= -UINT8_MAX && integer <= UINT8_MAX;
    case DType::int8:
      return integer >= INT8_MIN && integer <= INT8_MAX;
    case DType::int16:
      return integer >= INT16_MIN && integer <= INT16_MAX;
    case DType::int32:
      return integer >= INT32_MIN && integer <= INT32_MAX;
    default:
      return true;
  }
}

Scalar wrapped_to(const Scalar& scalar, DType dtype) noexcept {
  switch (dtype) {
    case DType::uint8:
      return static_cast<int64_t>(static_cast<uint8_t>(scalar.to_int()));
    case DType::int8:
      return static_cast<int64_t>(static_cast<int8_t>(scalar.to_int()));
    case DType::int16:
      return static_cast<int64_t>(static_cast<int16_t>(scalar.to_int()));
    case DType::int32:
      return static_cast<int64_t>(static_cast<int32_t>(scalar.to_int()));
    case DType::int64:
      return scalar.to_int();
    default:
      return scalar;
  }
}

std::ostream& operator<<(std::ostream& out, const Scalar& s) {
  switch (s.kind()) {
    case DType::boolean:
      return out << (s.to_bool() ? "True" : "False");
    case DType::int64:
      return out << s.to_int();
    case DType::float64:
      return out << s.to_double();
    default:
      return out << '(' << s.to_double() << (s.imag() < 0 ? "-" : "+") << std::abs(s.imag()) << "j)";
  }
}

}  // namespace weft
