#include "tensor/dims.h"

#include <ostream>
#include <sstream>

namespace weft {

void Dims::grow(int size) {
  const int capacity = std::max(size, 2 * capacity_);
  auto* wider = new int64_t[capacity];
  std::copy(begin(), end(), wider);
  free_heap();
  heap_ = wider;
  capacity_ = capacity;
}

std::ostream& operator<<(std::ostream& out, const Dims& dims) { return out << to_string(dims); }

std::string to_string(IntList dims) {
  std::ostringstream out;
  out << '[';
  for (std::size_t i = 0; i < dims.size(); ++i) out << (i ? ", " : "") << dims[i];
  out << ']';
  return std::move(out).str();
}

}  // namespace weft
