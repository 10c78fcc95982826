// Autocast: while it is on in a thread, operators that gain from it compute in a lower precision, and those that would
// suffer in float32. Which ones is a column of the table; the arguments are converted here, before the operator is
// called.
#pragma once

#include <cstdint>

#include "bindings/python.h"

namespace weft::bindings {

struct Overload;
class Slots;

/// What autocast does to the floating-point arguments of an operator. float64 is always left alone.
enum class Autocast : uint8_t { none, lower, float32, widest };

/// Whether it is on in this thread.
extern thread_local bool autocast_on [[gnu::tls_model("initial-exec")]];

/// Calls the form with its arguments converted, and autocast off while it runs.
PyObject* call_autocast(const Overload& overload, Slots& slots);

extern PyMethodDef autocast_functions[];

}  // namespace weft::bindings
