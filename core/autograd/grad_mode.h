// Whether operations record the graph: per thread, as in PyTorch.
#pragma once

namespace weft {

struct GradMode {
  bool enabled = true;
  bool inference = false;
};

namespace detail {
// Local-exec speed from a shared library: the two flags fit glibc's static TLS reserve.
extern thread_local GradMode grad_mode [[gnu::tls_model("initial-exec")]];
}  // namespace detail

inline bool grad_enabled() noexcept { return detail::grad_mode.enabled; }
inline bool inference_enabled() noexcept { return detail::grad_mode.inference; }

/// Sets this thread's mode while it lives.
class GradModeScope {
 public:
  explicit GradModeScope(bool enabled, bool inference = detail::grad_mode.inference) noexcept
      : previous_(detail::grad_mode) {
    detail::grad_mode = {enabled, inference};
  }
  ~GradModeScope() { detail::grad_mode = previous_; }
  GradModeScope(const GradModeScope&) = delete;
  GradModeScope& operator=(const GradModeScope&) = delete;

 private:
  GradMode previous_;
};

}  // namespace weft
