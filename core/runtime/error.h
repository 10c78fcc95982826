// Every error weft raises goes through here: the class that Python will see, and a message that names the
// operator, what it expected, what it got.
#pragma once

#include <exception>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace weft {

/// The Python exception class an Error becomes at the bindings.
enum class ErrorKind { runtime, value, type, index, not_implemented, out_of_memory, interrupted };

class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}
  ErrorKind kind() const noexcept { return kind_; }
  const char* what() const noexcept override { return message_.c_str(); }
  const std::string& message() const noexcept { return message_; }

 private:
  ErrorKind kind_;
  std::string message_;
};

namespace detail {

void format_rest(std::ostringstream& out, std::string_view text);

template <class First, class... Rest>
void format_rest(std::ostringstream& out, std::string_view text, const First& first, const Rest&... rest) {
  const auto hole = text.find("{}");
  out << text.substr(0, hole);
  if (hole == std::string_view::npos) return;
  out << first;
  format_rest(out, text.substr(hole + 2), rest...);
}

}  // namespace detail

/// `format("expected {}, got {}", 2, 3)`; anything with operator<< fits. (std::format needs gcc 13.)
template <class... Args>
std::string format(std::string_view text, const Args&... args) {
  std::ostringstream out;
  detail::format_rest(out, text, args...);
  return std::move(out).str();
}

[[noreturn]] void raise(ErrorKind kind, std::string message);

template <class... Args>
[[noreturn, gnu::cold, gnu::noinline]] void fail(ErrorKind kind, std::string_view text, const Args&... args) {
  raise(kind, format(text, args...));
}

/// Raises RuntimeError unless `ok`.
template <class... Args>
[[gnu::always_inline]] inline void check(bool ok, std::string_view text, const Args&... args) {
  if (!ok) [[unlikely]]
    fail(ErrorKind::runtime, text, args...);
}
template <class... Args>
[[gnu::always_inline]] inline void check_value(bool ok, std::string_view text, const Args&... args) {
  if (!ok) [[unlikely]]
    fail(ErrorKind::value, text, args...);
}
template <class... Args>
[[gnu::always_inline]] inline void check_type(bool ok, std::string_view text, const Args&... args) {
  if (!ok) [[unlikely]]
    fail(ErrorKind::type, text, args...);
}
template <class... Args>
[[gnu::always_inline]] inline void check_index(bool ok, std::string_view text, const Args&... args) {
  if (!ok) [[unlikely]]
    fail(ErrorKind::index, text, args...);
}

}  // namespace weft
