// Special functions that are long and seldom used: in double, compiled once for all instruction sets. Relative error
// is a few units in the last place of a double, more near zeros that are not at the origin; NaN outside the domain.
#pragma once

namespace weft::kernels::special {

double bessel_j0(double x);
double bessel_j1(double x);
double bessel_y0(double x);
double bessel_y1(double x);
double bessel_k0(double x);
double bessel_k1(double x);
double bessel_k0_scaled(double x);  ///< times exp(x)
double bessel_k1_scaled(double x);
double spherical_bessel_j0(double x);
double airy_ai(double x);

double erfcx(double x);     ///< exp(x^2) erfc(x)
double log_ndtr(double x);  ///< logarithm of the standard normal distribution function
double ndtri(double p);     ///< its inverse

double log_gamma(double x);            ///< log |gamma(x)|, by the entry that shares no sign variable between threads
double zeta(double s, double q);       ///< the sum of (q + k)^-s over k = 0, 1, ...
double gammainc(double a, double x);   ///< regularised, lower
double gammaincc(double a, double x);  ///< regularised, upper

// Orthogonal polynomials of the degree n, cut off to an integer; 0 when that is negative.
double chebyshev_t(double x, double n);
double chebyshev_u(double x, double n);
double chebyshev_v(double x, double n);
double chebyshev_w(double x, double n);
double hermite_h(double x, double n);
double hermite_he(double x, double n);
double laguerre(double x, double n);
double legendre(double x, double n);

}  // namespace weft::kernels::special
