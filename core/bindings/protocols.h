// Python's protocols on weft.Tensor: numbers, comparison, indexing, buffers.
#pragma once

#include <vector>

#include "bindings/python.h"

namespace weft::bindings {

/// Each appends its type slots.
void add_number_slots(std::vector<PyType_Slot>& slots);
void add_indexing_slots(std::vector<PyType_Slot>& slots);
void add_buffer_slots(std::vector<PyType_Slot>& slots);

}  // namespace weft::bindings
