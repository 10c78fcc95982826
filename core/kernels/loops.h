// The inner loop of every pointwise kernel: one vectorised body per functor, whatever the strides.
//
// A functor is a scalar formula; its call operator gives the types of the output and the inputs:
//
//   template <class T>
//   struct AddScaled {  // params[0]: alpha
//     explicit AddScaled(const Param* params) : alpha(params[0].as<T>()) {}
//     T operator()(T x, T y) const { return x + alpha * y; }
//     T alpha;
//   };
//   constexpr InnerLoop add_f32 = make_loop<AddScaled, float, 2>();
//
// The body runs over groups of `group_size` elements, a constant, so that the compiler emits no second body for a tail.
// Contiguous operands are read and written in place, and a value for all elements is spread over one group that is read
// again and again. Everything else goes through small buffers in L1, so a transcendental is vectorised on any layout.
// The last incomplete group is joined with elements before it, which are computed twice. An output may be one of the
// inputs, exactly; other overlaps are the caller's to resolve.
//
// A functor may declare
//   static constexpr bool vectorised = false;   one element at a time: it calls libm or branches much
//   static bool special(T x); T slow(T x);      slow() is called for the rare x that operator() cannot do
//   static InnerLoop shortcut(data, strides);   another loop for these operands, or null
//   void group(T* out, const T*... in);         a whole group by instructions that the compiler does not find itself
//   static bool group_if(T* out, const T*... in);  the same if it can; false, and nothing written, if not
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "kernels/compute.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

inline constexpr int64_t group_size = 64;
inline constexpr int64_t chunk_size = 512;  ///< elements staged at a time; a multiple of group_size

template <class F>
constexpr int64_t group_of() {
  if constexpr (requires { F::vectorised; })
    return F::vectorised ? group_size : 1;
  else
    return group_size;
}

template <class F>
[[gnu::always_inline]] inline F make_functor(const Param* params) {
  if constexpr (std::is_constructible_v<F, const Param*>)
    return F(params);
  else
    return F();
}

/// Reads an element; a bool as the byte it is, since gcc does not vectorise loads of bool.
template <class T>
[[gnu::always_inline]] inline T read(const T* from) {
  if constexpr (std::is_same_v<T, bool>)
    return *reinterpret_cast<const uint8_t*>(from) != 0;
  else
    return *from;
}

/// Copies `count` strided elements into a buffer and fills it up to `padded` with the last one: the body runs on
/// whole groups, and must not meet a zero divisor that is not there.
template <class T>
[[gnu::noinline]] void gather(T* to, const char* from, int64_t stride, int64_t count, int64_t padded) {
  if (stride == sizeof(T)) {
    __builtin_memcpy(to, from, static_cast<size_t>(count) * sizeof(T));
  } else if (stride == 2 * int64_t{sizeof(T)}) {
    const auto* const in = reinterpret_cast<const T*>(from);
    for (int64_t k = 0; k < count; ++k) to[k] = in[2 * k];  // a constant stride is read in vectors
  } else if (stride != 0) {
    for (int64_t k = 0; k < count; ++k) to[k] = *reinterpret_cast<const T*>(from + k * stride);
  } else {
    to[0] = *reinterpret_cast<const T*>(from);
    count = 1;
  }
  const T last = to[count - 1];
  for (int64_t k = count; k < padded; ++k) to[k] = last;
}

template <class T>
[[gnu::noinline]] void scatter(char* to, const T* from, int64_t stride, int64_t count) {
  if (stride == sizeof(T)) {
    __builtin_memcpy(to, from, static_cast<size_t>(count) * sizeof(T));
  } else {
    for (int64_t k = 0; k < count; ++k) *reinterpret_cast<T*>(to + k * stride) = from[k];
  }
}

/// The largest element: a complex of doubles.
struct Sixteen {
  uint64_t low, high;
};

/// f(T{}) for the type T that stands for elements of so many bytes.
template <class F>
[[gnu::always_inline]] inline void with_size(int64_t size, const F& f) {
  switch (size) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    case 8:
      return f(uint64_t{});
    default:
      return f(Sixteen{});
  }
}

/// A loop over whole groups of contiguous elements, and what its driver must know of it.
struct GroupLoop {
  /// steps: bytes from one group of an input to the next, 0 where it is read again.
  void (*run)(const Param* params, int64_t groups, char* out, const char* const* in, const int64_t* steps);
  int64_t group;
  int arity;
  int64_t sizes[5];  ///< of an element: the output's, then the inputs'
};

/// Runs a loop over any strides: one body for all functors, which see contiguous groups only.
[[gnu::noinline]] inline void run_strided(const GroupLoop& loop, char* const* data, const int64_t* strides, int64_t n,
                                          const Param* params) {
  if (n <= 0) return;
  constexpr int64_t buffer_size = chunk_size * 8;
  alignas(64) char buffers[5][buffer_size];
  const int64_t group = loop.group;
  const char* in[4];
  int64_t steps[4];
  bool direct = strides[0] == loop.sizes[0], apart = true;
  int64_t widest = loop.sizes[0];
  for (int i = 1; i <= loop.arity; ++i) {
    in[i - 1] = data[i];
    steps[i - 1] = group * loop.sizes[i];
    widest = loop.sizes[i] > widest ? loop.sizes[i] : widest;
    apart &= data[i] != data[0];
    if (strides[i] == 0) {
      with_size(loop.sizes[i], [&]<class T>(T) { gather(reinterpret_cast<T*>(buffers[i]), data[i], 0, 1, group); });
      in[i - 1] = buffers[i];
      steps[i - 1] = 0;
    } else {
      direct &= strides[i] == loop.sizes[i];
    }
  }
  int64_t done = 0;
  if (direct && n >= group) {
    loop.run(params, n / group, data[0], in, steps);
    done = n / group * group;
    if (done == n) return;
    if (apart) {
      for (int i = 1; i <= loop.arity; ++i) in[i - 1] += (n - group) * strides[i];
      return loop.run(params, 1, data[0] + (n - group) * strides[0], in, steps);
    }
  }
  const int64_t chunk = widest > 8 ? chunk_size / 2 : chunk_size;
  for (int64_t count = 0; done < n; done += count) {
    count = n - done < chunk ? n - done : chunk;
    if (count > group) count -= count % group;  // contiguous operands are used in place, but for the last group
    const int64_t padded = (count + group - 1) / group * group;
    for (int i = 1; i <= loop.arity; ++i) {
      if (strides[i] == 0) continue;
      const char* const from = data[i] + done * strides[i];
      if (strides[i] == loop.sizes[i] && count == padded) {
        in[i - 1] = from;
        continue;
      }
      in[i - 1] = buffers[i];
      with_size(loop.sizes[i],
                [&]<class T>(T) { gather(reinterpret_cast<T*>(buffers[i]), from, strides[i], count, padded); });
    }
    char* const to = data[0] + done * strides[0];
    const bool in_place = strides[0] == loop.sizes[0] && count == padded;
    loop.run(params, padded / group, in_place ? to : buffers[0], in, steps);
    if (!in_place)
      with_size(loop.sizes[0],
                [&]<class T>(T) { scatter(to, reinterpret_cast<const T*>(buffers[0]), strides[0], count); });
  }
}

/// Iterations are independent even when out is one of the inputs.
template <class F, class Out, class Indices, class... In>
struct Loop;

template <class F, class Out, size_t... I, class... In>
struct Loop<F, Out, std::index_sequence<I...>, In...> {
  static void run_groups(const Param* params, int64_t groups, char* to, const char* const* from, const int64_t* steps) {
    const F functor = make_functor<F>(params);
    run_groups(functor, groups, steps, reinterpret_cast<Out*>(to), reinterpret_cast<const In*>(from[I])...);
  }
  [[gnu::always_inline]] static void run_groups(const F& functor, int64_t groups, const int64_t* steps, Out* out,
                                                const In*... in) {
    constexpr int64_t group = group_of<F>();
    for (; groups > 0; --groups) {
      if constexpr (requires { functor.group(out, in...); })
        functor.group(out, in...);
      else if constexpr (requires { F::group_if(out, in...); }) {
        if (!F::group_if(out, in...)) run_group(functor, out, in...);
      } else
        run_group(functor, out, in...);
      out += group;
      ((in = reinterpret_cast<const In*>(reinterpret_cast<const char*>(in) + steps[I])), ...);
    }
  }
  [[gnu::always_inline]] static void run_group(const F& functor, Out* out, const In*... in) {
    constexpr int64_t group = group_of<F>();
    if constexpr (requires { F::special(*in...); }) {
      std::common_type_t<In...> saved[group];
      int any = 0;
      for (int64_t k = 0; k < group; ++k) any |= F::special(in[k]...);
      if (any) [[unlikely]]
        for (int64_t k = 0; k < group; ++k) saved[k] = (in[k], ...);
#pragma GCC ivdep
      for (int64_t k = 0; k < group; ++k) out[k] = functor(read(in + k)...);
      if (any) [[unlikely]]
        for (int64_t k = 0; k < group; ++k)
          if (F::special(saved[k])) out[k] = functor.slow(saved[k]);
    } else {
#pragma GCC ivdep
      for (int64_t k = 0; k < group; ++k) out[k] = functor(read(in + k)...);
    }
  }
  static void run(char* const* data, const int64_t* strides, int64_t n, const Param* params) {
    static constexpr GroupLoop loop{run_groups, group_of<F>(), sizeof...(In), {sizeof(Out), sizeof(In)...}};
    if constexpr (requires { F::shortcut(data, strides); })
      if (const InnerLoop other = n > 0 ? F::shortcut(data, strides) : nullptr) return other(data, strides, n, params);
    run_strided(loop, data, strides, n, params);
  }
};

/// The types of a functor's call operator.
template <class Call>
struct CallTypes;
template <class F, class Out, class... In>
struct CallTypes<Out (F::*)(In...) const> {
  static constexpr int arity = sizeof...(In);
  using LoopType = Loop<F, Out, std::index_sequence_for<In...>, In...>;
};

/// The kernel of functor F for compute type T; `arity` is checked against the functor's.
template <template <class> class F, class T, int arity>
constexpr InnerLoop make_loop() {
  using Types = CallTypes<decltype(&F<T>::operator())>;
  static_assert(Types::arity == arity, "the functor takes another number of inputs");
  return &Types::LoopType::run;
}

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
