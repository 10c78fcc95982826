#include "tensor/dims.h"

#include <ostream>

namespace weft {

void Dims::grow(int size) {
  const int capacity = std::max(size, 2 * capacity_);
  auto* wider = new int64_t[capacity];
  std::copy(begin(), end(), wider);
  free_heap();
  heap_ = wider;
  capacity_ = capacity;
}

std::ostream& operator<<(std::ostream& out, Listed list) {
  out << '[';
  for (std::size_t i = 0; i < list.dims.size(); ++i) out << (i ? ", " : "") << list.dims[i];
  return out << ']';
}

std::ostream& operator<<(std::ostream& out, const Dims& dims) { return out << Listed{dims}; }

}  // namespace weft
