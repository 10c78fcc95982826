// Walks several strided arrays together: orders and joins dimensions, then runs an inner loop over long strips, in
// parallel pieces that depend on the problem alone.
#pragma once

#include "kernels/compute.h"
#include "runtime/parallel.h"
#include "tensor/tensor.h"

namespace weft::ops {

class StridedLoop {
 public:
  static constexpr int max_operands = 6;
  static constexpr int max_dims = 64;

  explicit StridedLoop(IntList sizes);
  /// Adds an array with byte strides, one per dimension of the shape; the output first.
  void add(char* data, IntList byte_strides, int64_t element_size);
  /// Adds a tensor whose shape broadcasts to the loop's.
  void add(const Tensor& tensor);
  /// Adds one value for all elements.
  void add_constant(char* data);

  int64_t numel() const noexcept { return numel_; }
  /// Runs `loop` over all elements, `cost` nanoseconds each.
  void run(kernels::InnerLoop loop, const kernels::Param* params, double cost);
  /// The same for any callable (data, byte strides, n).
  using Strip = FunctionRef<void(char* const* data, const int64_t* strides, int64_t n)>;
  void run(Strip strip, double cost);

 private:
  void simplify();
  void run_strips(Strip strip, double cost);
  bool is_past_caches() const noexcept;
  void run_past_caches(Strip strip, int64_t begin, int64_t end);
  void run_short_rows(Strip strip, double cost);

  int ndim_;
  int operands_ = 0;
  int64_t numel_;
  bool simple_ = false;
  int64_t sizes_[max_dims];
  int64_t strides_[max_operands][max_dims];
  int64_t element_sizes_[max_operands];
  char* data_[max_operands];
};

/// parallel_for over n elements that cost so many nanoseconds each, in pieces of equal size.
void parallel_elements(int64_t n, double nanoseconds, FunctionRef<void(int64_t begin, int64_t end)> f);

}  // namespace weft::ops
