// Optimizer steps over a whole list of tensors.
#include "kernels/optimizer.h"

#include "kernels/gemm_scratch.h"
#include "kernels/rows.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t piece_elements = 8192;

/// step(tensor, begin, end) over all elements of all tensors, cut into equal pieces of the whole list.
template <class Step>
void each_piece(const OptimizerTensor* tensors, int64_t count, Step step) {
  const Scratch<int64_t> starts(count + 1);  // in elements of the whole list
  starts[0] = 0;
  for (int64_t t = 0; t < count; ++t) starts[t + 1] = starts[t] + tensors[t].n;
  parallel_for(starts[count], piece_elements, [&](int64_t begin, int64_t end) {
    int64_t low = 0, high = count;  // the last tensor that starts at or before `begin`
    while (high - low > 1) {
      const int64_t middle = (low + high) / 2;
      if (starts[middle] <= begin)
        low = middle;
      else
        high = middle;
    }
    for (int64_t t = low; t < count && starts[t] < end; ++t) {
      const int64_t from = max_of(begin, starts[t]) - starts[t], to = min_of(end, starts[t + 1]) - starts[t];
      if (from < to) step(tensors[t], from, to);
    }
  });
}

template <class T>
void sgd(const OptimizerTensor* tensors, int64_t count, SgdOptions options) {
  const T sign = options.maximize ? T{-1} : T{1};
  const T lr = static_cast<T>(options.lr), decay = static_cast<T>(options.weight_decay);
  const T momentum = static_cast<T>(options.momentum);
  each_piece(tensors, count, [&](const OptimizerTensor& tensor, int64_t begin, int64_t end) {
    T* param = static_cast<T*>(tensor.param) + begin;
    const T* grad = static_cast<const T*>(tensor.grad) + begin;
    const int64_t n = end - begin;
    if (!tensor.state[0]) {
      each<T>(n, [&]<class V>(int64_t i) {
        const V p = at<V>(param + i);
        put(param + i, p - lr * (sign * at<V>(grad + i) + decay * p));
      });
      return;
    }
    T* buffer = static_cast<T*>(tensor.state[0]) + begin;
    const bool first = tensor.step == 1;  // the buffer starts as the first gradient, undamped
    const T keep = first ? T{0} : momentum, gain = first ? T{1} : static_cast<T>(1.0 - options.dampening);
    const T direct = options.nesterov ? T{1} : T{0}, carried = options.nesterov ? momentum : T{1};
    each<T>(n, [&]<class V>(int64_t i) {
      const V p = at<V>(param + i), g = sign * at<V>(grad + i) + decay * p;
      const V b = first ? g : keep * at<V>(buffer + i) + gain * g;
      put(buffer + i, b);
      put(param + i, p - lr * (direct * g + carried * b));
    });
  });
}

template <class T, bool Amsgrad>
void adam_piece(const OptimizerTensor& tensor, int64_t begin, int64_t end, const AdamOptions& options) noexcept {
  const double step = static_cast<double>(tensor.step);
  const double correction1 = 1.0 - __builtin_pow(options.beta1, step);
  const double correction2 = 1.0 - __builtin_pow(options.beta2, step);
  const T sign = options.maximize ? T{-1} : T{1};
  const T joined = static_cast<T>(options.decoupled ? 0.0 : options.weight_decay);
  const T shrink = static_cast<T>(options.decoupled ? 1.0 - options.lr * options.weight_decay : 1.0);
  const T b1 = static_cast<T>(options.beta1), c1 = static_cast<T>(1.0 - options.beta1);
  const T b2 = static_cast<T>(options.beta2), c2 = static_cast<T>(1.0 - options.beta2);
  const T size = static_cast<T>(options.lr / correction1), eps = static_cast<T>(options.eps);
  const T root = static_cast<T>(1.0 / __builtin_sqrt(correction2));
  T* __restrict param = static_cast<T*>(tensor.param) + begin;
  const T* __restrict grad = static_cast<const T*>(tensor.grad) + begin;
  T* __restrict mean = static_cast<T*>(tensor.state[0]) + begin;
  T* __restrict square = static_cast<T*>(tensor.state[1]) + begin;
  T* __restrict largest = Amsgrad ? static_cast<T*>(tensor.state[2]) + begin : nullptr;
  for (int64_t i = 0; i < end - begin; ++i) {
    const T p = param[i] * shrink, g = sign * grad[i] + joined * param[i];
    const T m = b1 * mean[i] + c1 * g, v = b2 * square[i] + c2 * g * g;
    mean[i] = m;
    square[i] = v;
    T bound = v;
    if constexpr (Amsgrad) {
      bound = v > largest[i] || v != v ? v : largest[i];
      largest[i] = bound;
    }
    T scale;
    if constexpr (sizeof(T) == 4)
      scale = __builtin_sqrtf(bound);
    else
      scale = __builtin_sqrt(bound);
    param[i] = p - size * m / (scale * root + eps);
  }
}

template <class T>
void adam(const OptimizerTensor* tensors, int64_t count, AdamOptions options) {
  each_piece(tensors, count, [&](const OptimizerTensor& tensor, int64_t begin, int64_t end) {
    if (options.amsgrad)
      adam_piece<T, true>(tensor, begin, end, options);
    else
      adam_piece<T, false>(tensor, begin, end, options);
  });
}

/// A stretch of one tensor, and the numbers of its rule in the type it is computed in.
template <class T>
struct Stretch {
  T* __restrict param;
  const T* __restrict grad;
  T* __restrict first;
  T* __restrict second;
  T* __restrict third;
  int64_t n;
  T sign, decay, shrink, k[6];

  [[gnu::always_inline]] T gradient(int64_t i) const noexcept { return sign * grad[i] + decay * param[i]; }
};

template <class T>
[[gnu::always_inline]] inline T root(T x) noexcept {
  if constexpr (sizeof(T) == 4)
    return __builtin_sqrtf(x);
  else
    return __builtin_sqrt(x);
}
template <class T>
[[gnu::always_inline]] inline T blend(T mean, T x, T keep) noexcept {
  return keep * mean + (T(1) - keep) * x;
}

struct Rmsprop {
  static constexpr auto rule = UpdateRule::rmsprop;
  template <class T>
  static void run(const Stretch<T>& x) {
    const T lr = x.k[0], alpha = x.k[1], eps = x.k[2], momentum = x.k[3];
    for (int64_t i = 0; i < x.n; ++i) {
      const T g = x.gradient(i), square = blend(x.first[i], g * g, alpha);
      x.first[i] = square;
      T spread = square;
      if (x.second) {
        const T mean = blend(x.second[i], g, alpha);
        x.second[i] = mean;
        spread = square - mean * mean;
      }
      T step = g / (root(spread) + eps);
      if (x.third) {
        step = momentum * x.third[i] + step;
        x.third[i] = step;
      }
      x.param[i] -= lr * step;
    }
  }
};

struct Adagrad {
  static constexpr auto rule = UpdateRule::adagrad;
  template <class T>
  static void run(const Stretch<T>& x) {
    for (int64_t i = 0; i < x.n; ++i) {
      const T g = x.gradient(i), sum = x.first[i] + g * g;
      x.first[i] = sum;
      x.param[i] -= x.k[0] * g / (root(sum) + x.k[1]);
    }
  }
};

struct Adadelta {
  static constexpr auto rule = UpdateRule::adadelta;
  template <class T>
  static void run(const Stretch<T>& x) {
    const T lr = x.k[0], rho = x.k[1], eps = x.k[2];
    for (int64_t i = 0; i < x.n; ++i) {
      const T g = x.gradient(i), square = blend(x.first[i], g * g, rho);
      const T step = root(x.second[i] + eps) / root(square + eps) * g;
      x.first[i] = square;
      x.second[i] = blend(x.second[i], step * step, rho);
      x.param[i] -= lr * step;
    }
  }
};

struct Adamax {
  static constexpr auto rule = UpdateRule::adamax;
  template <class T>
  static void run(const Stretch<T>& x) {
    const T size = x.k[0], beta1 = x.k[1], beta2 = x.k[2], eps = x.k[3];
    for (int64_t i = 0; i < x.n; ++i) {
      const T g = x.gradient(i), mean = blend(x.first[i], g, beta1);
      const T before = beta2 * x.second[i], now = (g < T(0) ? -g : g) + eps;
      const T largest = now > before || now != now ? now : before;
      x.first[i] = mean;
      x.second[i] = largest;
      x.param[i] -= size * mean / largest;
    }
  }
};

struct Nadam {
  static constexpr auto rule = UpdateRule::nadam;
  template <class T>
  static void run(const Stretch<T>& x) {
    const T of_grad = x.k[0], of_mean = x.k[1], beta1 = x.k[2], beta2 = x.k[3], eps = x.k[4], scale = x.k[5];
    for (int64_t i = 0; i < x.n; ++i) {
      const T g = x.gradient(i), mean = blend(x.first[i], g, beta1), square = blend(x.second[i], g * g, beta2);
      x.first[i] = mean;
      x.second[i] = square;
      x.param[i] = x.param[i] * x.shrink - (of_grad * g + of_mean * mean) / (root(square) / scale + eps);
    }
  }
};

struct Radam {
  static constexpr auto rule = UpdateRule::radam;
  template <class T>
  static void run(const Stretch<T>& x) {
    const T size = x.k[0], beta1 = x.k[1], beta2 = x.k[2], eps = x.k[3], rectified = x.k[4];
    for (int64_t i = 0; i < x.n; ++i) {
      const T g = x.gradient(i), mean = blend(x.first[i], g, beta1), square = blend(x.second[i], g * g, beta2);
      x.first[i] = mean;
      x.second[i] = square;
      const T adapted = rectified > T(0) ? rectified / (root(square) + eps) : T(1);
      x.param[i] = x.param[i] * x.shrink - size * mean * adapted;
    }
  }
};

struct Asgd {
  static constexpr auto rule = UpdateRule::asgd;
  template <class T>
  static void run(const Stretch<T>& x) {
    const T eta = x.k[0], mu = x.k[1];
    for (int64_t i = 0; i < x.n; ++i) {
      const T p = x.param[i] * x.shrink - eta * x.gradient(i);
      x.param[i] = p;
      x.first[i] = mu == T(1) ? p : x.first[i] + (p - x.first[i]) * mu;
    }
  }
};

struct Rprop {
  static constexpr auto rule = UpdateRule::rprop;
  template <class T>
  static void run(const Stretch<T>& x) {
    const T smaller = x.k[0], larger = x.k[1], lowest = x.k[2], highest = x.k[3];
    for (int64_t i = 0; i < x.n; ++i) {
      const T g = x.gradient(i), agreement = g * x.first[i];
      T step = x.second[i] * (agreement > T(0) ? larger : agreement < T(0) ? smaller : T(1));
      step = step < lowest ? lowest : step > highest ? highest : step;
      const T followed = agreement < T(0) ? T(0) : g;
      x.second[i] = step;
      x.first[i] = followed;
      x.param[i] -= followed > T(0) ? step : followed < T(0) ? -step : T(0);
    }
  }
};

template <class Rule, class T>
void update(const OptimizerTensor* tensors, int64_t count, const double* numbers) {
  constexpr int64_t width = update_numbers[static_cast<int>(Rule::rule)];
  each_piece(tensors, count, [&](const OptimizerTensor& tensor, int64_t begin, int64_t end) {
    const double* const own = numbers + (&tensor - tensors) * width;
    const auto state = [&](int slot) {
      return tensor.state[slot] ? static_cast<T*>(tensor.state[slot]) + begin : nullptr;
    };
    Stretch<T> x{static_cast<T*>(tensor.param) + begin,
                 static_cast<const T*>(tensor.grad) + begin,
                 state(0),
                 state(1),
                 state(2),
                 end - begin,
                 static_cast<T>(own[0]),
                 static_cast<T>(own[1]),
                 static_cast<T>(own[2]),
                 {}};
    for (int64_t i = 3; i < width; ++i) x.k[i - 3] = static_cast<T>(own[i]);
    Rule::run(x);
  });
}

}  // namespace

void fill(OptimizerTable& table) {
  table = {{sgd<float>, sgd<double>},
           {adam<float>, adam<double>},
           {{update<Rmsprop, float>, update<Rmsprop, double>},
            {update<Adagrad, float>, update<Adagrad, double>},
            {update<Adadelta, float>, update<Adadelta, double>},
            {update<Adamax, float>, update<Adamax, double>},
            {update<Nadam, float>, update<Nadam, double>},
            {update<Radam, float>, update<Radam, double>},
            {update<Asgd, float>, update<Asgd, double>},
            {update<Rprop, float>, update<Rprop, double>}}};
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
