// LAPACK and BLAS of the scipy-openblas32 wheel, loaded at the first call; on one thread each: batches go over our
// pool.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>

#include "runtime/allocator.h"
#include "tensor/dtype.h"

namespace weft::lapack {

using Int = int32_t;

template <class T>
struct RealOf {
  using type = T;
};
template <class T>
struct RealOf<Complex<T>> {
  using type = T;
};
template <class T>
using Real = typename RealOf<T>::type;
template <class T>
inline constexpr bool is_complex_type = !std::is_same_v<T, Real<T>>;

/// Routines by the name they have for real matrices; where complex ones are called otherwise, see lapack.cpp.
// clang-format off
enum class Routine {
  trsm, potrf, getrf, getri, getrs, geqrf, orgqr, gesdd, syevd, geev, gels, gelsy, gelsd, gelss, sytrf, sytrs, hetrf,
  hetrs, count
};
// clang-format on

/// The file of the library, "" when it is not installed. Called without any lock of ours held, by any thread.
using Finder = std::string (*)();
void set_finder(Finder finder) noexcept;

/// The entry of a routine for elements of `dtype`. Loads the library; raises Error(runtime) when it is missing.
void* entry(Routine routine, DType dtype);

namespace detail {

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::float32;
  if constexpr (std::is_same_v<T, double>) return DType::float64;
  return std::is_same_v<T, Complex<float>> ? DType::complex64 : DType::complex128;
}

template <class T, class A>
auto by_reference(A& argument) {
  if constexpr (std::is_pointer_v<A>) {
    return argument;
  } else {
    static_assert(std::is_same_v<A, char> || std::is_same_v<A, Int> || std::is_same_v<A, T> ||
                  std::is_same_v<A, Real<T>>);
    return &argument;
  }
}

}  // namespace detail

/// Calls a routine that returns `info` as its last argument. Fortran takes everything by reference, and the lengths of
/// texts at the end.
template <class T, class... Args>
Int call(Routine routine, Args... args) {
  Int info = 0;
  using Function = void (*)(decltype(detail::by_reference<T>(args))..., Int*, std::size_t, std::size_t, std::size_t);
  reinterpret_cast<Function>(entry(routine, detail::dtype_of<T>()))(detail::by_reference<T>(args)..., &info, 1, 1, 1);
  return info;
}

/// B = inv(op(A)) B, or B inv(op(A)) with side 'R'; B is m x n.
template <class T>
void solve_triangle(char side, char uplo, char trans, char diag, Int m, Int n, const T* a, Int lda, T* b, Int ldb) {
  T one{};
  if constexpr (is_complex_type<T>)
    one.re = 1;
  else
    one = 1;
  using Function = void (*)(const char*, const char*, const char*, const char*, const Int*, const Int*, const T*,
                            const T*, const Int*, T*, const Int*, std::size_t, std::size_t, std::size_t, std::size_t);
  reinterpret_cast<Function>(entry(Routine::trsm, detail::dtype_of<T>()))(&side, &uplo, &trans, &diag, &m, &n, &one, a,
                                                                          &lda, b, &ldb, 1, 1, 1, 1);
}

/// Scratch memory from the caching allocator.
template <class T>
class Scratch {
 public:
  Scratch() = default;
  explicit Scratch(int64_t count) { resize(count); }
  ~Scratch() { deallocate(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// What it held is lost.
  void resize(int64_t count) {
    deallocate(data_, bytes_);
    data_ = nullptr;
    bytes_ = static_cast<std::size_t>(count < 1 ? 1 : count) * sizeof(T);
    data_ = static_cast<T*>(allocate(bytes_));
  }
  T* data() const noexcept { return data_; }

 private:
  T* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// The size of a workspace that a query left in its first element.
template <class T>
Int queried(T first) {
  if constexpr (is_complex_type<T>)
    return static_cast<Int>(first.re);
  else
    return static_cast<Int>(first);
}

}  // namespace weft::lapack
