#include "ops/pointwise.h"

#include <algorithm>

#include "kernels/table.h"
#include "ops/convert.h"
#include "ops/promotion.h"
#include "ops/strided_loop.h"
#include "ops/support.h"
#include "runtime/error.h"

namespace weft::ops::pointwise {

namespace {

using kernels::Compute;

constexpr int max_inputs = StridedLoop::max_operands - 1;

/// The dtype kernels compute `dtype` in.
DType storage_of(Compute compute) noexcept {
  constexpr DType types[] = {DType::float32, DType::float64,   DType::int64,
                             DType::boolean, DType::complex64, DType::complex128};
  return types[static_cast<int>(compute)];
}

/// How one operation runs: on inputs promoted to `common`, in `compute`, giving values of `kernel_result`, delivered as
/// `result`.
struct Plan {
  kernels::InnerLoop loop;
  DType common;
  DType compute;
  DType kernel_result;
  DType result;
};

kernels::InnerLoop loop_of(const Record& record, Compute compute) noexcept {
  return kernels::table().pointwise.loops[static_cast<int>(record.id)][static_cast<int>(compute)];
}

/// The loop for an integer type smaller than int64, if the operator has one.
kernels::InnerLoop small_loop_of(const Record& record, DType type) noexcept {
  const auto& loops = kernels::table().pointwise.small[static_cast<int>(record.id)];
  switch (type) {
    case DType::uint8:
      return loops[static_cast<int>(kernels::SmallInt::u8)];
    case DType::int8:
      return loops[static_cast<int>(kernels::SmallInt::i8)];
    case DType::int16:
      return loops[static_cast<int>(kernels::SmallInt::i16)];
    case DType::int32:
      return loops[static_cast<int>(kernels::SmallInt::i32)];
    default:
      return nullptr;
  }
}

Plan make_plan(const Record& record, DType common) {
  if (record.rule == Rule::float_) common = float_type(common);
  if (record.rule == Rule::widen && common == DType::boolean) common = DType::int64;
  Compute compute = Compute::f32;
  switch (common) {
    case DType::boolean:
      compute = Compute::b8;
      break;
    case DType::uint8:
    case DType::int8:
    case DType::int16:
    case DType::int32:
    case DType::int64:
      compute = Compute::i64;
      break;
    case DType::float64:
      compute = Compute::f64;
      break;
    case DType::complex64:
      compute = Compute::c64;
      break;
    case DType::complex128:
      compute = Compute::c128;
      break;
    default:
      break;
  }
  if (const auto small = small_loop_of(record, common))
    return {small, common, common, record.rule == Rule::compare ? DType::boolean : common,
            record.rule == Rule::compare ? DType::boolean : common};
  const auto loop = loop_of(record, compute);
  if (loop == nullptr || (record.rule == Rule::integral && !is_integral(common)))
    fail(ErrorKind::not_implemented, "\"{}\" not implemented for '{}'", record.name, scalar_type_name(common));
  const DType type = storage_of(compute);
  if (record.rule == Rule::compare) return {loop, common, type, DType::boolean, DType::boolean};
  if (record.real_valued && is_complex(common)) {
    const DType part = real_type(common);
    return {loop, common, type, part, part};
  }
  return {loop, common, type, type, common};
}

DType common_type(const Record& record, Inputs inputs) {
  if (record.rule != Rule::select) return result_type(inputs);
  const auto* in = inputs.begin();
  check(in[0]->dtype() == DType::boolean, "{}: expected a condition of type bool, got {}", record.name, in[0]->dtype());
  return inputs.size() == 2 ? in[1]->dtype() : result_type({in[1], in[2]});
}

/// The type input `i` must have for the kernel.
DType input_type(const Record& record, const Plan& plan, std::size_t i) noexcept {
  return record.rule == Rule::select && i == 0 ? DType::boolean : plan.compute;
}

Dims broadcast_inputs(Inputs inputs) {
  const auto* in = inputs.begin();
  Dims shape = in[0]->sizes();
  for (std::size_t i = 1; i < inputs.size(); ++i)
    if (!(in[i]->sizes() == shape)) shape = broadcast_shapes(shape, in[i]->sizes());
  return shape;
}

/// A result laid out like its inputs, as PyTorch's TensorIterator would.
Tensor make_result(Inputs inputs, const Dims& shape, DType dtype) {
  for (const auto* t : inputs)
    if (t->sizes() == shape) return empty_like(*t, dtype);
  return empty(shape, dtype);
}

/// An input that may be read while the output is written: not overlapping it in another arrangement.
Tensor apart(const Tensor& input, const Tensor& out) {
  const bool same = input.offset() == out.offset() && input.sizes() == out.sizes() &&
                    input.strides() == out.strides() && input.element_size() == out.element_size();
  return input.storage() == out.storage() && !same ? clone_detached(input) : input;
}

/// Whether the elements that follow each other in `out` lie apart in `input`, and others follow each other there.
bool is_turned(const Tensor& input, const Tensor& out) noexcept {
  constexpr int64_t few = 1 << 14;
  if (out.numel() < few || !(input.sizes() == out.sizes())) return false;
  bool apart = false, runs = false;
  for (int d = 0; d < out.dim(); ++d) {
    if (out.sizes()[d] == 1) continue;
    const bool is_unit = input.strides()[d] == 1;
    if (out.strides()[d] == 1)
      apart = !is_unit && input.strides()[d] != 0;
    else
      runs |= is_unit;
  }
  return apart && runs;
}

/// An operand in an order that suits `out`: a turned one is copied by the kernel for transposes, and then both are read
/// in vectors. Sums of 16 x 196 x 192 went from 0.66 to 0.50 ms, and from 0.49 to 0.46 with the other operand turned.
Tensor in_order_of(const Tensor& out, Tensor input) {
  if (!is_turned(input, out)) return input;
  const Tensor turned = empty_like(out, input.dtype());
  copy_elements(turned, input);
  return turned;
}

void convert_one(char* to, DType type, char* from, DType given) {
  char* data[] = {to, from};
  constexpr int64_t strides[] = {0, 0};
  kernels::table().cast.loop[static_cast<int>(given)][static_cast<int>(type)](data, strides, 1, nullptr);
}

/// Conversions around a loop, an operand each: null where the tensor has the type the loop works in.
struct Conversions {
  kernels::InnerLoop loops[StridedLoop::max_operands] = {};
  int64_t sizes[StridedLoop::max_operands] = {};  ///< of an element as the loop sees it
  int operands = 0;
  bool any = false;

  void add(DType from, DType to, DType in_loop) {
    if (from != to) loops[operands] = kernels::table().cast.loop[static_cast<int>(from)][static_cast<int>(to)];
    any |= from != to;
    sizes[operands++] = element_size(in_loop);
  }
};

/// Runs a loop a few elements at a time, converted while they are in L1.
void run_converted(const Conversions& c, kernels::InnerLoop loop, const kernels::Param* params, char* const* data,
                   const int64_t* strides, int64_t n) {
  constexpr int64_t chunk = 512;
  alignas(64) char buffers[StridedLoop::max_operands][chunk * 16];
  for (int64_t begin = 0; begin < n; begin += chunk) {
    const int64_t count = std::min(chunk, n - begin);
    char* at[StridedLoop::max_operands];
    int64_t steps[StridedLoop::max_operands];
    for (int k = 0; k < c.operands; ++k) {
      at[k] = data[k] + begin * strides[k];
      steps[k] = strides[k];
      if (c.loops[k] == nullptr) continue;
      const bool one = strides[k] == 0;
      char* const pair[] = {buffers[k], at[k]};
      const int64_t pair_strides[] = {c.sizes[k], strides[k]};
      if (k > 0) c.loops[k](pair, pair_strides, one ? 1 : count, nullptr);
      at[k] = buffers[k];
      steps[k] = k > 0 && one ? 0 : c.sizes[k];
    }
    loop(at, steps, count, params);
    if (c.loops[0] == nullptr) continue;
    char* const pair[] = {data[0] + begin * strides[0], buffers[0]};
    const int64_t pair_strides[] = {strides[0], c.sizes[0]};
    c.loops[0](pair, pair_strides, count, nullptr);
  }
}

/// Computes into `out`, of the kernel's type or any other.
void execute(const Record& record, const Plan& plan, Inputs inputs, Params params, const Dims& shape,
             const Tensor& out) {
  StridedLoop loop(shape);
  Conversions conversions;
  loop.add(out);
  conversions.add(plan.kernel_result, out.dtype(), plan.kernel_result);
  Tensor kept[max_inputs];
  alignas(16) char numbers[max_inputs][16];
  std::size_t i = 0;
  for (const auto* input : inputs) {
    const DType type = input_type(record, plan, i);
    const bool narrow = plan.compute == DType::int64 && type != DType::boolean && input->dtype() != plan.common;
    if (input->dim() == 0 && (narrow || input->dtype() != type)) {
      // A Python number or 0-dim tensor: converted on the stack. It wraps around where the other operands would.
      convert_one(numbers[i], narrow ? plan.common : type, input->bytes(), input->dtype());
      if (narrow) convert_one(numbers[i], type, numbers[i], plan.common);
      loop.add_constant(numbers[i]);
      conversions.add(type, type, type);
    } else {
      kept[i] = in_order_of(out, apart(*input, out));
      loop.add(kept[i]);
      conversions.add(kept[i].dtype(), type, type);
    }
    ++i;
  }
  if (!conversions.any) return loop.run(plan.loop, params.begin(), record.cost);
  loop.run([&](char* const* data, const int64_t* strides,
               int64_t n) { run_converted(conversions, plan.loop, params.begin(), data, strides, n); },
           record.cost + 0.5);
}

/// The first input if all have the type, shape and layout the kernel wants, Python's numbers aside: there is nothing to
/// prepare. Else null.
const Tensor* plain_one(const Record& record, Inputs inputs) noexcept {
  if (record.rule == Rule::select || record.rule == Rule::integral) return nullptr;
  const Tensor* first = nullptr;
  for (const auto* t : inputs) {
    if (t->impl()->wrapped_number) {
      if (is_complex(t->dtype())) return nullptr;
      continue;
    }
    if (t->dtype() != DType::float32 || !t->is_contiguous() || (first != nullptr && !(t->sizes() == first->sizes())))
      return nullptr;
    first = first == nullptr ? t : first;
  }
  // What is beyond the caches is StridedLoop's.
  return first == nullptr || first->numel() * first->element_size() >= kernels::stream_from ? nullptr : first;
}

void run_plain(const Record& record, Inputs inputs, Params params, char* out, int64_t out_size, int64_t n) {
  const auto loop = loop_of(record, Compute::f32);
  char* data[StridedLoop::max_operands] = {out};
  int64_t strides[StridedLoop::max_operands] = {out_size};
  alignas(16) char numbers[max_inputs][sizeof(float)];
  int k = 1;
  for (const auto* t : inputs) {
    const bool is_number = t->impl()->wrapped_number;
    if (is_number) convert_one(numbers[k - 1], DType::float32, t->bytes(), t->dtype());
    data[k] = is_number ? numbers[k - 1] : t->bytes();
    strides[k++] = is_number ? 0 : sizeof(float);
  }
  parallel_elements(n, record.cost, [&](int64_t begin, int64_t end) {
    char* at[StridedLoop::max_operands];
    for (int j = 0; j < k; ++j) at[j] = data[j] + begin * strides[j];
    loop(at, strides, end - begin, params.begin());
  });
}

void compute_to(const Record& record, Inputs inputs, Params params, const Dims& shape, const Tensor& out,
                DType common) {
  const Plan plan = make_plan(record, common);
  check(can_cast(plan.result, out.dtype()), "result type {} can't be cast to the desired output type {}",
        scalar_type_name(plan.result), scalar_type_name(out.dtype()));
  if (plan.kernel_result == plan.result || plan.result == out.dtype()) {
    execute(record, plan, inputs, params, shape, out);
    return;
  }
  // Rounded to the result's type first, so that out= does not change values.
  const Tensor rounded = empty(shape, plan.result);
  execute(record, plan, inputs, params, shape, rounded);
  copy_elements(out, rounded);
}

}  // namespace

Tensor compute(const Record& record, Inputs inputs, Params params) {
  if (const Tensor* const plain = plain_one(record, inputs); plain && loop_of(record, Compute::f32) != nullptr) {
    const Tensor& first = *plain;
    const auto out = empty(first.sizes(), record.rule == Rule::compare ? DType::boolean : DType::float32);
    run_plain(record, inputs, params, out.bytes(), out.element_size(), first.numel());
    return out;
  }
  const DType common = common_type(record, inputs);
  const Dims shape = broadcast_inputs(inputs);
  const Plan plan = make_plan(record, common);
  const auto out = make_result(inputs, shape, plan.result);
  execute(record, plan, inputs, params, shape, out);
  return out;
}

void compute_into(const Record& record, Inputs inputs, Params params, const Tensor& out) {
  const Dims shape = broadcast_inputs(inputs);
  const DType common = common_type(record, inputs);
  if (!record.casts_out) check_out_dtype(make_plan(record, common).result, out.dtype(), record.name);
  resize_output(out, shape);
  compute_to(record, inputs, params, shape, out, common);
  out.bump_version();
}

void compute_inplace(const Record& record, Inputs inputs, Params params) {
  const Tensor& self = *inputs.begin()[record.rule == Rule::select ? 1 : 0];
  const Dims shape = broadcast_inputs(inputs);
  check(shape == self.sizes(), "output with shape {} doesn't match the broadcast shape {}", self.sizes(), shape);
  check(!record.real_valued || !is_complex(self.dtype()), "In-place {} is not supported for complex tensors.",
        record.name);
  check_no_internal_overlap(self);
  compute_to(record, inputs, params, shape, self, common_type(record, inputs));
}

}  // namespace weft::ops::pointwise
