// Functors of the functions in special.h: each element through double, one at a time.
#pragma once

#include "kernels/special.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

template <class T, double (*f)(double)>
struct OfOne {
  static constexpr bool vectorised = false;
  T operator()(T x) const { return static_cast<T>(f(static_cast<double>(x))); }
};
template <class T, double (*f)(double, double)>
struct OfTwo {
  static constexpr bool vectorised = false;
  T operator()(T x, T y) const { return static_cast<T>(f(static_cast<double>(x), static_cast<double>(y))); }
};
/// Of 2 x - 1: a polynomial that belongs to [-1, 1] shifted to [0, 1].
template <class T, double (*f)(double, double)>
struct Shifted {
  static constexpr bool vectorised = false;
  T operator()(T x, T n) const { return static_cast<T>(f(2. * static_cast<double>(x) - 1., static_cast<double>(n))); }
};

template <class T>
using BesselJ0 = OfOne<T, special::bessel_j0>;
template <class T>
using BesselJ1 = OfOne<T, special::bessel_j1>;
template <class T>
using BesselY0 = OfOne<T, special::bessel_y0>;
template <class T>
using BesselY1 = OfOne<T, special::bessel_y1>;
template <class T>
using ModifiedBesselK0 = OfOne<T, special::bessel_k0>;
template <class T>
using ModifiedBesselK1 = OfOne<T, special::bessel_k1>;
template <class T>
using ScaledModifiedBesselK0 = OfOne<T, special::bessel_k0_scaled>;
template <class T>
using ScaledModifiedBesselK1 = OfOne<T, special::bessel_k1_scaled>;
template <class T>
using SphericalBesselJ0 = OfOne<T, special::spherical_bessel_j0>;
template <class T>
using AiryAi = OfOne<T, special::airy_ai>;
template <class T>
using Erfcx = OfOne<T, special::erfcx>;
template <class T>
using LogNdtr = OfOne<T, special::log_ndtr>;
template <class T>
using Ndtri = OfOne<T, special::ndtri>;
template <class T>
using Zeta = OfTwo<T, special::zeta>;
template <class T>
using Igamma = OfTwo<T, special::gammainc>;
template <class T>
using Igammac = OfTwo<T, special::gammaincc>;
template <class T>
using ChebyshevPolynomialT = OfTwo<T, special::chebyshev_t>;
template <class T>
using ChebyshevPolynomialU = OfTwo<T, special::chebyshev_u>;
template <class T>
using ChebyshevPolynomialV = OfTwo<T, special::chebyshev_v>;
template <class T>
using ChebyshevPolynomialW = OfTwo<T, special::chebyshev_w>;
template <class T>
using ShiftedChebyshevPolynomialT = Shifted<T, special::chebyshev_t>;
template <class T>
using ShiftedChebyshevPolynomialU = Shifted<T, special::chebyshev_u>;
template <class T>
using ShiftedChebyshevPolynomialV = Shifted<T, special::chebyshev_v>;
template <class T>
using ShiftedChebyshevPolynomialW = Shifted<T, special::chebyshev_w>;
template <class T>
using HermitePolynomialH = OfTwo<T, special::hermite_h>;
template <class T>
using HermitePolynomialHe = OfTwo<T, special::hermite_he>;
template <class T>
using LaguerrePolynomialL = OfTwo<T, special::laguerre>;
template <class T>
using LegendrePolynomialP = OfTwo<T, special::legendre>;

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
