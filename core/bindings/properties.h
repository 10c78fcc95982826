// Attributes and hand-written methods of weft.Tensor.
#pragma once

#include "bindings/python.h"

namespace weft::bindings {

extern PyGetSetDef tensor_attributes[];
extern PyMethodDef tensor_own_methods[];

}  // namespace weft::bindings
