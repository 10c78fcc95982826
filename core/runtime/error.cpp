// The out-of-line part of error.h.
#include "runtime/error.h"

#include <sstream>
#include <utility>

namespace weft {

std::string format_list(std::string_view text, std::initializer_list<Printable> args) {
  std::ostringstream out;
  for (const auto& arg : args) {
    const auto hole = text.find("{}");
    out << text.substr(0, hole);
    if (hole == std::string_view::npos) return std::move(out).str();
    arg.to(out);
    text.remove_prefix(hole + 2);
  }
  out << text;
  return std::move(out).str();
}

void raise(ErrorKind kind, std::string message) { throw Error(kind, std::move(message)); }
void raise(ErrorKind kind, std::string_view text, std::initializer_list<Printable> args) {
  raise(kind, format_list(text, args));
}

}  // namespace weft
