// A number as Python gave it: bool, int, float or complex.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace weft {

class Scalar {
 public:
  Scalar() noexcept : Scalar(int64_t{0}) {}
  Scalar(bool v) noexcept : kind_(DType::boolean), re_(v), int_(v) {}                        // NOLINT: numbers convert
  Scalar(int v) noexcept : Scalar(static_cast<int64_t>(v)) {}                                // NOLINT
  Scalar(int64_t v) noexcept : kind_(DType::int64), re_(static_cast<double>(v)), int_(v) {}  // NOLINT
  Scalar(double v) noexcept;                                                                 // NOLINT
  Scalar(double re, double im) noexcept : kind_(DType::complex128), re_(re), im_(im) {}

  bool is_bool() const noexcept { return kind_ == DType::boolean; }
  bool is_integral() const noexcept { return kind_ == DType::int64; }
  bool is_floating() const noexcept { return kind_ == DType::float64; }
  bool is_complex() const noexcept { return kind_ == DType::complex128; }
  /// boolean, int64, float64 or complex128.
  DType kind() const noexcept { return kind_; }

  double to_double() const noexcept { return re_; }
  int64_t to_int() const noexcept { return int_; }
  bool to_bool() const noexcept { return re_ != 0 || im_ != 0; }
  double imag() const noexcept { return im_; }

  friend bool operator==(const Scalar& a, const Scalar& b) noexcept {
    return a.kind_ == b.kind_ && a.re_ == b.re_ && a.im_ == b.im_ && a.int_ == b.int_;
  }

 private:
  DType kind_;
  double re_ = 0;
  double im_ = 0;
  int64_t int_ = 0;  ///< exact for bool and int, truncated for float
};

/// The number as an integer type holds it: truncated, wrapped around. Other types leave it alone.
Scalar wrapped_to(const Scalar& scalar, DType dtype) noexcept;

/// Whether an integer type can hold the number, truncated; floating types take any real one, bool any. Negative numbers
/// wrap around in unsigned types, as in PyTorch.
bool fits(const Scalar& scalar, DType dtype) noexcept;

std::ostream& operator<<(std::ostream& out, const Scalar& scalar);

}  // namespace weft
