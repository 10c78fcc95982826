// Softmax and log-softmax.
#include "kernels/softmax.h"

#include "kernels/exp_rows.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t piece_elements = 8192;

/// row(offset) for each contiguous row, or columns(offset, count) for each block of columns.
template <class Row, class Columns>
void each_line(int64_t outer, int64_t n, int64_t inner, Row row, Columns columns) {
  if (n == 0) return;
  if (inner == 1) {
    parallel_for(outer, max_of(1, piece_elements / n), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) row(r * n);
    });
    return;
  }
  const int64_t blocks = ceil_div(inner, column_block);
  const int64_t width = min_of(inner, column_block);
  parallel_for(outer * blocks, max_of(1, piece_elements / (n * width)), [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const int64_t column = k % blocks * column_block;
      columns(k / blocks * n * inner + column, min_of(column_block, inner - column));
    }
  });
}

template <class T>
void softmax(const void* x_, int64_t outer, int64_t n, int64_t inner, void* y_) {
  const T* x = static_cast<const T*>(x_);
  T* y = static_cast<T*>(y_);
  each_line(
      outer, n, inner,
      [&](int64_t offset) {
        T* out = y + offset;
        const T scale = T{1} / exp_row(x + offset, row_max(x + offset, n), n, out);
        each<T>(n, [&]<class V>(int64_t i) { put(out + i, at<V>(out + i) * scale); });
      },
      [&](int64_t offset, int64_t columns) {
        T m[column_block], s[column_block];
        column_max(x + offset, n, inner, columns, m);
        for (int64_t j = 0; j < columns; ++j) s[j] = 0;
        for (int64_t i = 0; i < n; ++i) {
          const T* in = x + offset + i * inner;
          T* out = y + offset + i * inner;
#pragma GCC ivdep
          for (int64_t j = 0; j < columns; ++j) {
            const T e = vm::exp(in[j] - m[j]);
            s[j] += e;
            out[j] = e;
          }
        }
        for (int64_t j = 0; j < columns; ++j) s[j] = T{1} / s[j];
        for (int64_t i = 0; i < n; ++i) {
          T* out = y + offset + i * inner;
          for (int64_t j = 0; j < columns; ++j) out[j] *= s[j];
        }
      });
}

template <class T>
void log_softmax(const void* x_, int64_t outer, int64_t n, int64_t inner, void* y_) {
  const T* x = static_cast<const T*>(x_);
  T* y = static_cast<T*>(y_);
  each_line(
      outer, n, inner,
      [&](int64_t offset) {
        const T* in = x + offset;
        T* out = y + offset;
        const T m = row_max(in, n), log_sum = vm::log(sum_exp_row(in, m, n));
        each<T>(n, [&]<class V>(int64_t i) { put(out + i, at<V>(in + i) - m - log_sum); });
      },
      [&](int64_t offset, int64_t columns) {
        T m[column_block], s[column_block];
        column_max(x + offset, n, inner, columns, m);
        column_sum_exp(x + offset, n, inner, columns, m, s);
        for (int64_t j = 0; j < columns; ++j) s[j] = vm::log(s[j]);
        for (int64_t i = 0; i < n; ++i) {
          const T* in = x + offset + i * inner;
          T* out = y + offset + i * inner;
#pragma GCC ivdep
          for (int64_t j = 0; j < columns; ++j) out[j] = in[j] - m[j] - s[j];
        }
      });
}

template <class T>
void log_sum_exp(const void* x_, int64_t outer, int64_t n, int64_t inner, void* y_) {
  const T* x = static_cast<const T*>(x_);
  T* y = static_cast<T*>(y_);
  const auto shift = [](T m) { return m - m == T{0} ? m : T{0}; };  // inf - inf would be made of infinite ones
  each_line(
      outer, n, inner,
      [&](int64_t offset) {
        const T m = shift(row_max(x + offset, n));
        y[offset / n] = m + vm::log(sum_exp_row(x + offset, m, n));
      },
      [&](int64_t offset, int64_t columns) {
        T m[column_block], s[column_block];
        column_max(x + offset, n, inner, columns, m);
        for (int64_t j = 0; j < columns; ++j) m[j] = shift(m[j]);
        column_sum_exp(x + offset, n, inner, columns, m, s);
        T* out = y + offset / (n * inner) * inner + offset % (n * inner);
        for (int64_t j = 0; j < columns; ++j) out[j] = m[j] + vm::log(s[j]);
      });
}

template <class T>
void softmax_backward(const void* g_, const void* y_, int64_t outer, int64_t n, int64_t inner, void* dx_) {
  const T *g = static_cast<const T*>(g_), *y = static_cast<const T*>(y_);
  T* dx = static_cast<T*>(dx_);
  each_line(
      outer, n, inner,
      [&](int64_t o) {
        const T dot = sum<T>(n, [&]<class V>(int64_t i) { return at<V>(g + o + i) * at<V>(y + o + i); });
        each<T>(n, [&]<class V>(int64_t i) { put(dx + o + i, at<V>(y + o + i) * (at<V>(g + o + i) - dot)); });
      },
      [&](int64_t offset, int64_t columns) {
        T dot[column_block] = {};
        for (int64_t i = 0; i < n; ++i) {
          const T *gi = g + offset + i * inner, *yi = y + offset + i * inner;
          for (int64_t j = 0; j < columns; ++j) dot[j] += gi[j] * yi[j];
        }
        for (int64_t i = 0; i < n; ++i) {
          const T *gi = g + offset + i * inner, *yi = y + offset + i * inner;
          T* out = dx + offset + i * inner;
#pragma GCC ivdep
          for (int64_t j = 0; j < columns; ++j) out[j] = yi[j] * (gi[j] - dot[j]);
        }
      });
}

template <class T>
void log_softmax_backward(const void* g_, const void* y_, int64_t outer, int64_t n, int64_t inner, void* dx_) {
  const T *g = static_cast<const T*>(g_), *y = static_cast<const T*>(y_);
  T* dx = static_cast<T*>(dx_);
  each_line(
      outer, n, inner,
      [&](int64_t o) {
        const T total = sum<T>(n, [&]<class V>(int64_t i) { return at<V>(g + o + i); });
        const T *gi = g + o, *yi = y + o;
        T* out = dx + o;
#pragma GCC ivdep
        for (int64_t i = 0; i < n; ++i) out[i] = gi[i] - vm::exp(yi[i]) * total;
      },
      [&](int64_t offset, int64_t columns) {
        T total[column_block] = {};
        for (int64_t i = 0; i < n; ++i) {
          const T* gi = g + offset + i * inner;
          for (int64_t j = 0; j < columns; ++j) total[j] += gi[j];
        }
        for (int64_t i = 0; i < n; ++i) {
          const T *gi = g + offset + i * inner, *yi = y + offset + i * inner;
          T* out = dx + offset + i * inner;
#pragma GCC ivdep
          for (int64_t j = 0; j < columns; ++j) out[j] = gi[j] - vm::exp(yi[j]) * total[j];
        }
      });
}

}  // namespace

void fill(SoftmaxTable& table) {
  table = {{softmax<float>, softmax<double>},
           {log_softmax<float>, log_softmax<double>},
           {log_sum_exp<float>, log_sum_exp<double>},
           {softmax_backward<float>, softmax_backward<double>},
           {log_softmax_backward<float>, log_softmax_backward<double>}};
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
