// x[...] and x[...] = value: integers, slices, None, Ellipsis and masks make views; tensors and lists gather.
#include "autograd/meta.h"
#include "bindings/construct.h"
#include "bindings/dispatch.h"
#include "bindings/native.h"
#include "bindings/overrides.h"
#include "bindings/profile.h"
#include "bindings/protocols.h"
#include "generated/ops.h"
#include "ops/support.h"
#include "runtime/error.h"

namespace weft::bindings {

namespace {

struct Indexed {
  Tensor view;         ///< after the items that only select
  TensorList indices;  ///< one per dimension of view from the front, undefined where all is taken
  bool advanced = false;
};

bool is_integer_item(PyObject* item) noexcept {
  if (PyBool_Check(item)) return false;
  if (PyLong_Check(item)) return true;
  if (is_tensor(item)) {
    const Tensor& t = unwrap(item);
    return t.dim() == 0 && is_integral(t.dtype()) && t.dtype() != DType::boolean;
  }
  return PyIndex_Check(item) && !PySequence_Check(item);
}

/// How many dimensions of the tensor one item consumes.
int consumed(PyObject* item) {
  if (item == Py_None || item == Py_Ellipsis || PyBool_Check(item)) return 0;
  if (is_tensor(item)) {
    const Tensor& t = unwrap(item);
    const bool mask = t.dtype() == DType::boolean || t.dtype() == DType::uint8;
    return mask ? t.dim() : 1;
  }
  return 1;
}

class Indexer {
 public:
  explicit Indexer(Tensor tensor) : tensor_(std::move(tensor)) { result_.view = tensor_; }

  void apply(PyObject* const* items, Py_ssize_t count) {
    int total = 0;
    int ellipses = 0;
    for (Py_ssize_t i = 0; i < count; ++i) {
      total += consumed(items[i]);
      ellipses += items[i] == Py_Ellipsis;
    }
    check_index(ellipses <= 1, "an index can only have a single ellipsis ('...')");
    check_index(total <= tensor_.dim(), "too many indices for tensor of dimension {}", tensor_.dim());
    const int skipped = tensor_.dim() - total;
    for (Py_ssize_t i = 0; i < count; ++i) item(items[i], skipped);
  }

  Indexed take() { return std::move(result_); }

 private:
  void item(PyObject* item, int skipped) {
    if (item == Py_Ellipsis) {
      dim_ += skipped;
    } else if (item == Py_None) {
      result_.view = ops::unsqueeze(result_.view, dim_++);
    } else if (PySlice_Check(item)) {
      slice(item);
    } else if (is_integer_item(item)) {
      integer(to_int(item));
    } else if (PyBool_Check(item)) {
      // True keeps a new dimension of size one, False empties it.
      result_.view = ops::unsqueeze(result_.view, dim_);
      add_index(scalar_mask(item == Py_True));
    } else if (is_tensor(item)) {
      add_index(unwrap(item));
    } else {
      check_index(
          PySequence_Check(item) != 0,
          "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got {})",
          Py_TYPE(item)->tp_name);
      Tensor index = tensor_from_data(item, std::nullopt);
      if (index.numel() == 0 && index.dtype() != DType::boolean) index = ops::to(index, DType::int64);
      add_index(index);
    }
  }

  static Tensor scalar_mask(bool value) {
    Tensor mask = empty(Dims{1}, DType::boolean);
    *mask.data<bool>() = value;
    return mask;
  }

  void integer(int64_t index) {
    const int64_t size = result_.view.sizes()[dim_];
    check_index(index >= -size && index < size, "index {} is out of bounds for dimension {} with size {}", index, dim_,
                size);
    result_.view = ops::select(result_.view, dim_, index);
  }

  void slice(PyObject* item) {
    Py_ssize_t start = 0, stop = 0, step = 0;
    if (PySlice_Unpack(item, &start, &stop, &step) < 0) throw PythonError{};
    check_value(step > 0, "step must be greater than zero");
    const int64_t size = result_.view.sizes()[dim_];
    if (start == 0 && stop >= size && step == 1) {
      ++dim_;
      return;
    }
    PySlice_AdjustIndices(size, &start, &stop, step);
    result_.view = ops::slice(result_.view, dim_++, start, std::max(start, stop), step);
  }

  void add_index(const Tensor& index) {
    check_index(is_integral(index.dtype()), "tensors used as indices must be long, int, byte or bool tensors");
    const bool mask = index.dtype() == DType::boolean || index.dtype() == DType::uint8;
    if (mask) {
      for (int d = 0; d < index.dim(); ++d)
        check_index(
            index.sizes()[d] == result_.view.sizes()[dim_ + d],
            "The shape of the mask {} at index {} does not match the shape of the indexed tensor {} at index {}",
            index.sizes(), d, result_.view.sizes(), dim_ + d);
    }
    result_.indices.resize(dim_);
    if (mask && index.dim() == 0) {
      result_.view = ops::unsqueeze(result_.view, dim_);
      result_.indices.push_back(ops::unsqueeze(index, 0));
      ++dim_;
    } else {
      result_.indices.push_back(index);
      ++dim_;
      if (mask) expand_mask(index);
    }
    result_.advanced = true;
  }

  /// Replaces a mask over n dimensions by the n tensors of its nonzero positions.
  void expand_mask(const Tensor& mask) {
    const Tensor positions = ops::nonzero(mask);
    result_.indices.pop_back();
    for (int d = 0; d < mask.dim(); ++d) result_.indices.push_back(ops::select(positions, 1, d));
    dim_ += mask.dim() - 1;
  }

  Tensor tensor_;
  Indexed result_;
  int dim_ = 0;
};

Indexed index(PyObject* self, PyObject* key) {
  if (is_tensor(key)) {
    // A mask of all elements stays one: what it selects needs no positions.
    const Tensor &all = unwrap(self), &mask = unwrap(key);
    if (mask.dtype() == DType::boolean && mask.dim() > 0 && mask.sizes() == all.sizes())
      return {all, TensorList{mask}, true};
  }
  Indexer indexer(unwrap(self));
  if (PyTuple_Check(key))
    indexer.apply(PySequence_Fast_ITEMS(key), PyTuple_GET_SIZE(key));
  else
    indexer.apply(&key, 1);
  return indexer.take();
}

/// Whether a tensor among these, or within the key, answers for itself.
bool is_diverted(PyObject* self, PyObject* key, PyObject* value) noexcept {
  PyObject* const args[] = {key, value};
  return is_overridden({self, args, value == nullptr ? 1 : 2, nullptr});
}

PyObject* get_item(PyObject* self, PyObject* key) {
  return guarded([&]() -> PyObject* {
    if (is_diverted(self, key, nullptr)) [[unlikely]]
      return call_override("__getitem__", {self, &key, 1, nullptr});
    PyObject* const arguments[] = {self, key};
    const OpTrace trace("__getitem__", arguments);
    const Indexed indexed = index(self, key);
    if (indexed.advanced) {
      const int64_t cost = indexed.view.numel();
      return wrap(native(cost, [&] { return ops::index(indexed.view, indexed.indices); }));
    }
    // x[...] is a view, never x itself.
    return wrap(indexed.view == unwrap(self) ? ops::view_alias(indexed.view) : indexed.view);
  });
}

int set_item(PyObject* self, PyObject* key, PyObject* value) {
  return guarded(
      [&] {
        check_type(value != nullptr, "Tensor does not support deleting items");
        if (is_diverted(self, key, value)) [[unlikely]] {
          PyObject* const args[] = {key, value};
          const Object result = owned(call_override("__setitem__", {self, args, 2, nullptr}));
          return 0;
        }
        PyObject* const arguments[] = {self, key, value};
        const OpTrace trace("__setitem__", arguments);
        const Indexed indexed = index(self, key);
        if (is_number(value)) ops::check_fits(to_scalar(value), indexed.view.dtype());
        Tensor source = is_tensor(value)   ? unwrap(value)
                        : is_number(value) ? scalar_tensor(to_scalar(value), indexed.view.dtype())
                                           : tensor_from_data(value, indexed.view.dtype());
        if (indexed.advanced) {
          if (source.dtype() != indexed.view.dtype()) source = ops::to(source, indexed.view.dtype());
          native(indexed.view.numel(), [&] { return ops::index_put_(indexed.view, indexed.indices, source, false); });
          return 0;
        }
        while (source.dim() > indexed.view.dim() && source.sizes()[0] == 1) source = ops::select(source, 0, 0);
        native(indexed.view.numel() / 2, [&] { return ops::copy_(indexed.view, source); });
        return 0;
      },
      -1);
}

Py_ssize_t length(PyObject* self) {
  return guarded(
      [&]() -> Py_ssize_t {
        const Tensor& t = unwrap(self);
        check_type(t.dim() > 0, "len() of a 0-d tensor");
        return t.sizes()[0];
      },
      -1);
}

/// Old-style iteration (no iter()): keeps sequence checks of other libraries working.
PyObject* sequence_item(PyObject* self, Py_ssize_t i) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = unwrap(self);
    check_index(t.dim() > 0 && i >= 0 && i < t.sizes()[0], "index {} is out of bounds", i);
    return wrap(ops::select(t, 0, i));
  });
}

}  // namespace

void add_indexing_slots(std::vector<PyType_Slot>& slots) {
  slots.push_back({Py_mp_subscript, reinterpret_cast<void*>(get_item)});
  slots.push_back({Py_mp_ass_subscript, reinterpret_cast<void*>(set_item)});
  slots.push_back({Py_mp_length, reinterpret_cast<void*>(length)});
  slots.push_back({Py_sq_item, reinterpret_cast<void*>(sequence_item)});
}

}  // namespace weft::bindings
