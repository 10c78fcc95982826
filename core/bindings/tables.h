// The generated tables of Python names (generated/tables.cpp).
#pragma once

#include "generated/number_protocol.h"

namespace weft::bindings {

/// Every name of the table with its namespace, in order; ends with a null.
struct NamedCallable {
  const char* space;
  const Callable* callable;
};
extern const NamedCallable named_callables[];

extern PyMethodDef tensor_methods[];
extern PyMethodDef weft_functions[];
extern PyMethodDef nn_functions[];
extern PyMethodDef linalg_functions[];
extern PyMethodDef special_functions[];
extern PyMethodDef fft_functions[];
extern PyMethodDef internal_functions[];

}  // namespace weft::bindings
