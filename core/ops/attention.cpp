// Fused attention: shapes, layouts and the derivative of its derivative.
#include <cmath>
#include <cstring>
#include <limits>

#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/convert.h"
#include "ops/promotion.h"
#include "ops/row_layout.h"
#include "ops/support.h"
#include "runtime/error.h"

namespace weft::ops::impl {

namespace {

/// As the kernel reads it: float32, the last dimension contiguous.
Tensor readable(const Tensor& t) {
  const Tensor typed = t.dtype() == DType::float32 ? t : converted(t, DType::float32);
  return typed.numel() == 0 || typed.size(3) == 1 || typed.strides()[3] == 1 ? typed : packed_as(typed, DType::float32);
}

/// (batch, heads, rows, width) with the heads of a row side by side in memory, as projections want them.
Tensor by_rows(const Dims& sizes) {
  const int64_t width = sizes[3], row = sizes[1] * width;
  return empty_strided(sizes, Dims{sizes[2] * row, width, row, 1}, DType::float32);
}

/// Memory for the result, its dimensions ordered as the query's are.
Tensor like_query(const Tensor& query, const Dims& sizes) {
  const IntList strides = query.strides();
  const bool rows_first = strides[1] < strides[2] && strides[3] == 1 && query.size(1) > 1 && query.size(2) > 1;
  return rows_first ? by_rows(sizes) : weft::empty(sizes, DType::float32);
}

kernels::AttentionMatrix matrix(const Tensor& t) { return {t.bytes(), t.strides()[0], t.strides()[1], t.strides()[2]}; }

void check_shapes(const Tensor& query, const Tensor& key, const Tensor& value) {
  check(query.dim() == 4 && key.dim() == 4 && value.dim() == 4,
        "scaled_dot_product_attention: expected query, key and value of 4 dimensions, got {}, {} and {}", query.sizes(),
        key.sizes(), value.sizes());
  const bool agree = key.size(0) == query.size(0) && value.size(0) == query.size(0) && key.size(3) == query.size(3) &&
                     value.size(1) == key.size(1) && value.size(2) == key.size(2) &&
                     (key.size(1) == query.size(1) || (key.size(1) > 0 && query.size(1) % key.size(1) == 0));
  check(agree, "scaled_dot_product_attention: query {}, key {} and value {} do not fit together", query.sizes(),
        key.sizes(), value.sizes());
  for (const auto* t : {&query, &key, &value})
    check(is_floating(t->dtype()) && t->dtype() == query.dtype(),
          "Expected query, key, and value to have the same floating-point dtype, but got {}, {} and {}", query.dtype(),
          key.dtype(), value.dtype());
}

/// The arguments both passes share; `mask` keeps the mask's memory.
kernels::AttentionArgs arguments(const Tensor& query, const Tensor& key, const Tensor& value, Tensor& mask, bool causal,
                                 double scale) {
  kernels::AttentionArgs args{};
  args.batch = query.size(0);
  args.heads = query.size(1);
  args.group = key.size(1) == 0 ? 1 : query.size(1) / key.size(1);
  args.length = query.size(2);
  args.keys = key.size(2);
  args.width = query.size(3);
  args.value_width = value.size(3);
  args.scale = static_cast<float>(scale);
  args.causal = causal;
  args.query = matrix(query);
  args.key = matrix(key);
  args.value = matrix(value);
  if (mask.defined()) {
    if (mask.dtype() != DType::boolean && mask.dtype() != DType::float32) mask = converted(mask, DType::float32);
    mask = ops::expand(mask, Dims{args.batch, args.heads, args.length, args.keys});
    args.mask = mask.bytes();
    args.mask_is_bool = mask.dtype() == DType::boolean;
    args.mask_batch = mask.strides()[0];
    args.mask_head = mask.strides()[1];
    args.mask_row = mask.strides()[2];
    args.mask_column = mask.strides()[3];
  }
  return args;
}

/// Keys or values with each head repeated for the queries that share it; and gradients of such, summed back.
Tensor repeated(const Tensor& t, int64_t group) {
  if (group == 1) return t;
  const Dims sizes{t.size(0), t.size(1), group, t.size(2), t.size(3)};
  return ops::reshape(ops::expand(ops::unsqueeze(t, 2), sizes), Dims{t.size(0), -1, t.size(2), t.size(3)});
}
Tensor gathered(const Tensor& t, int64_t group) {
  if (group == 1) return t;
  const Dims sizes{t.size(0), t.size(1) / group, group, t.size(2), t.size(3)};
  return ops::sum_dim(ops::reshape(t, sizes), Dims{2}, false, std::nullopt);
}

constexpr double infinity = std::numeric_limits<double>::infinity();

Tensor number(double value) { return wrapped_number(Scalar(value)); }

/// True where query i may see key j.
Tensor triangle(int64_t rows, int64_t columns) {
  const Tensor t = weft::empty(Dims{rows, columns}, DType::boolean);
  auto* at = t.data<bool>();
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) *at++ = j <= i;
  return t;
}

/// scale query key^T, masked, from operators.
Tensor masked_scores(const Tensor& query, const Tensor& key, const Tensor& mask, bool is_causal, double scale) {
  const Tensor scores = ops::mul(ops::matmul(query, ops::transpose(key, -2, -1)), number(scale));
  const Tensor lowest = number(-infinity);
  const Tensor seen = is_causal ? ops::where(triangle(query.size(2), key.size(2)), scores, lowest) : scores;
  if (!mask.defined()) return seen;
  return mask.dtype() == DType::boolean ? ops::where(mask, seen, lowest) : ops::add(seen, mask);
}

/// The same from operators, for float64.
std::tuple<Tensor, Tensor> composed(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask,
                                    bool is_causal, double scale) {
  const int64_t group = key.size(1) == 0 ? 1 : query.size(1) / key.size(1);
  const Tensor scores = masked_scores(query, repeated(key, group), mask, is_causal, scale);
  const Tensor sums = ops::logsumexp(scores, Dims{-1}, false);
  const Tensor log_sums = ops::where(ops::eq(sums, number(-infinity)), number(infinity), sums);
  const Tensor weights = ops::exp(ops::sub(scores, ops::unsqueeze(log_sums, -1)));
  return {ops::matmul(weights, repeated(value, group)), log_sums};
}

}  // namespace

std::tuple<Tensor, Tensor> attention(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask,
                                     bool is_causal, double scale) {
  check_shapes(query, key, value);
  if (query.dtype() == DType::float64) return composed(query, key, value, mask, is_causal, scale);
  const Tensor q = readable(query), k = readable(key), v = readable(value);
  Tensor m = mask;
  auto args = arguments(q, k, v, m, is_causal, scale);
  const Tensor out = like_query(query, Dims{args.batch, args.heads, args.length, args.value_width});
  const Tensor log_sums = weft::empty(Dims{args.batch, args.heads, args.length}, DType::float32);
  args.out = matrix(out);
  args.log_sums = log_sums.data<float>();
  kernels::table().attention.forward(args);
  return {finished(out, query.dtype()), log_sums};
}

std::tuple<Tensor, Tensor, Tensor> attention_backward(const Tensor& grad, const Tensor& query, const Tensor& key,
                                                      const Tensor& value, const Tensor& mask, bool is_causal,
                                                      double scale, const Tensor& out, const Tensor& log_sums) {
  if (query.dtype() != DType::float64 && !must_record(grad, query, key, value)) {
    const Tensor q = readable(query), k = readable(key), v = readable(value);
    Tensor m = mask;
    auto args = arguments(q, k, v, m, is_causal, scale);
    const Tensor g = readable(grad), o = readable(out);
    const Tensor grads[] = {by_rows(q.sizes()), by_rows(k.sizes()), by_rows(v.sizes())};
    if (args.length == 0 || args.keys == 0)
      for (const Tensor& t : grads) std::memset(t.bytes(), 0, static_cast<std::size_t>(t.numel()) * sizeof(float));
    args.out = matrix(o);
    args.log_sums = log_sums.data<float>();
    args.grad_out = matrix(g);
    args.grad_query = matrix(grads[0]);
    args.grad_key = matrix(grads[1]);
    args.grad_value = matrix(grads[2]);
    kernels::table().attention.backward(args);
    return {finished(grads[0], query.dtype()), finished(grads[1], key.dtype()), finished(grads[2], value.dtype())};
  }
  const int64_t group = key.size(1) == 0 ? 1 : query.size(1) / key.size(1);
  const Tensor k = repeated(key, group), v = repeated(value, group);
  const Tensor scores = masked_scores(query, k, mask, is_causal, scale);
  // Rows that see nothing weigh nothing, and have no gradient.
  const Tensor sees = ops::unsqueeze(ops::ne(log_sums, number(infinity)), -1);
  const Tensor weights = ops::where(sees, ops::_softmax(ops::where(sees, scores, number(0)), -1), number(0));
  const Tensor change = ops::matmul(grad, ops::transpose(v, -2, -1));
  const Tensor sum = ops::sum_dim(ops::mul(change, weights), Dims{-1}, true, std::nullopt);
  const Tensor slope = ops::mul(ops::mul(weights, ops::sub(change, sum)), number(scale));
  return {ops::matmul(slope, k), gathered(ops::matmul(ops::transpose(slope, -2, -1), query), group),
          gathered(ops::matmul(ops::transpose(weights, -2, -1), grad), group)};
}

}  // namespace weft::ops::impl
