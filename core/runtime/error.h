// Every error weft raises goes through here: the class that Python will see, and a message that names the
// operator, what it expected, what it got.
#pragma once

#include <exception>
#include <initializer_list>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace weft {

/// The Python exception class an Error becomes at the bindings.
enum class ErrorKind { runtime, value, type, index, not_implemented, out_of_memory, interrupted, linear_algebra };

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

/// One argument of a message, its type forgotten: so a message costs its caller an array, not an instance of a
/// template.
class Printable {
 public:
  template <class T>
    requires(!std::is_array_v<T>)
  Printable(const T& value) noexcept : value_(&value), print_(print<T>) {}
  Printable(const char* text) noexcept : value_(text), print_(print_text) {}

  void to(std::ostream& out) const { print_(out, value_); }

 private:
  template <class T>
  static void print(std::ostream& out, const void* value) {
    out << *static_cast<const T*>(value);
  }
  static void print_text(std::ostream& out, const void* text) { out << static_cast<const char*>(text); }

  const void* value_;
  void (*print_)(std::ostream&, const void*);
};

std::string format_list(std::string_view text, std::initializer_list<Printable> args);

/// `format("expected {}, got {}", 2, 3)`; anything with operator<< fits. (std::format needs gcc 13.)
template <class... Args>
std::string format(std::string_view text, const Args&... args) {
  return format_list(text, {Printable(args)...});
}

[[noreturn]] void raise(ErrorKind kind, std::string message);
[[noreturn, gnu::cold]] void raise(ErrorKind kind, std::string_view text, std::initializer_list<Printable> args);

template <class... Args>
[[noreturn, gnu::always_inline]] inline void fail(ErrorKind kind, std::string_view text, const Args&... args) {
  raise(kind, text, {Printable(args)...});
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
