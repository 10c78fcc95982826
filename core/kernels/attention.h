// Attention without its matrix of weights: softmax(scale Q K^T + mask) V, a block of queries and keys at a time.
#pragma once

#include <cstdint>

namespace weft::kernels {

/// Strides count elements. The last dimension of every array but the mask is contiguous.
struct AttentionMatrix {
  void* data = nullptr;
  int64_t batch = 0, head = 0, row = 0;
};

/// Queries (batch, heads, length, width), keys (batch, heads / group, keys, width), values (..., value_width); f32.
/// Query i sees keys 0 ... i when causal. A query that sees nothing gives 0.
struct AttentionArgs {
  int64_t batch, heads, group, length, keys, width, value_width;
  float scale;
  bool causal;
  AttentionMatrix query, key, value, out;
  /// Numbers to add to the scaled products, or bools: true where a query may look. Null for none.
  const void* mask = nullptr;
  bool mask_is_bool = false;
  int64_t mask_batch = 0, mask_head = 0, mask_row = 0, mask_column = 0;
  /// log(sum(exp(scores))) of each query, contiguous (batch, heads, length).
  float* log_sums = nullptr;

  // Of the backward pass only, which writes every gradient whole, unless there are no queries or no keys.
  AttentionMatrix grad_out, grad_query, grad_key, grad_value;
};

/// The same bits at any thread count.
struct AttentionTable {
  void (*forward)(const AttentionArgs& args);
  void (*backward)(const AttentionArgs& args);
};

}  // namespace weft::kernels
