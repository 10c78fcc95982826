// Recurrent layers: the products of a time step over the state of all rows, then the cell (kernels/rnn.h).
//
// A step of several is one parallel region over pieces of the hidden columns: a piece multiplies the state by its
// columns of every gate, and goes on with its part of the cell (backwards: its part of the cell of the step before).
//
// Rows of a step are those of the sequences that are that long, longest first. The state keeps a row for every
// sequence: those that have ended, or (in reverse) not begun, are left alone. So packed and equal lengths, forwards and
// in reverse, are one loop.
#include <algorithm>
#include <cstring>
#include <vector>

#include "autograd/engine.h"
#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/row_layout.h"
#include "ops/support.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace weft::ops::impl {

namespace {

using kernels::Cell;

Cell cell_of(std::string_view mode) {
  if (mode == "RNN_TANH") return Cell::tanh;
  if (mode == "RNN_RELU") return Cell::relu;
  if (mode == "GRU") return Cell::gru;
  check_value(mode == "LSTM", "Unrecognized RNN mode: {}", mode);
  return Cell::lstm;
}

/// The steps in the order they are taken, as f(rows, first row).
template <class F>
void each_step(IntList batch_sizes, bool reverse, F f) {
  int64_t first = 0;
  if (reverse) {
    for (const int64_t rows : batch_sizes) first += rows;
    for (std::size_t t = batch_sizes.size(); t-- > 0;) {
      first -= batch_sizes[t];
      f(batch_sizes[t], first);
    }
    return;
  }
  for (const int64_t rows : batch_sizes) {
    f(rows, first);
    first += rows;
  }
}

/// Everything contiguous in the type it is computed in.
struct Layer {
  Cell cell = Cell::tanh;
  DType work = DType::float32;
  int64_t rows = 0, batch = 0, hidden = 0, state = 0, features = 0;
  int64_t width = 0;  ///< of all gates
  Tensor input, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr;

  bool is_lstm() const noexcept { return cell == Cell::lstm; }
  bool is_gru() const noexcept { return cell == Cell::gru; }
  bool projects() const noexcept { return w_hr.defined(); }
};

void check_shape(const char* name, const Tensor& t, IntList expected) {
  check(!t.defined() || same(t.sizes(), expected), "rnn_layer: expected {} of shape {}, got {}", name, Dims(expected),
        t.defined() ? t.sizes() : Dims());
}

Layer layer_of(const Tensor& input, const Tensor& h0, const Tensor& c0, const Tensor& w_ih, const Tensor& w_hh,
               const Tensor& b_ih, const Tensor& b_hh, const Tensor& w_hr, IntList batch_sizes, std::string_view mode) {
  Layer l;
  l.cell = cell_of(mode);
  l.work = float_work(input.dtype());
  check(input.dim() == 2 && h0.dim() == 2 && w_ih.dim() == 2 && w_hh.dim() == 2,
        "rnn_layer: input, h0 and weights must have 2 dimensions, got {}, {}, {} and {}", input.sizes(), h0.sizes(),
        w_ih.sizes(), w_hh.sizes());
  check_floating(input, "rnn_layer");
  for (const Tensor* t : {&h0, &c0, &w_ih, &w_hh, &b_ih, &b_hh, &w_hr})
    check(!t->defined() || t->dtype() == input.dtype(),
          "Input and parameter tensors are not the same dtype, found input tensor with {} and parameter tensor with {}",
          scalar_type_name(input.dtype()), scalar_type_name(t->defined() ? t->dtype() : input.dtype()));
  const int64_t gates = kernels::cell_gates[static_cast<int>(l.cell)];
  l.width = w_hh.size(0);
  l.hidden = l.width / gates;
  l.state = w_hh.size(1);
  l.features = w_ih.size(1);
  l.batch = h0.size(0);
  check(!w_hr.defined() || l.is_lstm(), "rnn_layer: only LSTM projects its states");
  check(c0.defined() == l.is_lstm(), "rnn_layer: LSTM, and only LSTM, has cell states");
  check(l.width == l.hidden * gates && (w_hr.defined() || l.state == l.hidden),
        "rnn_layer: weight of shape {} does not belong to {}", w_hh.sizes(), mode);
  check_shape("input weight", w_ih, Dims{l.width, l.features});
  check_shape("input bias", b_ih, Dims{l.width});
  check_shape("state bias", b_hh, Dims{l.width});
  check_shape("projection", w_hr, Dims{l.state, l.hidden});
  check_shape("h0", h0, Dims{l.batch, l.state});
  check_shape("c0", c0, Dims{l.batch, l.hidden});
  int64_t last = l.batch;
  for (const int64_t n : batch_sizes) {
    check(n > 0 && n <= last, "rnn_layer: batch sizes must not grow, nor be over the {} rows of h0", l.batch);
    last = n;
    l.rows += n;
  }
  check_shape("input", input, Dims{l.rows, l.features});
  l.input = packed_as(input, l.work);
  l.h0 = packed_as(h0, l.work);
  l.c0 = float_input(c0, l.work);
  l.w_ih = packed_as(w_ih, l.work);
  l.w_hh = packed_as(w_hh, l.work);
  l.b_ih = float_input(b_ih, l.work);
  l.b_hh = float_input(b_hh, l.work);
  l.w_hr = float_input(w_hr, l.work);
  return l;
}

/// A matrix inside a tensor: from `first_row` on.
struct Rows {
  char* data;
  int64_t count, columns;
  int64_t row_stride, column_stride;
};
Rows rows_of(const Tensor& t, int64_t first, int64_t count) {
  const int64_t columns = t.size(1);
  return {t.bytes() + first * columns * t.element_size(), count, columns, columns, 1};
}
Rows all_of(const Tensor& t) { return rows_of(t, 0, t.size(0)); }
Rows transposed(const Rows& m) { return {m.data, m.columns, m.count, m.column_stride, m.row_stride}; }
Rows transposed(const Tensor& t) { return transposed(all_of(t)); }

kernels::Compute compute_of(DType work) noexcept {
  return work == DType::float64 ? kernels::Compute::f64 : kernels::Compute::f32;
}

/// c = a b [+ c] [+ bias in each row].
void multiply(DType work, const Rows& a, const Rows& b, const Rows& c, bool accumulate, const Tensor& bias = {}) {
  if (c.count == 0 || c.columns == 0) return;
  kernels::GemmArgs args{.m = c.count, .n = c.columns, .k = a.columns};
  args.a = a.data;
  args.b = b.data;
  args.c = c.data;
  args.a_row = a.row_stride;
  args.a_col = a.column_stride;
  args.b_row = b.row_stride;
  args.b_col = b.column_stride;
  args.c_row = c.row_stride;
  args.accumulate = accumulate;
  args.column_bias = bias.defined() ? bias.bytes() : nullptr;
  kernels::table().gemm.gemm[static_cast<int>(compute_of(work))](args);
}

/// The right-hand side of every step's product: so many groups of columns (the gates), each packed by itself if that
/// pays.
struct Factor {
  Rows rows;
  int64_t groups = 1, padded = 0;  ///< columns of a packed group
  Tensor panels;

  bool is_packed() const noexcept { return panels.defined(); }
  int64_t columns() const noexcept { return rows.columns / groups; }
};

Factor factor_of(const Layer& l, const Rows& b, int64_t groups, IntList batch_sizes) {
  Factor factor{b, groups};
  if (batch_sizes.size() < 2 || b.count * b.columns == 0) return factor;
  const auto& gemm = kernels::table().gemm;
  const int compute = static_cast<int>(compute_of(l.work));
  kernels::GemmArgs args{.m = 0, .n = factor.columns(), .k = b.count};
  args.b_row = b.row_stride;
  args.b_col = b.column_stride;
  const int64_t multiple = gemm.pack_multiple[compute], size = l.h0.element_size();
  factor.padded = (args.n + multiple - 1) / multiple * multiple;
  factor.panels = weft::empty(Dims{groups, factor.padded, b.count}, l.work);
  for (int64_t group = 0; group < groups; ++group) {
    args.b = b.data + group * args.n * b.column_stride * size;
    gemm.pack[compute](args, factor.panels.bytes() + group * factor.padded * args.k * size);
  }
  return factor;
}

/// Rows and columns of a step's pieces; a whole number of panels.
constexpr int64_t piece_rows = 64, piece_columns = 64;
/// Multiply-adds worth a piece, and what a gate's activation costs in them. Fewer rows than `least_rows` take as long:
/// the panels have to be read.
constexpr int64_t piece_work = 1 << 19, activation_work = 64, least_rows = 4;

/// f(part) for the parts of a step over so many rows, whose elements cost `work` multiply-adds for each gate.
template <class F>
void each_part(const Layer& l, int64_t rows, int64_t work, F f) {
  const int64_t row_blocks = (rows + piece_rows - 1) / piece_rows;
  const int64_t column_blocks = (l.hidden + piece_columns - 1) / piece_columns;
  const int64_t gates = l.hidden == 0 ? 0 : l.width / l.hidden;
  const int64_t piece = std::clamp(rows, least_rows, piece_rows) * piece_columns * gates * (work + activation_work);
  parallel_for(row_blocks * column_blocks, 1 + piece_work / (piece + 1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i % row_blocks * piece_rows, column = i / row_blocks * piece_columns;
      f(kernels::CellPart{.hidden = l.hidden,
                          .first_row = row,
                          .last_row = std::min(rows, row + piece_rows),
                          .first_column = column,
                          .last_column = std::min(l.hidden, column + piece_columns)});
    }
  });
}

/// The part's rows and, in each group, columns of c = a b [+ c] [+ bias]; b is packed.
void multiply(const Layer& l, const Rows& a, const Factor& b, const Rows& c, bool accumulate, const Tensor& bias,
              const kernels::CellPart& part) {
  const int64_t size = l.h0.element_size(), n = b.columns(), k = a.columns;
  kernels::GemmArgs args{
      .m = std::min(part.last_row, a.count) - part.first_row, .n = part.last_column - part.first_column, .k = k};
  if (args.m <= 0) return;
  args.a = a.data + part.first_row * a.row_stride * size;
  args.a_row = a.row_stride;
  args.c_row = c.row_stride;
  args.accumulate = accumulate;
  args.packed_b = true;
  for (int64_t group = 0; group < b.groups; ++group) {
    const int64_t column = group * n + part.first_column;
    args.b = b.panels.bytes() + (group * b.padded + part.first_column) * k * size;
    args.c = c.data + (part.first_row * c.row_stride + column) * size;
    args.column_bias = bias.defined() ? bias.bytes() + column * size : nullptr;
    kernels::table().gemm.gemm[static_cast<int>(compute_of(l.work))](args);
  }
}

/// All of c = a b [+ c].
void multiply(const Layer& l, const Rows& a, const Factor& b, const Rows& c, bool accumulate = false) {
  if (!b.is_packed()) return multiply(l.work, a, b.rows, c, accumulate);
  multiply(l, a, b, c, accumulate, {}, {.last_row = a.count, .last_column = b.columns()});
}

void copy_rows(const Rows& to, const Rows& from, int64_t element_size) {
  std::memcpy(to.data, from.data, static_cast<std::size_t>(from.count * from.columns * element_size));
}

Tensor copy_of(const Tensor& t) {
  const Tensor copy = weft::empty(t.sizes(), t.dtype());
  copy_elements(copy, t);
  return copy;
}

Tensor matrix(const Layer& l, int64_t rows, int64_t columns) { return weft::empty(Dims{rows, columns}, l.work); }

/// A row of a matrix, or null where the cell has no such matrix.
char* at(const Tensor& t, int64_t row) {
  return t.numel() == 0 ? nullptr : t.bytes() + row * t.size(1) * t.element_size();
}

Tensor some_rows(const Tensor& t, int64_t first, int64_t count) {
  return view_of(t, Dims{count, t.size(1)}, Dims{t.size(1), 1}, t.offset() + first * t.size(1));
}

/// What goes from step to step: the last step's rows where they lie, while there are as many of them in the next step.
class Carried {
 public:
  explicit Carried(const Tensor& start) : all_(copy_of(start)) {}

  const Rows& before(int64_t rows) {
    if (last_.count != rows) {
      put_down();
      last_ = rows_of(all_, 0, rows);
    }
    return last_;
  }
  void set(const Rows& rows) { last_ = rows; }
  /// For all rows, after the last step.
  const Tensor& end() {
    put_down();
    return all_;
  }

 private:
  void put_down() {
    if (last_.count > 0 && last_.data != all_.bytes())
      copy_rows(rows_of(all_, 0, last_.count), last_, all_.element_size());
  }

  Tensor all_;
  Rows last_{};
};

Tensor column_sums(const Tensor& t) { return ops::sum_dim(t, Dims{0}, false); }

}  // namespace

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> rnn_layer(
    const Tensor& input, const Tensor& h0, const Tensor& c0, const Tensor& w_ih, const Tensor& w_hh, const Tensor& b_ih,
    const Tensor& b_hh, const Tensor& w_hr, IntList batch_sizes, std::string_view mode, bool reverse) {
  const Layer l = layer_of(input, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, batch_sizes, mode);
  const Tensor gates = matrix(l, l.rows, l.width), out = matrix(l, l.rows, l.state);
  const Tensor cells = matrix(l, l.is_lstm() ? l.rows : 0, l.hidden);
  // The new gate's part of a GRU; the states of an LSTM before the projection.
  const Tensor kept = matrix(l, l.is_gru() || l.projects() ? l.rows : 0, l.hidden);
  Carried state(l.h0), cell_state(l.is_lstm() ? l.c0 : matrix(l, 0, l.hidden));
  const Tensor recurrent = matrix(l, l.is_gru() ? l.batch : 0, l.width);
  const Factor w_state = factor_of(l, transposed(l.w_hh), kernels::cell_gates[static_cast<int>(l.cell)], batch_sizes);
  const Factor w_project = l.projects() ? factor_of(l, transposed(l.w_hr), 1, batch_sizes) : Factor{};
  multiply(l.work, all_of(l.input), transposed(l.w_ih), all_of(gates), false, l.b_ih);
  const auto forward = kernels::table().rnn.forward[static_cast<int>(l.cell)][float_index(l.work)];
  each_step(batch_sizes, reverse, [&](int64_t n, int64_t first) {
    const Rows before = state.before(n), gate_rows = rows_of(gates, first, n);
    const Rows c_before = cell_state.before(l.is_lstm() ? n : 0);
    const Rows sums = l.is_gru() ? rows_of(recurrent, 0, n) : gate_rows;
    if (!w_state.is_packed()) multiply(l.work, before, w_state.rows, sums, !l.is_gru(), l.b_hh);
    each_part(l, n, w_state.is_packed() ? l.state : 0, [&](const kernels::CellPart& part) {
      if (w_state.is_packed()) multiply(l, before, w_state, sums, !l.is_gru(), l.b_hh, part);
      forward({.part = part,
               .gates = gate_rows.data,
               .recurrent = recurrent.bytes(),
               .h_before = before.data,
               .c_before = c_before.data,
               .c = at(cells, first),
               .kept = at(kept, first),
               .h = at(l.projects() ? kept : out, first)});
    });
    if (l.projects()) multiply(l, rows_of(kept, first, n), w_project, rows_of(out, first, n));
    state.set(rows_of(out, first, n));
    if (l.is_lstm()) cell_state.set(rows_of(cells, first, n));
  });
  const DType dtype = input.dtype();
  return {finished(out, dtype), finished(state.end(), dtype), finished(cell_state.end(), dtype), gates, cells, kept};
}

namespace {

using Gradients = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>;

/// One step of a cell, composed of differentiable operators.
void composed_cell(Cell cell, const Tensor& x, const Tensor& w_hh, const Tensor& b_hh, const Tensor& w_hr, Tensor& h,
                   Tensor& c) {
  const Tensor recurrent = ops::linear(h, w_hh, b_hh);
  const auto part = [](const Tensor& gates, int64_t i, int64_t count) {
    const int64_t n = gates.size(1) / count;
    return ops::narrow(gates, 1, i * n, n);
  };
  if (cell == Cell::gru) {
    const Tensor reset = ops::sigmoid(ops::add(part(x, 0, 3), part(recurrent, 0, 3)));
    const Tensor update = ops::sigmoid(ops::add(part(x, 1, 3), part(recurrent, 1, 3)));
    const Tensor fresh = ops::tanh(ops::add(part(x, 2, 3), ops::mul(reset, part(recurrent, 2, 3))));
    h = ops::add(fresh, ops::mul(update, ops::sub(h, fresh)));
    return;
  }
  const Tensor gates = ops::add(x, recurrent);
  if (cell != Cell::lstm) {
    h = cell == Cell::tanh ? ops::tanh(gates) : ops::relu(gates);
    return;
  }
  const Tensor in = ops::sigmoid(part(gates, 0, 4)), forget = ops::sigmoid(part(gates, 1, 4));
  const Tensor fresh = ops::tanh(part(gates, 2, 4)), out = ops::sigmoid(part(gates, 3, 4));
  c = ops::add(ops::mul(forget, c), ops::mul(in, fresh));
  h = ops::mul(out, ops::tanh(c));
  if (w_hr.defined()) h = ops::linear(h, w_hr, {});
}

/// The gradients as results of recorded operators: the layer is composed again, and gone through backwards.
Gradients composed_backward(TensorSpan grads, TensorList inputs, Cell cell, IntList batch_sizes, bool reverse) {
  // Aliases, so that what one input owes to another is not counted here.
  for (auto& t : inputs)
    if (t.defined()) t = ops::expand(t, t.sizes(), false);
  const auto& [input, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr] =
      std::tie(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], inputs[5], inputs[6], inputs[7]);
  const Tensor gates = ops::linear(input, w_ih, b_ih);
  Tensor state = h0, cell_state = c0;
  const int64_t batch = h0.size(0);
  TensorList outs;
  each_step(batch_sizes, reverse, [&](int64_t n, int64_t first) {
    Tensor h = ops::narrow(state, 0, 0, n), c = c0.defined() ? ops::narrow(cell_state, 0, 0, n) : Tensor();
    composed_cell(cell, ops::narrow(gates, 0, first, n), w_hh, b_hh, w_hr, h, c);
    outs.push_back(h);
    state = n == batch ? h : ops::cat(TensorList{h, ops::narrow(state, 0, n, batch - n)}, 0);
    if (c0.defined())
      cell_state = n == batch ? c : ops::cat(TensorList{c, ops::narrow(cell_state, 0, n, batch - n)}, 0);
  });
  if (reverse) std::reverse(outs.begin(), outs.end());
  TensorList roots{ops::cat(outs, 0), state}, root_grads{grads[0], grads[1]};
  if (c0.defined()) {
    roots.push_back(cell_state);
    root_grads.push_back(grads[2]);
  }
  TensorList wanted;
  for (const auto& t : inputs)
    if (requires_grad(t)) wanted.push_back(t);
  const TensorList found =
      run_backward(roots, root_grads, {.keep_graph = true, .create_graph = true, .inputs = wanted});
  TensorList all(inputs.size());
  std::size_t next = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (requires_grad(inputs[i])) all[i] = found[next++];
  return {all[0], all[1], all[2], all[3], all[4], all[5], all[6], all[7]};
}

/// What the state was before each step: for the gradients of what it is multiplied with.
Tensor states_before(const Layer& l, const Tensor& start, const Tensor& after, IntList batch_sizes, bool reverse) {
  const Tensor before = matrix(l, l.rows, start.size(1));
  Carried state(start);
  each_step(batch_sizes, reverse, [&](int64_t n, int64_t first) {
    copy_rows(rows_of(before, first, n), state.before(n), before.element_size());
    state.set(rows_of(after, first, n));
  });
  return before;
}

Tensor product_of(const Layer& l, const Rows& a, const Rows& b) {
  const Tensor out = matrix(l, a.count, b.columns);
  multiply(l.work, a, b, all_of(out), false);
  return out;
}

}  // namespace

Gradients rnn_layer_backward(const Tensor& g_out, const Tensor& g_h, const Tensor& g_c, const Tensor& input,
                             const Tensor& h0, const Tensor& c0, const Tensor& w_ih, const Tensor& w_hh,
                             const Tensor& b_ih, const Tensor& b_hh, const Tensor& w_hr, const Tensor& out,
                             const Tensor& gates, const Tensor& cells, const Tensor& kept, IntList batch_sizes,
                             std::string_view mode, bool reverse, bool wants_input) {
  if (must_record(g_out, g_h, g_c, input, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr))
    return composed_backward(TensorList{g_out, g_h, g_c}, {input, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr}, cell_of(mode),
                             batch_sizes, reverse);
  const Layer l = layer_of(input, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, batch_sizes, mode);
  const Tensor g = packed_as(g_out, l.work), outputs = packed_as(out, l.work);
  const Tensor dstate = copy_of(packed_as(g_h, l.work)), dcell = copy_of(packed_as(g_c, l.work));
  const Tensor before = states_before(l, l.h0, outputs, batch_sizes, reverse);
  const Tensor c_before = l.is_lstm() ? states_before(l, l.c0, cells, batch_sizes, reverse) : cells;
  const Tensor dgates = matrix(l, l.rows, l.width), dstates = matrix(l, l.projects() ? l.rows : 0, l.state);
  const Tensor drecurrent = l.is_gru() ? matrix(l, l.rows, l.width) : dgates;
  const Tensor draw = matrix(l, l.projects() ? l.batch : 0, l.hidden);
  const auto backward = kernels::table().rnn.backward[static_cast<int>(l.cell)][float_index(l.work)];
  const Factor w_state = factor_of(l, all_of(l.w_hh), 1, batch_sizes);
  const Factor w_project = l.projects() ? factor_of(l, all_of(l.w_hr), 1, batch_sizes) : Factor{};
  const auto run_cell = [&](const kernels::CellPart& part, int64_t first) {
    backward({.part = part,
              .gates = at(gates, first),
              .h_before = at(before, first),
              .c_before = at(c_before, first),
              .c = at(cells, first),
              .kept = at(kept, first),
              .g = l.projects() ? nullptr : at(g, first),
              .dh = l.projects() ? draw.bytes() : dstate.bytes(),
              .dc = dcell.bytes(),
              .dgates = at(dgates, first),
              .drecurrent = at(drecurrent, first)});
  };
  // Against the order of the steps.
  struct Step {
    int64_t rows, first;
  };
  std::vector<Step> steps;
  each_step(batch_sizes, !reverse, [&](int64_t n, int64_t first) { steps.push_back({n, first}); });
  const bool joins = w_state.is_packed() && !l.projects();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto [n, first] = steps[i];
    const Rows dh = rows_of(dstate, 0, n), dsums = rows_of(drecurrent, first, n);
    if (l.projects()) {
      ops::add_(some_rows(dstate, 0, n), some_rows(g, first, n));
      copy_rows(rows_of(dstates, first, n), dh, l.h0.element_size());
      multiply(l, dh, w_project, rows_of(draw, 0, n));
    }
    if (i == 0 || !joins) each_part(l, n, 0, [&](const kernels::CellPart& part) { run_cell(part, first); });
    if (!joins) {
      multiply(l, dsums, w_state, dh, l.is_gru());
      continue;
    }
    const Step next = i + 1 < steps.size() ? steps[i + 1] : Step{0, 0};
    each_part(l, std::max(n, next.rows), l.state, [&](kernels::CellPart part) {
      multiply(l, dsums, w_state, dh, l.is_gru(), {}, part);
      part.last_row = std::min(part.last_row, next.rows);
      run_cell(part, next.first);
    });
  }
  const DType dtype = input.dtype();
  const auto done = [&](const Tensor& t) { return finished(t, dtype); };
  const Tensor input_bias = b_ih.defined() ? column_sums(dgates) : Tensor();
  const Tensor state_bias = !b_hh.defined()                       ? Tensor()
                            : input_bias.defined() && !l.is_gru() ? copy_of(input_bias)
                                                                  : column_sums(drecurrent);
  return {wants_input ? done(product_of(l, all_of(dgates), all_of(l.w_ih))) : Tensor(),
          done(dstate),
          l.is_lstm() ? done(dcell) : Tensor(),
          done(product_of(l, transposed(dgates), all_of(l.input))),
          done(product_of(l, transposed(drecurrent), all_of(before))),
          b_ih.defined() ? done(input_bias) : Tensor(),
          b_hh.defined() ? done(state_bias) : Tensor(),
          l.projects() ? done(product_of(l, transposed(dstates), all_of(kept))) : Tensor()};
}

}  // namespace weft::ops::impl
