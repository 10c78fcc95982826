// Matrix products C = act(alpha * A B [+ C] + bias), batched, for any strides of A and B.
#pragma once

#include <cstdint>

#include "kernels/compute.h"

namespace weft::kernels {

/// Applied to the finished element, bias included.
enum class Activation : uint8_t { none, relu, gelu };

/// C[m, n] from A[m, k] and B[k, n]. Strides count elements; any value will do for A and B (0 and negative too), the
/// columns of C are consecutive. C must not overlap A or B.
struct GemmArgs {
  int64_t m = 0, n = 0, k = 0;
  const void* a = nullptr;
  const void* b = nullptr;
  void* c = nullptr;
  int64_t a_row = 0, a_col = 1;
  int64_t b_row = 0, b_col = 1;
  int64_t c_row = 0;
  Param alpha{1.0, 1};
  /// Adds to what C holds; otherwise C is only written, and may hold anything.
  bool accumulate = false;
  /// One value per column (n of them), one per row (m of them), or null.
  const void* column_bias = nullptr;
  const void* row_bias = nullptr;
  Activation activation = Activation::none;
  /// Elements from one matrix to the next; 0 uses the same A or B for all.
  int64_t batch = 1;
  int64_t a_batch = 0, b_batch = 0, c_batch = 0;
  /// B is what `pack` made of it; its strides do not matter. Then A's columns are consecutive, and there is no batch.
  bool packed_b = false;
};

/// Indexed by Compute; b8 is null. The same bits come out at any thread count. i64 has no gelu and wraps around.
struct GemmTable {
  void (*gemm[compute_count])(const GemmArgs& args);
  /// Copies B (whose k, n and strides it takes from `args`) for products that use it again and again. The copy has k
  /// rows of n elements, n rounded up to a multiple of pack_multiple.
  void (*pack[compute_count])(const GemmArgs& args, void* to);
  int64_t pack_multiple[compute_count];
  /// A and B are bfloat16 or float16, the sums and all else float32.
  void (*bfloat16)(const GemmArgs& args);
  void (*float16)(const GemmArgs& args);
};

namespace WEFT_ISA_NAMESPACE {
void fill(GemmTable& table);
}  // namespace WEFT_ISA_NAMESPACE

}  // namespace weft::kernels
