// What operators are expected to cost: nanoseconds of native time on one thread, for the governor.
#pragma once

#include <algorithm>
#include <bit>
#include <string_view>

#include "tensor/tensor.h"

namespace weft::ops::cost {

inline int64_t elements(const Tensor& t) noexcept { return t.defined() ? t.numel() : 0; }
inline int64_t elements(TensorSpan tensors) noexcept {
  int64_t n = 0;
  for (const auto& t : tensors) n += elements(t);
  return n;
}

/// Optimizers: memory traffic, 0.15 ns a float read or written.
template <class... Options>
int64_t fused_sgd(TensorSpan params, TensorSpan buffers, Options...) noexcept {
  return elements(params) * (buffers.empty() ? 4 : 7) / 10;
}
template <class... Options>
int64_t fused_adam(TensorSpan params, TensorSpan, TensorSpan, TensorSpan, TensorSpan, Options...) noexcept {
  return elements(params) * 11 / 10;
}
template <class... Options>
int64_t fused_update(std::string_view, TensorSpan params, Options...) noexcept {
  return elements(params);
}

/// At the rate of a middling core: 40 multiply-adds a nanosecond, and every element once from memory.
inline int64_t multiply_adds(int64_t count, int64_t elements) noexcept { return count / 40 + elements / 4; }

inline int64_t product(const Tensor& a, const Tensor& b) noexcept {
  const int64_t columns = b.dim() < 2 ? 1 : b.numel() / std::max<int64_t>(b.size(-2), 1);
  return multiply_adds(elements(a) * columns, elements(a) + elements(b));
}
/// A row of the dense factor for each nonzero, at memory's pace.
inline int64_t sparse_product(const Tensor&, const Tensor& col, const Tensor&, const Tensor& dense) noexcept {
  return elements(col) * (2 + (dense.dim() < 2 ? 1 : dense.size(1)) / 8);
}
inline int64_t sparse_product_transposed(const Tensor& crow, const Tensor& col, const Tensor& values,
                                         const Tensor& dense, IntList) noexcept {
  return sparse_product(crow, col, values, dense) + 5 * elements(col);
}
inline int64_t batched_product(const Tensor& a, const Tensor& b) noexcept {
  return multiply_adds(elements(a) * (b.dim() < 2 ? 1 : b.size(-1)), elements(a) + elements(b));
}
inline int64_t outer_product(const Tensor& a, const Tensor& b) noexcept { return elements(a) * elements(b) / 4; }
inline int64_t added_product(const Tensor&, const Tensor& a, const Tensor& b, const Scalar&, const Scalar&) noexcept {
  return product(a, b);
}
inline int64_t added_batched_product(const Tensor&, const Tensor& a, const Tensor& b, const Scalar&,
                                     const Scalar&) noexcept {
  return batched_product(a, b);
}
inline int64_t added_outer_product(const Tensor&, const Tensor& a, const Tensor& b, const Scalar&,
                                   const Scalar&) noexcept {
  return outer_product(a, b);
}
inline int64_t linear(const Tensor& input, const Tensor& weight, const Tensor&) noexcept {
  return multiply_adds(elements(input) * (weight.dim() == 2 ? weight.size(0) : 1), elements(input) + elements(weight));
}

/// Every point of `t`, whose channels are in dimension -1 - spatial, meets the whole weight once.
inline int64_t convolution_points(const Tensor& t, const Tensor& weight, int spatial) noexcept {
  if (t.dim() <= spatial) return 0;
  return multiply_adds(elements(t) / std::max<int64_t>(t.size(-1 - spatial), 1) * elements(weight), 2 * elements(t));
}
inline int64_t convolution(const Tensor& input, const Tensor& weight, const Tensor&, IntList stride, IntList, IntList,
                           bool transposed, IntList, int64_t) noexcept {
  const int64_t step = transposed ? 1 : std::max<int64_t>(weft::product(stride), 1);
  return convolution_points(input, weight, input.dim() - 2) / step;
}
inline int64_t convolution_input(const Tensor& grad, const Tensor& weight, IntList, IntList, IntList, IntList, bool,
                                 IntList, int64_t) noexcept {
  return convolution_points(grad, weight, grad.dim() - 2);
}
inline int64_t convolution_weight(const Tensor& grad, const Tensor& input, IntList sizes, IntList, IntList, IntList,
                                  bool, IntList, int64_t) noexcept {
  return multiply_adds(elements(grad) / std::max<int64_t>(grad.size(1), 1) * weft::product(sizes),
                       elements(grad) + elements(input));
}
inline int64_t conv(const Tensor& input, const Tensor& weight, const Tensor&, IntList stride, IntList, IntList,
                    int64_t) noexcept {
  const int64_t step = std::max<int64_t>(weft::product(stride), 1);
  return convolution_points(input, weight, static_cast<int>(stride.size())) / step;
}
inline int64_t conv_padding(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride,
                            std::string_view, IntList dilation, int64_t groups) noexcept {
  return conv(input, weight, bias, stride, {}, dilation, groups);
}
inline int64_t conv_transpose(const Tensor& input, const Tensor& weight, const Tensor&, IntList stride, IntList,
                              IntList, int64_t, IntList) noexcept {
  return convolution_points(input, weight, static_cast<int>(stride.size()));
}

/// Matrices that LAPACK factors, at four multiply-adds a nanosecond; the first of the arguments is the largest.
template <class... Rest>
int64_t factorization(const Tensor& a, const Rest&...) noexcept {
  return a.dim() < 2 ? 0 : 500 + a.numel() * std::min(a.size(-1), a.size(-2)) / 8;
}
/// Eigenvalues and singular values take about twenty times that.
template <class... Rest>
int64_t spectrum(const Tensor& a, const Rest&...) noexcept {
  return 10 * factorization(a);
}

/// Fourier transforms: 1 ns for each element and 0.4 for each doubling of the length.
template <class... Rest>
int64_t fourier(const Tensor& t, const Rest&...) noexcept {
  return elements(t) * (10 + 4 * static_cast<int64_t>(std::bit_width(static_cast<uint64_t>(elements(t))))) / 10;
}

/// Two products of queries with keys and an exponential each.
inline int64_t attention(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor&, bool,
                         double) noexcept {
  if (query.dim() != 4 || key.dim() != 4 || value.dim() != 4) return 0;
  return multiply_adds(
      query.numel() / std::max<int64_t>(query.size(3), 1) * key.size(2) * (query.size(3) + value.size(3) + 10),
      elements(query) + elements(key) + elements(value));
}
inline int64_t attention_backward(const Tensor&, const Tensor& query, const Tensor& key, const Tensor& value,
                                  const Tensor& mask, bool is_causal, double scale, const Tensor&,
                                  const Tensor&) noexcept {
  return 5 * attention(query, key, value, mask, is_causal, scale) / 2;
}

/// Two products for each row of the sequence, and its gates' activations.
inline int64_t rnn_layer(const Tensor& input, const Tensor&, const Tensor&, const Tensor& w_ih, const Tensor& w_hh,
                         const Tensor&, const Tensor&, const Tensor& w_hr, IntList, std::string_view, bool) noexcept {
  if (input.dim() == 0 || w_hh.dim() == 0) return 0;
  const int64_t rows = input.size(0);
  return multiply_adds(rows * (elements(w_ih) + elements(w_hh) + elements(w_hr)), elements(input)) +
         rows * w_hh.size(0);
}

}  // namespace weft::ops::cost
