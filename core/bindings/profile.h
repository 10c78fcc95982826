// What weft.profiler asks of the native side: operators put their name, shapes and Python stack into the recording.
#pragma once

#include <span>

#include "bindings/python.h"
#include "runtime/trace.h"

namespace weft::bindings {

/// One call of an operator in the recording, from construction to destruction. With the GIL held.
class OpTrace {
 public:
  OpTrace(const char* name, std::span<PyObject* const> arguments) : scope_(trace::Kind::op, name) {
    if (scope_.active()) [[unlikely]]
      describe(arguments);
  }

 private:
  void describe(std::span<PyObject* const> arguments);
  trace::Scope scope_;
};

void init_profile(PyObject* module);

}  // namespace weft::bindings
