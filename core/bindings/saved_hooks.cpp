// Saved-tensor hooks: Python decides what the graph keeps in the place of a tensor.
#include "autograd/meta.h"
#include "bindings/hooks.h"
#include "bindings/kept.h"
#include "bindings/tensor_object.h"
#include "runtime/error.h"

namespace weft::bindings {

namespace {

thread_local PyObject* current = nullptr;  // a tuple (pack, unpack), owned; this thread's

class PythonPacked final : public PackedTensor {
 public:
  PythonPacked(PyObject* packed, PyObject* unpack) : packed_(packed), unpack_(unpack) {}
  Tensor unpack() const override {
    const PythonScope python;
    const Object result = owned(PyObject_CallOneArg(unpack_.peek(), packed_.peek()));
    check_type(is_tensor(result.get()), "Output of saved tensor unpack_hook expected to be a Tensor but got '{}'",
               Py_TYPE(result.get())->tp_name);
    return unwrap(result.get());
  }

 private:
  Kept packed_;
  Kept unpack_;
};

Ref<PackedTensor> pack(const Tensor& saved) {
  const PythonScope python;
  const Object hooks = Object::borrow(current);
  const Object argument = owned(wrap(saved));
  const uint32_t version = saved.version();
  const Object packed = owned(PyObject_CallOneArg(PyTuple_GET_ITEM(hooks.get(), 0), argument.get()));
  check(saved.version() == version,
        "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook can not be "
        "modified by in-place operations as this can lead to unexpected side-effects.");
  return Ref<PackedTensor>(new PythonPacked(packed.get(), PyTuple_GET_ITEM(hooks.get(), 1)));
}

}  // namespace

PyObject* set_saved_hooks(PyObject*, PyObject* hooks) {
  if (hooks != Py_None && (!PyTuple_Check(hooks) || PyTuple_GET_SIZE(hooks) != 2)) {
    PyErr_SetString(PyExc_TypeError, "_set_saved_hooks: expected a tuple (pack, unpack) or None");
    return nullptr;
  }
  PyObject* const before = std::exchange(current, hooks == Py_None ? nullptr : Py_NewRef(hooks));
  detail::packer = current == nullptr ? nullptr : &pack;
  return before == nullptr ? Py_NewRef(Py_None) : before;
}

}  // namespace weft::bindings
