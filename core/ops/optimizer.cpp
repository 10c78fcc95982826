#include <algorithm>
#include <vector>

#include "generated/impl.h"
#include "kernels/table.h"
#include "ops/row_layout.h"
#include "ops/support.h"

namespace weft::ops::impl {

namespace {

/// Tensors of one step as the kernel takes them: dense, of one layout and type for each parameter. What had to be
/// converted is brought back at the end.
class Step {
 public:
  Step(const char* op, TensorSpan params) : op_(op), params_(params) {
    work_ = params.empty() ? DType::float32 : float_work(params[0].dtype());
    for (std::size_t i = 0; i < params.size(); ++i) {
      const Tensor& p = params[i];
      check(is_floating(p.dtype()) && float_work(p.dtype()) == work_,
            "{}: expected parameters of one floating-point dtype, got {} and {}", op, params[0].dtype(), p.dtype());
      const Tensor own = weft::grad(p);
      check(own.defined(), "{}: parameter {} has no gradient", op, i);
      check(!own.impl()->opaque, "{}: sparse gradients are not supported; densify parameter {}'s with to_dense()", op,
            i);
      const Tensor grad = like_param(own, i, "gradient");
      held_.push_back(grad);
      tensors_.push_back({written(p, i, "parameter"), grad.bytes(), {nullptr, nullptr, nullptr}, p.numel(), 1});
    }
  }

  void add_state(int slot, TensorSpan states, const char* name) {
    check(states.size() == params_.size(), "{}: {} parameters but {} of {}", op_, params_.size(), states.size(), name);
    for (std::size_t i = 0; i < states.size(); ++i) tensors_[i].state[slot] = written(states[i], i, name);
  }

  std::vector<kernels::OptimizerTensor>& tensors() noexcept { return tensors_; }
  int at() const noexcept { return float_index(work_); }

  void finish() const {
    for (const auto& [target, copy] : copies_) copy_elements(target, copy);
    for (const auto& t : changed_) t.bump_version();
  }

 private:
  /// `t` with the element order and type that parameter i is stepped in.
  Tensor like_param(const Tensor& t, std::size_t i, const char* name) const {
    const Tensor& p = params_[i];
    check(t.sizes() == p.sizes(), "{}: {} {} has shape {}, its parameter {}", op_, name, i, t.sizes(), p.sizes());
    if (t.dtype() == work_ && p.is_dense() && t.strides() == p.strides()) return t;
    if (!p.is_dense()) return packed_as(t, work_);
    const Tensor copy = weft::empty_strided(p.sizes(), p.strides(), work_);
    copy_elements(copy, t);
    return copy;
  }
  void* written(const Tensor& t, std::size_t i, const char* name) {
    const Tensor work = like_param(t, i, name);
    changed_.push_back(t);
    held_.push_back(work);
    if (!(work == t)) copies_.emplace_back(t, work);
    return work.bytes();
  }

  const char* op_;
  TensorSpan params_;
  DType work_;
  TensorList held_, changed_;
  std::vector<std::pair<Tensor, Tensor>> copies_;
  std::vector<kernels::OptimizerTensor> tensors_;
};

}  // namespace

void fused_sgd(TensorSpan params, TensorSpan momentum_buffers, double lr, double weight_decay, bool maximize,
               double momentum, double dampening, bool nesterov, bool is_first_step) {
  Step step("fused_sgd", params);
  if (!momentum_buffers.empty()) step.add_state(0, momentum_buffers, "momentum buffers");
  for (auto& t : step.tensors()) t.step = is_first_step ? 1 : 2;
  kernels::table().optimizer.sgd[step.at()](step.tensors().data(), static_cast<int64_t>(params.size()),
                                            {lr, momentum, dampening, weight_decay, nesterov, maximize});
  step.finish();
}

void fused_adam(TensorSpan params, TensorSpan exp_avgs, TensorSpan exp_avg_sqs, TensorSpan max_exp_avg_sqs,
                TensorSpan steps, double lr, double beta1, double beta2, double weight_decay, double eps, bool amsgrad,
                bool maximize, bool decoupled) {
  Step step("fused_adam", params);
  check(steps.size() == params.size(), "fused_adam: {} parameters but {} counts of steps", params.size(), steps.size());
  step.add_state(0, exp_avgs, "exp_avgs");
  step.add_state(1, exp_avg_sqs, "exp_avg_sqs");
  if (amsgrad) step.add_state(2, max_exp_avg_sqs, "max_exp_avg_sqs");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    check(steps[i].numel() == 1, "fused_adam: a count of steps has shape {}", steps[i].sizes());
    step.tensors()[i].step = static_cast<int64_t>(item(steps[i]).to_double()) + 1;
  }
  kernels::table().optimizer.adam[step.at()](step.tensors().data(), static_cast<int64_t>(params.size()),
                                             {lr, beta1, beta2, eps, weight_decay, decoupled, amsgrad, maximize});
  step.finish();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Scalar count(static_cast<double>(step.tensors()[i].step));
    copy_elements(steps[i], weft::scalar_tensor(count, steps[i].dtype()));
    steps[i].bump_version();
  }
}

void fused_update(std::string_view rule, TensorSpan params, TensorSpan first, TensorSpan second, TensorSpan third,
                  const std::optional<std::vector<double>>& numbers) {
  constexpr std::string_view rules[kernels::update_rules] = {"rmsprop", "adagrad", "adadelta", "adamax",
                                                             "nadam",   "radam",   "asgd",     "rprop"};
  constexpr int states[kernels::update_rules] = {1, 1, 2, 2, 2, 2, 1, 2};  // those a rule cannot do without
  const auto found = std::find(std::begin(rules), std::end(rules), rule);
  check_value(found != std::end(rules), "fused_update: there is no rule {}", rule);
  const auto at = found - std::begin(rules);
  const auto expected = static_cast<std::size_t>(kernels::update_numbers[at]) * params.size();
  check(numbers && numbers->size() == expected, "fused_update: expected {} numbers for {} parameters of {}, got {}",
        expected, params.size(), rule, numbers ? numbers->size() : 0);
  Step step("fused_update", params);
  const TensorSpan slots[] = {first, second, third};
  for (int slot = 0; slot < 3; ++slot)
    if (!slots[slot].empty() || slot < states[at]) step.add_state(slot, slots[slot], "states");
  kernels::table().optimizer.update[at][step.at()](step.tensors().data(), static_cast<int64_t>(params.size()),
                                                   numbers->data());
  step.finish();
}

}  // namespace weft::ops::impl
