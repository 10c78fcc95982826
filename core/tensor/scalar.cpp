#include "tensor/scalar.h"

#include <cmath>
#include <ostream>

namespace weft {

Scalar::Scalar(double v) noexcept : kind_(DType::float64), re_(v) {
  constexpr double limit = 9223372036854775808.0;  // 2^63
  int_ = v >= -limit && v < limit ? static_cast<int64_t>(v) : INT64_MIN;
}

std::ostream& operator<<(std::ostream& out, const Scalar& s) {
  switch (s.kind()) {
    case DType::boolean: return out << (s.to_bool() ? "True" : "False");
    case DType::int64: return out << s.to_int();
    case DType::float64: return out << s.to_double();
    default: return out << '(' << s.to_double() << (s.imag() < 0 ? "-" : "+") << std::abs(s.imag()) << "j)";
  }
}

}  // namespace weft
