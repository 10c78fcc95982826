// weft.autograd.Node: what grad_fn and next_functions show of the graph.
#include "autograd/meta.h"
#include "bindings/autograd.h"
#include "bindings/function.h"
#include "bindings/hooks.h"
#include "bindings/identity.h"
#include "bindings/tensor_object.h"
#include "bindings/types.h"

namespace weft::bindings {

namespace {

struct NodeObject {
  PyObject_HEAD Ref<Node> node;
};
PyTypeObject* node_type = nullptr;

Node& node_of(PyObject* self) { return *reinterpret_cast<NodeObject*>(self)->node; }

void dealloc(PyObject* self) {
  auto* object = reinterpret_cast<NodeObject*>(self);
  forget_wrapper(object->node->python, self);
  object->node.~Ref();
  auto* const type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* name(PyObject* self, PyObject*) {
  return guarded([&] { return PyUnicode_FromString(node_of(self).name().c_str()); });
}
PyObject* repr(PyObject* self) {
  return guarded([&] { return PyUnicode_FromFormat("<%s object at %p>", node_of(self).name().c_str(), self); });
}
PyObject* next_functions(PyObject* self, void*) {
  return guarded([&]() -> PyObject* {
    const auto& edges = node_of(self).edges;
    const Object tuple = owned(PyTuple_New(static_cast<Py_ssize_t>(edges.size())));
    for (std::size_t i = 0; i < edges.size(); ++i) {
      const Object node = owned(wrap_node(edges[i].node));
      PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i),
                       checked(Py_BuildValue("OI", node.get(), edges[i].output)));
    }
    return Py_NewRef(tuple.get());
  });
}
PyObject* variable(PyObject* self, void*) {
  return guarded([&]() -> PyObject* {
    const auto* leaf = dynamic_cast<AccumulateGrad*>(&node_of(self));
    if (leaf == nullptr) {
      PyErr_SetString(PyExc_AttributeError, "only AccumulateGrad has a variable");
      throw PythonError{};
    }
    return wrap(leaf->variable());
  });
}

class Metadata final : public NodeNote {
 public:
  explicit Metadata(PyObject* dict) : dict_(dict) {}
  Object dict() const noexcept { return dict_.get(); }

 private:
  Kept dict_;
};

PyObject* metadata(PyObject* self, void*) {
  return guarded([&] { return node_metadata(node_of(self)).release(); });
}

/// (callable, post) -> handle
PyObject* add_hook(PyObject* self, PyObject* args) {
  PyObject* callable = nullptr;
  int post = 0;
  if (PyArg_ParseTuple(args, "Op", &callable, &post) == 0) return nullptr;
  return guarded([&] { return add_node_hook(node_of(self), callable, post != 0); });
}

/// The node of a Python Function shows its context's attributes too.
PyObject* getattr(PyObject* self, PyObject* attribute) {
  PyObject* const found = PyObject_GenericGetAttr(self, attribute);
  if (found != nullptr || PyErr_ExceptionMatches(PyExc_AttributeError) == 0) return found;
  auto* const function = as_python_function(node_of(self));
  if (function == nullptr) return nullptr;
  PyErr_Clear();
  return guarded([&] {
    if (PyUnicode_CompareWithASCIIString(attribute, "saved_tensors") == 0) return saved_tensors_of(*function).release();
    return PyObject_GetAttr(context_of(*function), attribute);
  });
}

}  // namespace

Object node_metadata(Node& node) {
  if (const auto note = node.note()) return static_cast<const Metadata&>(*note).dict();
  const Object dict = owned(PyDict_New());
  Ref<NodeNote> note(new Metadata(dict.get()));
  node.change_hooks([&](NodeHooks& hooks) {
    if (!hooks.note) hooks.note = note;
    note = hooks.note;
  });
  return static_cast<const Metadata&>(*note).dict();
}

PyObject* wrap_node(const Ref<Node>& node) {
  if (!node) Py_RETURN_NONE;
  if (PyObject* const existing = existing_wrapper(node->python)) return existing;
  auto* object = reinterpret_cast<NodeObject*>(checked(node_type->tp_alloc(node_type, 0)));
  new (&object->node) Ref<Node>(node);
  return adopt_wrapper(node->python, reinterpret_cast<PyObject*>(object));
}

void init_node_type(PyObject* module) {
  static PyMethodDef methods[] = {{"name", name, METH_NOARGS, "The name of the operation, as PyTorch spells it."},
                                  {"_add_hook", add_hook, METH_VARARGS, nullptr},
                                  {nullptr, nullptr, 0, nullptr}};
  static PyGetSetDef attributes[] = {
      {"next_functions", next_functions, nullptr, "The nodes gradients flow to, with the output each stands for.",
       nullptr},
      {"variable", variable, nullptr, "The leaf that an AccumulateGrad adds to.", nullptr},
      {"metadata", metadata, nullptr, "A dictionary for whatever belongs to the node.", nullptr},
      {nullptr, nullptr, nullptr, nullptr, nullptr}};
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                         {Py_tp_repr, reinterpret_cast<void*>(repr)},
                         {Py_tp_getattro, reinterpret_cast<void*>(getattr)},
                         {Py_tp_methods, methods},
                         {Py_tp_getset, attributes},
                         {Py_tp_doc, const_cast<char*>("A recorded operation of the backward graph.")},
                         {0, nullptr}};
  PyType_Spec spec{"weft.autograd.Node", sizeof(NodeObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                   slots};
  node_type = make_type(spec);
  checked(PyModule_AddObjectRef(module, "Node", reinterpret_cast<PyObject*>(node_type)));
}

}  // namespace weft::bindings
