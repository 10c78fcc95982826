// Whether operations record the graph: per thread, as in PyTorch.
#pragma once

#include "tensor/tensor.h"

namespace weft {

namespace detail {
/// Within an operator or a backward pass nothing is recorded either, and views made there are nobody's business.
enum class GradMode : uint8_t { on, off, within };
extern thread_local GradMode grad_mode [[gnu::tls_model("initial-exec")]];
}  // namespace detail

inline bool grad_enabled() noexcept { return detail::grad_mode == detail::GradMode::on; }
inline bool inference_enabled() noexcept { return inference_mode(); }

/// Sets this thread's modes while it lives, for code of ours; a user's no_grad is set by the bindings.
class GradModeScope {
 public:
  explicit GradModeScope(bool enabled, bool inference = inference_enabled()) noexcept
      : mode_(detail::grad_mode), inference_(detail::inference_mode) {
    detail::grad_mode = enabled ? detail::GradMode::on : detail::GradMode::within;
    detail::inference_mode = inference;
  }
  ~GradModeScope() {
    detail::grad_mode = mode_;
    detail::inference_mode = inference_;
  }
  GradModeScope(const GradModeScope&) = delete;
  GradModeScope& operator=(const GradModeScope&) = delete;

 private:
  detail::GradMode mode_;
  bool inference_;
};

}  // namespace weft
