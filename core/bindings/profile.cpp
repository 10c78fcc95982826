#include "bindings/profile.h"

#include <atomic>
#include <string>

#include "bindings/tensor_object.h"
#include "runtime/governor.h"
#include "runtime/parallel.h"

namespace weft::bindings {

namespace {

constexpr char separator = '\x1f';  // between shapes and stack; one stack frame a line
constexpr int most_frames = 64;

std::atomic<bool> record_shapes{false};
std::atomic<bool> record_stack{false};

void append_shape(std::string& text, PyObject* object) {
  text += '[';
  if (object != nullptr && is_tensor(object)) {
    const auto& sizes = unwrap(object).sizes();
    for (int d = 0; d < sizes.size(); ++d) text += (d == 0 ? "" : ", ") + std::to_string(sizes[d]);
  }
  text += ']';
}

/// "file(line): function" per frame, the innermost first.
void append_stack(std::string& text) {
  Object frame = Object::steal(reinterpret_cast<PyObject*>(PyThreadState_GetFrame(PyThreadState_Get())));
  for (int depth = 0; frame && depth < most_frames; ++depth) {
    auto* const current = reinterpret_cast<PyFrameObject*>(frame.get());
    const Object code = Object::steal(reinterpret_cast<PyObject*>(PyFrame_GetCode(current)));
    const auto* const c = reinterpret_cast<PyCodeObject*>(code.get());
    const char* const file = PyUnicode_AsUTF8(c->co_filename);
    const char* const function = PyUnicode_AsUTF8(c->co_name);
    if (file == nullptr || function == nullptr) throw PythonError{};
    text += std::string(file) + "(" + std::to_string(PyFrame_GetLineNumber(current)) + "): " + function + "\n";
    frame = Object::steal(reinterpret_cast<PyObject*>(PyFrame_GetBack(current)));
  }
}

PyObject* event_tuple(uint32_t thread, const trace::Event& e) {
  return checked(Py_BuildValue(
      "IisLLLLLIz", thread, static_cast<int>(e.kind), e.name == nullptr ? "" : e.name, static_cast<long long>(e.begin),
      static_cast<long long>(e.first), static_cast<long long>(e.second), static_cast<long long>(e.end),
      static_cast<long long>(e.bytes), e.owner, e.detail == nullptr ? nullptr : e.detail->c_str()));
}

/// (on, shapes, stack)
PyObject* enable(PyObject*, PyObject* args) {
  int on = 0, shapes = 0, stack = 0;
  if (PyArg_ParseTuple(args, "ppp", &on, &shapes, &stack) == 0) return nullptr;
  record_shapes = shapes != 0;
  record_stack = stack != 0;
  trace::enable(on != 0);
  Py_RETURN_NONE;
}

PyObject* is_enabled(PyObject*, PyObject*) { return PyBool_FromLong(trace::enabled()); }

/// -> (events, threads, lost)
PyObject* take(PyObject*, PyObject*) {
  return guarded([&] {
    const auto recording = trace::take();
    const Object events = owned(PyList_New(static_cast<Py_ssize_t>(recording.events.size())));
    Py_ssize_t i = 0;
    for (const auto& [thread, event] : recording.events) PyList_SET_ITEM(events.get(), i++, event_tuple(thread, event));
    const Object threads = owned(PyList_New(0));
    for (const auto& t : recording.threads) {
      const Object item = owned(Py_BuildValue("ILs", t.index, static_cast<long long>(t.id), t.name.c_str()));
      checked(PyList_Append(threads.get(), item.get()));
    }
    return checked(Py_BuildValue("OOK", events.get(), threads.get(), static_cast<unsigned long long>(recording.lost)));
  });
}

/// () -> nanoseconds on the recording's clock, 0 when no profile is on
PyObject* now(PyObject*, PyObject*) { return PyLong_FromLongLong(trace::enabled() ? governor::now() : 0); }

/// (name, begin): a range of the user's that ends now
PyObject* range(PyObject*, PyObject* args) {
  const char* name;
  long long begin;
  if (PyArg_ParseTuple(args, "sL", &name, &begin) == 0) return nullptr;
  return guarded([&]() -> PyObject* {
    if (trace::enabled())
      trace::record(
          {.name = trace::intern(name)->c_str(), .begin = begin, .end = governor::now(), .kind = trace::Kind::range});
    Py_RETURN_NONE;
  });
}

PyMethodDef functions[] = {
    {"_trace_enable", enable, METH_VARARGS, nullptr}, {"_trace_is_enabled", is_enabled, METH_NOARGS, nullptr},
    {"_trace_take", take, METH_NOARGS, nullptr},      {"_trace_now", now, METH_NOARGS, nullptr},
    {"_trace_range", range, METH_VARARGS, nullptr},   {nullptr, nullptr, 0, nullptr}};

}  // namespace

void OpTrace::describe(std::span<PyObject* const> arguments) {
  const bool shapes = record_shapes.load(std::memory_order_relaxed);
  const bool stack = record_stack.load(std::memory_order_relaxed);
  if (!shapes && !stack) return;
  std::string text;
  if (shapes) {
    while (!arguments.empty() && arguments.back() == nullptr) arguments = arguments.first(arguments.size() - 1);
    text += '[';
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      if (i != 0) text += ", ";
      append_shape(text, arguments[i]);
    }
    text += ']';
  }
  text += separator;
  if (stack) append_stack(text);
  scope_.event().detail = trace::intern(text);
}

void init_profile(PyObject* module) { checked(PyModule_AddFunctions(module, functions)); }

}  // namespace weft::bindings
