// What `weft.storage` builds on: a storage seen as bytes, and tensors over such bytes.
#pragma once

#include "bindings/python.h"

namespace weft::bindings {

extern PyMethodDef storage_functions[];

}  // namespace weft::bindings
