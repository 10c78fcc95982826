// Cross entropy and negative log likelihood.
//
// With p = softmax(x), a = 1 - label_smoothing, b = label_smoothing / classes, the loss of one position is
//   a * w[t] * (lse - x[t]) + b * sum_c w[c] * (lse - x[c])
// and its gradient is p[c] * (a * w[t] + b * sum(w)) - b * w[c] - [c == t] * a * w[t].
#include "kernels/loss.h"

#include "kernels/exp_rows.h"
#include "kernels/gemm_scratch.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t piece_elements = 8192;

/// Position of the first bad target, or -1.
int64_t first_bad(const int64_t* target, int64_t n, int64_t classes, int64_t ignore_index) noexcept {
  for (int64_t i = 0; i < n; ++i) {
    if (static_cast<uint64_t>(target[i]) >= static_cast<uint64_t>(classes) && target[i] != ignore_index) return i;
  }
  return -1;
}

/// f(image, first column, columns) in blocks that make up [batch, inner]; work counts all classes.
template <class F>
void each_position(LossShape shape, F f) {
  const int64_t blocks = ceil_div(shape.inner, column_block), width = min_of(shape.inner, column_block);
  const int64_t grain = max_of(1, piece_elements / max_of(1, width * shape.classes));
  parallel_for(shape.batch * blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const int64_t column = k % blocks * column_block;
      f(k / blocks, column, min_of(column_block, shape.inner - column));
    }
  });
}

/// Writes the weight of every position's target (0 when ignored) summed to total_weight, and the losses reduced.
template <class T>
void reduce_loss(const T* each_loss, const int64_t* target, const T* weight, int64_t n, LossOptions options, T* loss,
                 T* total_weight) noexcept {
  double total = 0, sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (target[i] == options.ignore_index) continue;
    total += weight ? static_cast<double>(weight[target[i]]) : 1.0;
    sum += static_cast<double>(each_loss[i]);
  }
  *total_weight = static_cast<T>(total);
  if (options.reduction == Reduction::sum) *loss = static_cast<T>(sum);
  if (options.reduction == Reduction::mean) *loss = static_cast<T>(sum / total);
}

template <class T>
T sum_of(const T* weight, int64_t classes) noexcept {
  return weight ? sum<T>(classes, [&]<class V>(int64_t i) { return at<V>(weight + i); }) : static_cast<T>(classes);
}

template <class T>
int64_t cross_entropy(const void* x_, const int64_t* target, const void* weight_, LossShape shape, LossOptions options,
                      void* loss_, void* lse_, void* total_weight_) {
  const T *x = static_cast<const T*>(x_), *weight = static_cast<const T*>(weight_);
  T *loss = static_cast<T*>(loss_), *lse = static_cast<T*>(lse_), *total_weight = static_cast<T*>(total_weight_);
  const int64_t classes = shape.classes, inner = shape.inner, n = shape.batch * inner;
  const int64_t bad = first_bad(target, n, classes, options.ignore_index);
  if (bad >= 0) return bad;
  const bool reduced = options.reduction != Reduction::none;
  const Scratch<T> losses(reduced ? n : 0);
  T* each_loss = reduced ? losses.data() : loss;
  const T a = static_cast<T>(1.0 - options.label_smoothing);
  const T b = static_cast<T>(options.label_smoothing / static_cast<double>(classes));
  const T weights = sum_of(weight, classes);
  // The loss of one position from its log-sum-exp and its weighted sum of scores.
  const auto loss_at = [&](int64_t position, int64_t first, T log_sum, T smooth) {
    const int64_t t = target[position];
    if (t == options.ignore_index) return T{0};
    const T w = weight ? weight[t] : T{1};
    return a * w * (log_sum - x[first + t * inner]) + b * (weights * log_sum - smooth);
  };
  each_position(shape, [&](int64_t image, int64_t column, int64_t columns) {
    const int64_t first = image * classes * inner + column, position = image * inner + column;
    const T* in = x + first;
    if (inner == 1) {
      const T m = row_max(in, classes), log_sum = m + vm::log(sum_exp_row(in, m, classes));
      T smooth = 0;
      if (b != 0 && weight) {
        smooth = sum<T>(classes, [&]<class V>(int64_t i) { return at<V>(in + i) * at<V>(weight + i); });
      } else if (b != 0) {
        smooth = sum<T>(classes, [&]<class V>(int64_t i) { return at<V>(in + i); });
      }
      lse[position] = log_sum;
      each_loss[position] = loss_at(position, first, log_sum, smooth);
      return;
    }
    T m[column_block], s[column_block], smooth[column_block] = {};
    column_max(in, classes, inner, columns, m);
    column_sum_exp(in, classes, inner, columns, m, s);
    for (int64_t c = 0; b != 0 && c < classes; ++c) {
      const T w = weight ? weight[c] : T{1};
      for (int64_t j = 0; j < columns; ++j) smooth[j] += w * in[c * inner + j];
    }
    for (int64_t j = 0; j < columns; ++j) s[j] = m[j] + vm::log(s[j]);
    for (int64_t j = 0; j < columns; ++j) {
      lse[position + j] = s[j];
      each_loss[position + j] = loss_at(position + j, first + j, s[j], smooth[j]);
    }
  });
  reduce_loss(each_loss, target, weight, n, options, loss, total_weight);
  return -1;
}

/// The gradient that one position receives, its share of a mean included.
template <class T>
T position_gradient(const T* g, int64_t position, const T* total_weight, Reduction reduction) noexcept {
  if (reduction == Reduction::none) return g[position];
  return reduction == Reduction::mean ? *g / *total_weight : *g;
}

template <class T>
void cross_entropy_backward(const void* g_, const void* x_, const int64_t* target, const void* weight_,
                            const void* lse_, const void* total_weight_, LossShape shape, LossOptions options,
                            void* dx_) {
  const T *g = static_cast<const T*>(g_), *x = static_cast<const T*>(x_), *weight = static_cast<const T*>(weight_);
  const T *lse = static_cast<const T*>(lse_), *total_weight = static_cast<const T*>(total_weight_);
  T* dx = static_cast<T*>(dx_);
  const int64_t classes = shape.classes, inner = shape.inner;
  const T a = static_cast<T>(1.0 - options.label_smoothing);
  const T b = static_cast<T>(options.label_smoothing / static_cast<double>(classes));
  const T weights = sum_of(weight, classes);
  each_position(shape, [&](int64_t image, int64_t column, int64_t columns) {
    const int64_t first = image * classes * inner + column, position = image * inner + column;
    // Of each column: its gradient, the factor of p, what the target's class loses.
    T gradient[column_block], scale[column_block], hit[column_block];
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t t = target[position + j];
      const bool ignored = t == options.ignore_index;
      const T own = position_gradient(g, position + j, total_weight, options.reduction);
      const T w = ignored ? T{0} : weight ? weight[t] : T{1};
      gradient[j] = ignored ? T{0} : own;
      scale[j] = gradient[j] * (a * w + b * weights);
      hit[j] = gradient[j] * a * w;
    }
    const T* in = x + first;
    T* out = dx + first;
    if (inner == 1) {
      if (target[position] == options.ignore_index) {
        for (int64_t c = 0; c < classes; ++c) out[c] = 0;
        return;
      }
      const T shift = lse[position], factor = scale[0], smoothed = gradient[0] * b;
      if (weight && b != 0) {
#pragma GCC ivdep
        for (int64_t c = 0; c < classes; ++c) out[c] = factor * vm::exp(in[c] - shift) - smoothed * weight[c];
      } else {
#pragma GCC ivdep
        for (int64_t c = 0; c < classes; ++c) out[c] = factor * vm::exp(in[c] - shift) - smoothed;
      }
      out[target[position]] -= hit[0];
      return;
    }
    for (int64_t c = 0; c < classes; ++c) {
      const T smoothed = b * (weight ? weight[c] : T{1});
      const T *row = in + c * inner, *shift = lse + position;
      T* to = out + c * inner;
#pragma GCC ivdep
      for (int64_t j = 0; j < columns; ++j) {
        const T value = scale[j] * vm::exp(row[j] - shift[j]) - gradient[j] * smoothed;
        to[j] = gradient[j] == 0 ? gradient[j] : value;  // an ignored position stays 0 whatever its scores
      }
    }
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t t = target[position + j];
      if (t != options.ignore_index) out[t * inner + j] -= hit[j];
    }
  });
}

template <class T>
int64_t nll(const void* x_, const int64_t* target, const void* weight_, LossShape shape, LossOptions options,
            void* loss_, void* total_weight_) {
  const T *x = static_cast<const T*>(x_), *weight = static_cast<const T*>(weight_);
  T *loss = static_cast<T*>(loss_), *total_weight = static_cast<T*>(total_weight_);
  const int64_t n = shape.batch * shape.inner;
  const int64_t bad = first_bad(target, n, shape.classes, options.ignore_index);
  if (bad >= 0) return bad;
  const bool reduced = options.reduction != Reduction::none;
  const Scratch<T> losses(reduced ? n : 0);
  T* each_loss = reduced ? losses.data() : loss;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t t = target[i];
    const int64_t from = (i / shape.inner * shape.classes + t) * shape.inner + i % shape.inner;
    each_loss[i] = t == options.ignore_index ? T{0} : weight ? -weight[t] * x[from] : -x[from];
  }
  reduce_loss(each_loss, target, weight, n, options, loss, total_weight);
  return -1;
}

template <class T>
void nll_backward(const void* g_, const int64_t* target, const void* weight_, const void* total_weight_,
                  LossShape shape, LossOptions options, void* dx_) {
  const T *g = static_cast<const T*>(g_), *weight = static_cast<const T*>(weight_);
  const T* total_weight = static_cast<const T*>(total_weight_);
  T* dx = static_cast<T*>(dx_);
  const int64_t per_image = shape.classes * shape.inner;
  parallel_for(shape.batch, max_of(1, piece_elements / max_of(1, per_image)), [&](int64_t begin, int64_t end) {
    __builtin_memset(dx + begin * per_image, 0, static_cast<std::size_t>((end - begin) * per_image) * sizeof(T));
    for (int64_t i = begin * shape.inner; i < end * shape.inner; ++i) {
      const int64_t t = target[i];
      if (t == options.ignore_index) continue;
      const T w = weight ? weight[t] : T{1};
      dx[(i / shape.inner * shape.classes + t) * shape.inner + i % shape.inner] =
          -w * position_gradient(g, i, total_weight, options.reduction);
    }
  });
}

}  // namespace

void fill(LossTable& table) {
  table = {{cross_entropy<float>, cross_entropy<double>},
           {cross_entropy_backward<float>, cross_entropy_backward<double>},
           {nll<float>, nll<double>},
           {nll_backward<float>, nll_backward<double>}};
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
