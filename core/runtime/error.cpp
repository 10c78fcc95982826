// The out-of-line part of error.h.
#include "runtime/error.h"

namespace weft {

namespace detail {

void format_rest(std::ostringstream& out, std::string_view text) { out << text; }

}  // namespace detail

void raise(ErrorKind kind, std::string message) { throw Error(kind, std::move(message)); }

}  // namespace weft
