// Layer, RMS, batch and group normalisation.
#include "kernels/norm.h"

#include "kernels/gemm_scratch.h"
#include "kernels/rows.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t piece_elements = 16384;  // work of one piece of a parallel region
constexpr int64_t block = 4096;            // elements summed in the data's own precision before going to double

int64_t grain_of(int64_t elements_per_item) noexcept {
  return max_of(1, piece_elements / max_of(1, elements_per_item));
}

/// Rows per piece such that there are at most `most` pieces, each worth a thread's while.
int64_t rows_per_piece(int64_t rows, int64_t n, int64_t most) noexcept {
  return max_of(grain_of(n), ceil_div(rows, most));
}

template <class T>
void mean_and_rstd(const T* x, int64_t n, double eps, bool centered, T* mean, T* rstd) noexcept {
  T m = 0;
  if (centered) m = sum<T>(n, [&]<class V>(int64_t i) { return at<V>(x + i); }) / static_cast<T>(n);
  const T squares = sum<T>(n, [&]<class V>(int64_t i) {
    const V d = at<V>(x + i) - m;
    return d * d;
  });
  *mean = m;
  *rstd = static_cast<T>(1.0 / __builtin_sqrt(static_cast<double>(squares) / static_cast<double>(n) + eps));
}

template <class T>
void layer(const void* x_, const void* weight_, const void* bias_, double eps, int64_t rows, int64_t n, void* y_,
           void* mean_, void* rstd_) {
  const T *x = static_cast<const T*>(x_), *weight = static_cast<const T*>(weight_),
          *bias = static_cast<const T*>(bias_);
  T *y = static_cast<T*>(y_), *means = static_cast<T*>(mean_), *rstds = static_cast<T*>(rstd_);
  parallel_for(rows, grain_of(n), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* in = x + r * n;
      T* out = y + r * n;
      T mean, rstd;
      mean_and_rstd(in, n, eps, means != nullptr, &mean, &rstd);
      if (means) means[r] = mean;
      rstds[r] = rstd;
      if (weight && bias) {
        each<T>(n, [&]<class V>(int64_t i) {
          put(out + i, (at<V>(in + i) - mean) * rstd * at<V>(weight + i) + at<V>(bias + i));
        });
      } else if (weight) {
        each<T>(n, [&]<class V>(int64_t i) { put(out + i, (at<V>(in + i) - mean) * rstd * at<V>(weight + i)); });
      } else {
        each<T>(n, [&]<class V>(int64_t i) { put(out + i, (at<V>(in + i) - mean) * rstd); });
        if (bias) each<T>(n, [&]<class V>(int64_t i) { put(out + i, at<V>(out + i) + at<V>(bias + i)); });
      }
    }
  });
}

/// What the gradient of row r needs besides the row: dx = rstd * (g * weight - a - xhat * b).
template <class T>
struct RowTerms {
  const T *g, *x;
  T* dx;
  T mean, rstd, a, b;
};

/// Gradients of R rows; sharing the sweep halves the traffic of the column sums.
template <class T, int R, bool Dx>
void layer_backward_rows(const RowTerms<T>* rows, const T* weight, int64_t n, T* dweight, T* dbias) noexcept {
  each<T>(n, [&]<class V>(int64_t i) {
    V dw = at<V>(dweight + i), db = at<V>(dbias + i);
    const V w = at<V>(weight + i);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const V g = at<V>(rows[r].g + i), xhat = (at<V>(rows[r].x + i) - rows[r].mean) * rows[r].rstd;
      dw += g * xhat;
      db += g;
      if constexpr (Dx) put(rows[r].dx + i, rows[r].rstd * (g * w - rows[r].a - xhat * rows[r].b));
    }
    put(dweight + i, dw);
    put(dbias + i, db);
  });
}

/// Adds `count` rows of n (stride apart) into `to`, in order.
template <class T>
void add_rows(const T* from, int64_t count, int64_t stride, int64_t n, T* to) noexcept {
  each<T>(n, [&]<class V>(int64_t i) {
    V total = V{};
    for (int64_t r = 0; r < count; ++r) total += at<V>(from + r * stride + i);
    put(to + i, total);
  });
}

template <class T>
void layer_backward(const void* g_, const void* x_, const void* weight_, const void* mean_, const void* rstd_,
                    int64_t rows, int64_t n, void* dx_, void* dweight_, void* dbias_) {
  const T *g = static_cast<const T*>(g_), *x = static_cast<const T*>(x_), *weight = static_cast<const T*>(weight_);
  const T *means = static_cast<const T*>(mean_), *rstds = static_cast<const T*>(rstd_);
  T *dx = static_cast<T*>(dx_), *dweight = static_cast<T*>(dweight_), *dbias = static_cast<T*>(dbias_);
  const Scratch<T> ones(weight ? 0 : n);
  if (!weight) {
    for (int64_t i = 0; i < n; ++i) ones[i] = 1;
    weight = ones.data();
  }
  const int64_t step = rows_per_piece(rows, n, 32), pieces = ceil_div(rows, step);
  const Scratch<T> partial(pieces * 2 * n);
  parallel_for(rows, step, [&](int64_t begin, int64_t end) {
    T* dw = partial.data() + begin / step * 2 * n;
    T* db = dw + n;
    for (int64_t i = 0; i < 2 * n; ++i) dw[i] = 0;
    constexpr int together = 4;
    for (int64_t first = begin; first < end; first += together) {
      RowTerms<T> terms[together];
      const int count = static_cast<int>(min_of(together, end - first));
      for (int k = 0; k < count; ++k) {
        const int64_t r = first + k;
        RowTerms<T>& row = terms[k];
        row = {g + r * n, x + r * n, dx ? dx + r * n : nullptr, means ? means[r] : 0, rstds[r], 0, 0};
        if (!dx) continue;
        T s[2];
        sums<T, 2>(n, s, [&]<class V>(int64_t i, V* acc) {
          const V gw = at<V>(row.g + i) * at<V>(weight + i);
          acc[0] += gw;
          acc[1] += gw * (at<V>(row.x + i) - row.mean);
        });
        row.a = means ? s[0] / static_cast<T>(n) : 0;
        row.b = s[1] * row.rstd / static_cast<T>(n);
      }
      if (count == together) {
        if (dx)
          layer_backward_rows<T, together, true>(terms, weight, n, dw, db);
        else
          layer_backward_rows<T, together, false>(terms, weight, n, dw, db);
      } else {
        for (int k = 0; k < count; ++k) {
          if (dx)
            layer_backward_rows<T, 1, true>(terms + k, weight, n, dw, db);
          else
            layer_backward_rows<T, 1, false>(terms + k, weight, n, dw, db);
        }
      }
    }
    if (n == 1 && means && dx)  // one element is its own mean: products fused with a sum would leave rounding errors
      for (int64_t r = begin; r < end; ++r) dx[r] = 0;
  });
  if (dweight) add_rows(partial.data(), pieces, 2 * n, n, dweight);
  if (dbias) add_rows(partial.data() + n, pieces, 2 * n, n, dbias);
}

// Batch norm. Both memory layouts share one plan: `reduce` two sums per channel, `finish` each channel, `apply` to
// the elements. With inner > 1 a channel is a set of planes; with inner == 1 the channels lie side by side.

/// reduce(c, n0, n1, double s[2]); finish(c, s); apply(c, n0, n1): images n0..n1 of channel c.
template <class Reduce, class Finish, class Apply>
void by_planes(ChannelShape shape, Reduce reduce, Finish finish, Apply apply) {
  const int64_t c_count = shape.channels, per_channel = shape.batch * shape.inner;
  const int64_t parts = c_count >= 16 ? 1 : max_of(1, min_of(shape.batch, min_of(32, per_channel / piece_elements)));
  if (parts == 1) {  // one visit while the channel is in cache
    parallel_for(c_count, grain_of(per_channel), [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; ++c) {
        double s[2];
        reduce(c, 0, shape.batch, s);
        finish(c, s);
        apply(c, 0, shape.batch);
      }
    });
    return;
  }
  const Scratch<double> partial(c_count * parts * 2);
  const auto first_image = [&](int64_t part) { return shape.batch * part / parts; };
  parallel_for(c_count * parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      reduce(k / parts, first_image(k % parts), first_image(k % parts + 1), partial.data() + 2 * k);
    }
  });
  for (int64_t c = 0; c < c_count; ++c) {
    double s[2] = {0, 0};
    for (int64_t k = c * parts; k < (c + 1) * parts; ++k) s[0] += partial[2 * k], s[1] += partial[2 * k + 1];
    finish(c, s);
  }
  parallel_for(c_count * parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) apply(k / parts, first_image(k % parts), first_image(k % parts + 1));
  });
}

/// term<V>(element offset, acc) over images n0..n1 of channel c; sums in double across blocks.
template <class T, class Term>
void sum_planes(ChannelShape shape, int64_t c, int64_t n0, int64_t n1, double* s, Term term) noexcept {
  s[0] = s[1] = 0;
  for (int64_t n = n0; n < n1; ++n) {
    const int64_t plane = (n * shape.channels + c) * shape.inner;
    for (int64_t b = 0; b < shape.inner; b += block) {
      T part[2];
      sums<T, 2>(min_of(block, shape.inner - b), part,
                 [&]<class V>(int64_t i, V* acc) { term.template operator()<V>(plane + b + i, acc); });
      s[0] += static_cast<double>(part[0]);
      s[1] += static_cast<double>(part[1]);
    }
  }
}

/// reduce(row0, row1, T* sums) writes 2 * channels sums of rows; finish(c, s); apply(row0, row1).
template <class T, class Reduce, class Finish, class Apply>
void by_rows(ChannelShape shape, Reduce reduce, Finish finish, Apply apply) {
  const int64_t c_count = shape.channels, step = rows_per_piece(shape.batch, c_count, 64);
  const int64_t pieces = ceil_div(shape.batch, step);
  const Scratch<double> partial(max_of(1, pieces) * 2 * c_count);
  parallel_for(shape.batch, step, [&](int64_t begin, int64_t end) {
    double* to = partial.data() + begin / step * 2 * c_count;
    for (int64_t i = 0; i < 2 * c_count; ++i) to[i] = 0;
    const Scratch<T> part(2 * c_count);
    for (int64_t row = begin; row < end; row += 256) {
      reduce(row, min_of(row + 256, end), part.data());
      for (int64_t i = 0; i < 2 * c_count; ++i) to[i] += static_cast<double>(part[i]);
    }
  });
  for (int64_t c = 0; c < c_count; ++c) {
    double s[2] = {0, 0};
    for (int64_t p = 0; p < pieces; ++p) {
      s[0] += partial[p * 2 * c_count + c];
      s[1] += partial[p * 2 * c_count + c_count + c];
    }
    finish(c, s);
  }
  parallel_for(shape.batch, grain_of(c_count), apply);
}

/// term<V>(row * channels + c, c, acc) for every row; T sums[2 * channels].
template <class T, class Term>
void sum_columns(int64_t c_count, int64_t row0, int64_t row1, T* to, Term term) noexcept {
  each<T>(c_count, [&]<class V>(int64_t c) {
    V acc[2] = {};
    for (int64_t row = row0; row < row1; ++row) term.template operator()<V>(row * c_count + c, c, acc);
    put(to + c, acc[0]);
    put(to + c_count + c, acc[1]);
  });
}

/// y = x * scale[c] + shift[c], images n0..n1 of channel c, or rows n0..n1 when inner == 1.
template <class T>
void scale_planes(ChannelShape shape, int64_t c, int64_t n0, int64_t n1, const T* x, T scale, T shift, T* y) noexcept {
  for (int64_t n = n0; n < n1; ++n) {
    const int64_t plane = (n * shape.channels + c) * shape.inner;
    each<T>(shape.inner, [&]<class V>(int64_t i) { put(y + plane + i, at<V>(x + plane + i) * scale + shift); });
  }
}
template <class T>
void scale_rows(int64_t c_count, int64_t row0, int64_t row1, const T* x, const T* scale, const T* shift,
                T* y) noexcept {
  for (int64_t row = row0; row < row1; ++row) {
    each<T>(c_count, [&]<class V>(int64_t c) {
      put(y + row * c_count + c, at<V>(x + row * c_count + c) * at<V>(scale + c) + at<V>(shift + c));
    });
  }
}

template <class T>
void batch(const void* x_, const void* weight_, const void* bias_, void* running_mean_, void* running_var_,
           double momentum, double eps, ChannelShape shape, void* y_, void* mean_, void* invstd_) {
  const T *x = static_cast<const T*>(x_), *weight = static_cast<const T*>(weight_),
          *bias = static_cast<const T*>(bias_);
  T *running_mean = static_cast<T*>(running_mean_), *running_var = static_cast<T*>(running_var_);
  T *y = static_cast<T*>(y_), *mean = static_cast<T*>(mean_), *invstd = static_cast<T*>(invstd_);
  const int64_t c_count = shape.channels;
  const double count = static_cast<double>(shape.batch * shape.inner);
  const Scratch<T> pivot(c_count), scale(c_count), shift(c_count);
  // Sums are taken of x - pivot, the mean of the channel's first elements, so that squares do not cancel.
  const auto finish = [&](int64_t c, const double* s) {
    const double offset = s[0] / count, m = static_cast<double>(pivot[c]) + offset;
    const double var = __builtin_fmax(s[1] / count - offset * offset, 0.0);  // also 0 for NaN, mended next
    const double exact = s[1] == s[1] ? var : s[1];
    const double r = 1.0 / __builtin_sqrt(exact + eps);
    mean[c] = static_cast<T>(m);
    invstd[c] = static_cast<T>(r);
    const double w = weight ? static_cast<double>(weight[c]) : 1.0, b = bias ? static_cast<double>(bias[c]) : 0.0;
    scale[c] = static_cast<T>(r * w);
    shift[c] = static_cast<T>(b - m * r * w);
    if (running_mean)
      running_mean[c] = static_cast<T>(momentum * m + (1 - momentum) * static_cast<double>(running_mean[c]));
    if (running_var) {
      const double unbiased = exact * count / (count - 1);
      running_var[c] = static_cast<T>(momentum * unbiased + (1 - momentum) * static_cast<double>(running_var[c]));
    }
  };
  if (shape.inner == 1) {
    const int64_t first = min_of(shape.batch, 64);
    Scratch<T> unused(2 * c_count);
    sum_columns<T>(c_count, 0, first, unused.data(),
                   [&]<class V>(int64_t i, int64_t, V* acc) { acc[0] += at<V>(x + i); });
    for (int64_t c = 0; c < c_count; ++c) pivot[c] = unused[c] / static_cast<T>(first);
    by_rows<T>(
        shape,
        [&](int64_t row0, int64_t row1, T* to) {
          sum_columns<T>(c_count, row0, row1, to, [&]<class V>(int64_t i, int64_t c, V* acc) {
            const V d = at<V>(x + i) - at<V>(pivot.data() + c);
            acc[0] += d;
            acc[1] += d * d;
          });
        },
        finish, [&](int64_t row0, int64_t row1) { scale_rows(c_count, row0, row1, x, scale.data(), shift.data(), y); });
    return;
  }
  parallel_for(c_count, grain_of(min_of(block, shape.inner)), [&](int64_t begin, int64_t end) {
    const int64_t n = min_of(block, shape.inner);
    for (int64_t c = begin; c < end; ++c) {
      pivot[c] = sum<T>(n, [&]<class V>(int64_t i) { return at<V>(x + c * shape.inner + i); }) / static_cast<T>(n);
    }
  });
  by_planes(
      shape,
      [&](int64_t c, int64_t n0, int64_t n1, double* s) {
        const T p = pivot[c];
        sum_planes<T>(shape, c, n0, n1, s, [&]<class V>(int64_t i, V* acc) {
          const V d = at<V>(x + i) - p;
          acc[0] += d;
          acc[1] += d * d;
        });
      },
      finish, [&](int64_t c, int64_t n0, int64_t n1) { scale_planes(shape, c, n0, n1, x, scale[c], shift[c], y); });
}

template <class T>
void batch_eval(const void* x_, const void* weight_, const void* bias_, const void* mean_, const void* invstd_,
                ChannelShape shape, void* y_) {
  const T *x = static_cast<const T*>(x_), *weight = static_cast<const T*>(weight_),
          *bias = static_cast<const T*>(bias_);
  const T *mean = static_cast<const T*>(mean_), *invstd = static_cast<const T*>(invstd_);
  T* y = static_cast<T*>(y_);
  const int64_t c_count = shape.channels;
  const Scratch<T> scale(c_count), shift(c_count);
  for (int64_t c = 0; c < c_count; ++c) {
    scale[c] = weight ? invstd[c] * weight[c] : invstd[c];
    shift[c] = (bias ? bias[c] : 0) - mean[c] * scale[c];
  }
  if (shape.inner == 1) {
    parallel_for(shape.batch, grain_of(c_count), [&](int64_t begin, int64_t end) {
      scale_rows(c_count, begin, end, x, scale.data(), shift.data(), y);
    });
    return;
  }
  parallel_for(shape.batch * c_count, grain_of(shape.inner), [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const int64_t n = k / c_count, c = k % c_count;
      scale_planes(shape, c, n, n + 1, x, scale[c], shift[c], y);
    }
  });
}

template <class T>
void batch_backward(const void* g_, const void* x_, const void* weight_, const void* mean_, const void* invstd_,
                    ChannelShape shape, bool train, void* dx_, void* dweight_, void* dbias_) {
  const T *g = static_cast<const T*>(g_), *x = static_cast<const T*>(x_), *weight = static_cast<const T*>(weight_);
  const T *mean = static_cast<const T*>(mean_), *invstd = static_cast<const T*>(invstd_);
  T *dx = static_cast<T*>(dx_), *dweight = static_cast<T*>(dweight_), *dbias = static_cast<T*>(dbias_);
  const int64_t c_count = shape.channels;
  const double count = static_cast<double>(shape.batch * shape.inner);
  // dx = a * g + b * (x - mean) + k
  const Scratch<T> a(c_count), b(c_count), k(c_count);
  const auto finish = [&](int64_t c, const double* s) {
    const double r = static_cast<double>(invstd[c]), scale = weight ? r * static_cast<double>(weight[c]) : r;
    if (dbias) dbias[c] = static_cast<T>(s[0]);
    if (dweight) dweight[c] = static_cast<T>(s[1] * r);
    a[c] = static_cast<T>(scale);
    b[c] = static_cast<T>(train ? -scale * r * r * s[1] / count : 0.0);
    k[c] = static_cast<T>(train ? -scale * s[0] / count : 0.0);
  };
  if (shape.inner == 1) {
    by_rows<T>(
        shape,
        [&](int64_t row0, int64_t row1, T* to) {
          sum_columns<T>(c_count, row0, row1, to, [&]<class V>(int64_t i, int64_t c, V* acc) {
            const V gi = at<V>(g + i);
            acc[0] += gi;
            acc[1] += gi * (at<V>(x + i) - at<V>(mean + c));
          });
        },
        finish,
        [&](int64_t row0, int64_t row1) {
          if (!dx) return;
          for (int64_t row = row0; row < row1; ++row) {
            const int64_t at_row = row * c_count;
            each<T>(c_count, [&]<class V>(int64_t c) {
              const V d = at<V>(x + at_row + c) - at<V>(mean + c);
              const V gi = at<V>(g + at_row + c);
              put(dx + at_row + c, at<V>(a.data() + c) * gi + (at<V>(b.data() + c) * d + at<V>(k.data() + c)));
            });
          }
        });
    return;
  }
  by_planes(
      shape,
      [&](int64_t c, int64_t n0, int64_t n1, double* s) {
        const T m = mean[c];
        sum_planes<T>(shape, c, n0, n1, s, [&]<class V>(int64_t i, V* acc) {
          const V gi = at<V>(g + i);
          acc[0] += gi;
          acc[1] += gi * (at<V>(x + i) - m);
        });
      },
      finish,
      [&](int64_t c, int64_t n0, int64_t n1) {
        if (!dx) return;
        const T ac = a[c], bc = b[c], kc = k[c], m = mean[c];
        for (int64_t n = n0; n < n1; ++n) {
          const int64_t plane = (n * c_count + c) * shape.inner;
          each<T>(shape.inner, [&]<class V>(int64_t i) {
            put(dx + plane + i, ac * at<V>(g + plane + i) + (bc * (at<V>(x + plane + i) - m) + kc));
          });
        }
      });
}

template <class T>
void group(const void* x_, const void* weight_, const void* bias_, double eps, ChannelShape shape, int64_t groups,
           void* y_, void* mean_, void* rstd_) {
  const T *x = static_cast<const T*>(x_), *weight = static_cast<const T*>(weight_),
          *bias = static_cast<const T*>(bias_);
  T *y = static_cast<T*>(y_), *mean = static_cast<T*>(mean_), *rstd = static_cast<T*>(rstd_);
  const int64_t per_group = shape.channels / groups, n = per_group * shape.inner;
  parallel_for(shape.batch * groups, grain_of(n), [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      mean_and_rstd(x + k * n, n, eps, true, mean + k, rstd + k);
      for (int64_t j = 0; j < per_group; ++j) {
        const int64_t c = k % groups * per_group + j;
        const T scale = weight ? rstd[k] * weight[c] : rstd[k];
        const T shift = bias ? bias[c] : T{0};
        const T *in = x + k * n + j * shape.inner, m = mean[k];
        T* out = y + k * n + j * shape.inner;
        each<T>(shape.inner, [&]<class V>(int64_t i) { put(out + i, (at<V>(in + i) - m) * scale + shift); });
      }
    }
  });
}

template <class T>
void group_backward(const void* g_, const void* x_, const void* weight_, const void* mean_, const void* rstd_,
                    ChannelShape shape, int64_t groups, void* dx_, void* dweight_, void* dbias_) {
  const T *g = static_cast<const T*>(g_), *x = static_cast<const T*>(x_), *weight = static_cast<const T*>(weight_);
  const T *mean = static_cast<const T*>(mean_), *rstd = static_cast<const T*>(rstd_);
  T *dx = static_cast<T*>(dx_), *dweight = static_cast<T*>(dweight_), *dbias = static_cast<T*>(dbias_);
  const int64_t channels = shape.channels, per_group = channels / groups, n = per_group * shape.inner;
  const Scratch<T> partial(2 * shape.batch * channels);  // per image and channel: sums of g and of g * xhat
  parallel_for(shape.batch * groups, grain_of(n), [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const T m = mean[k], r = rstd[k];
      T a = 0, b = 0;
      for (int64_t j = 0; j < per_group; ++j) {
        const int64_t plane = k * n + j * shape.inner, c = k % groups * per_group + j;
        T s[2];
        sums<T, 2>(shape.inner, s, [&]<class V>(int64_t i, V* acc) {
          const V gi = at<V>(g + plane + i);
          acc[0] += gi;
          acc[1] += gi * (at<V>(x + plane + i) - m);
        });
        T* to = partial.data() + 2 * (k * per_group + j);
        to[0] = s[0];
        to[1] = s[1] * r;
        const T w = weight ? weight[c] : T{1};
        a += w * to[0];
        b += w * to[1];
      }
      if (!dx) continue;
      a /= static_cast<T>(n);
      b *= r / static_cast<T>(n);
      for (int64_t j = 0; j < per_group; ++j) {
        const int64_t plane = k * n + j * shape.inner, c = k % groups * per_group + j;
        const T w = weight ? weight[c] : T{1};
        each<T>(shape.inner, [&]<class V>(int64_t i) {
          put(dx + plane + i, r * (at<V>(g + plane + i) * w - a - (at<V>(x + plane + i) - m) * b));
        });
      }
    }
  });
  for (int64_t c = 0; c < channels; ++c) {
    T db = 0, dw = 0;
    for (int64_t image = 0; image < shape.batch; ++image) {
      db += partial[2 * (image * channels + c)];
      dw += partial[2 * (image * channels + c) + 1];
    }
    if (dbias) dbias[c] = db;
    if (dweight) dweight[c] = dw;
  }
}

}  // namespace

void fill(NormTable& table) {
  table = {{layer<float>, layer<double>},
           {layer_backward<float>, layer_backward<double>},
           {batch<float>, batch<double>},
           {batch_eval<float>, batch_eval<double>},
           {batch_backward<float>, batch_backward<double>},
           {group<float>, group<double>},
           {group_backward<float>, group_backward<double>}};
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
