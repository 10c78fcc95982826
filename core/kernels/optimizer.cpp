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

}  // namespace

void fill(OptimizerTable& table) { table = {{sgd<float>, sgd<double>}, {adam<float>, adam<double>}}; }

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
