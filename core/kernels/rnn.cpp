// The pointwise half of recurrent cells.
#include "kernels/rnn.h"

#include "kernels/vecmath.h"
#include "kernels/vecmath_trig.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

/// Row `row` of a matrix of so many columns, from the part's first column on.
template <class T>
T* row_of(const void* base, const CellPart& part, int64_t row, int64_t width) {
  return static_cast<T*>(const_cast<void*>(base)) + row * width + part.first_column;
}

int64_t columns_of(const CellPart& part) { return part.last_column - part.first_column; }

template <class Row>
void each_row(const CellPart& part, Row row) {
  for (int64_t i = part.first_row; i < part.last_row; ++i) row(i);
}

template <class T>
void add_outer(const CellBackward& cell, int64_t row, int64_t n) {
  if (cell.g == nullptr) return;
  const T* __restrict g = row_of<T>(cell.g, cell.part, row, cell.part.hidden);
  T* __restrict dh = row_of<T>(cell.dh, cell.part, row, cell.part.hidden);
  for (int64_t i = 0; i < n; ++i) dh[i] += g[i];
}

// One function at a time over a row: a loop over all gates at once is beyond the compiler's vectoriser.
template <class T>
void sigmoids(T* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] = vm::sigmoid(x[i]);
}
template <class T>
void tanhs(T* __restrict to, const T* __restrict x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = vm::tanh(x[i]);
}
template <class T>
void tanhs(T* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] = vm::tanh(x[i]);
}

template <class T, bool Relu>
void plain_forward(const CellForward& cell) {
  const int64_t hidden = cell.part.hidden, n = columns_of(cell.part);
  each_row(cell.part, [&](int64_t row) {
    T* __restrict gate = row_of<T>(cell.gates, cell.part, row, hidden);
    T* __restrict h = row_of<T>(cell.h, cell.part, row, hidden);
    for (int64_t i = 0; i < n; ++i) {
      const T x = gate[i];
      const T y = Relu ? (x > T(0) || x != x ? x : T(0)) : vm::tanh(x);
      gate[i] = y;
      h[i] = y;
    }
  });
}

template <class T, bool Relu>
void plain_backward(const CellBackward& cell) {
  const int64_t hidden = cell.part.hidden, n = columns_of(cell.part);
  each_row(cell.part, [&](int64_t row) {
    add_outer<T>(cell, row, n);
    const T* __restrict y = row_of<T>(cell.gates, cell.part, row, hidden);
    const T* __restrict dh = row_of<T>(cell.dh, cell.part, row, hidden);
    T* __restrict dgate = row_of<T>(cell.dgates, cell.part, row, hidden);
    for (int64_t i = 0; i < n; ++i) dgate[i] = Relu ? (y[i] > T(0) ? dh[i] : T(0)) : dh[i] * (T(1) - y[i] * y[i]);
  });
}

template <class T>
void lstm_forward(const CellForward& cell) {
  const int64_t hidden = cell.part.hidden, n = columns_of(cell.part);
  each_row(cell.part, [&](int64_t row) {
    T* __restrict in = row_of<T>(cell.gates, cell.part, row, 4 * hidden);
    T* __restrict forget = in + hidden;
    T* __restrict fresh = in + 2 * hidden;
    T* __restrict out = in + 3 * hidden;
    const T* __restrict c_before = row_of<T>(cell.c_before, cell.part, row, hidden);
    T* __restrict c = row_of<T>(cell.c, cell.part, row, hidden);
    T* __restrict h = row_of<T>(cell.h, cell.part, row, hidden);
    sigmoids(in, n);
    sigmoids(forget, n);
    tanhs(fresh, n);
    sigmoids(out, n);
    for (int64_t i = 0; i < n; ++i) c[i] = forget[i] * c_before[i] + in[i] * fresh[i];
    tanhs(h, c, n);
    for (int64_t i = 0; i < n; ++i) h[i] *= out[i];
  });
}

template <class T>
void lstm_backward(const CellBackward& cell) {
  const int64_t hidden = cell.part.hidden, n = columns_of(cell.part);
  each_row(cell.part, [&](int64_t row) {
    add_outer<T>(cell, row, n);
    const T* __restrict in = row_of<T>(cell.gates, cell.part, row, 4 * hidden);
    const T* __restrict forget = in + hidden;
    const T* __restrict fresh = in + 2 * hidden;
    const T* __restrict out = in + 3 * hidden;
    const T* __restrict c_before = row_of<T>(cell.c_before, cell.part, row, hidden);
    const T* __restrict c = row_of<T>(cell.c, cell.part, row, hidden);
    const T* __restrict dh = row_of<T>(cell.dh, cell.part, row, hidden);
    T* __restrict dc = row_of<T>(cell.dc, cell.part, row, hidden);
    T* __restrict din = row_of<T>(cell.dgates, cell.part, row, 4 * hidden);
    T* __restrict dforget = din + hidden;
    T* __restrict dfresh = din + 2 * hidden;
    T* __restrict dout = din + 3 * hidden;
    tanhs(dout, c, n);
    for (int64_t i = 0; i < n; ++i) {
      const T bounded = dout[i];
      dc[i] += dh[i] * out[i] * (T(1) - bounded * bounded);
      dout[i] = bounded * (dh[i] * out[i] * (T(1) - out[i]));
    }
    for (int64_t i = 0; i < n; ++i) din[i] = dc[i] * fresh[i] * in[i] * (T(1) - in[i]);
    for (int64_t i = 0; i < n; ++i) dforget[i] = dc[i] * c_before[i] * forget[i] * (T(1) - forget[i]);
    for (int64_t i = 0; i < n; ++i) dfresh[i] = dc[i] * in[i] * (T(1) - fresh[i] * fresh[i]);
    for (int64_t i = 0; i < n; ++i) dc[i] *= forget[i];
  });
}

template <class T>
void gru_forward(const CellForward& cell) {
  const int64_t hidden = cell.part.hidden, n = columns_of(cell.part);
  each_row(cell.part, [&](int64_t row) {
    T* __restrict reset = row_of<T>(cell.gates, cell.part, row, 3 * hidden);
    T* __restrict update = reset + hidden;
    T* __restrict fresh = reset + 2 * hidden;
    const T* __restrict recurrent = row_of<T>(cell.recurrent, cell.part, row, 3 * hidden);
    const T* __restrict h_before = row_of<T>(cell.h_before, cell.part, row, hidden);
    T* __restrict kept = row_of<T>(cell.kept, cell.part, row, hidden);
    T* __restrict h = row_of<T>(cell.h, cell.part, row, hidden);
    for (int64_t i = 0; i < n; ++i) reset[i] += recurrent[i];
    for (int64_t i = 0; i < n; ++i) update[i] += recurrent[hidden + i];
    sigmoids(reset, n);
    sigmoids(update, n);
    for (int64_t i = 0; i < n; ++i) {
      kept[i] = recurrent[2 * hidden + i];
      fresh[i] += reset[i] * kept[i];
    }
    tanhs(fresh, n);
    for (int64_t i = 0; i < n; ++i) h[i] = fresh[i] + update[i] * (h_before[i] - fresh[i]);
  });
}

template <class T>
void gru_backward(const CellBackward& cell) {
  const int64_t hidden = cell.part.hidden, n = columns_of(cell.part);
  each_row(cell.part, [&](int64_t row) {
    add_outer<T>(cell, row, n);
    const T* __restrict reset = row_of<T>(cell.gates, cell.part, row, 3 * hidden);
    const T* __restrict update = reset + hidden;
    const T* __restrict fresh = reset + 2 * hidden;
    const T* __restrict h_before = row_of<T>(cell.h_before, cell.part, row, hidden);
    const T* __restrict kept = row_of<T>(cell.kept, cell.part, row, hidden);
    T* __restrict dh = row_of<T>(cell.dh, cell.part, row, hidden);
    T* __restrict dreset = row_of<T>(cell.dgates, cell.part, row, 3 * hidden);
    T* __restrict dupdate = dreset + hidden;
    T* __restrict dfresh = dreset + 2 * hidden;
    T* __restrict drecurrent = row_of<T>(cell.drecurrent, cell.part, row, 3 * hidden);
    for (int64_t i = 0; i < n; ++i) dfresh[i] = dh[i] * (T(1) - update[i]) * (T(1) - fresh[i] * fresh[i]);
    for (int64_t i = 0; i < n; ++i) {
      dupdate[i] = dh[i] * (h_before[i] - fresh[i]) * update[i] * (T(1) - update[i]);
    }
    for (int64_t i = 0; i < n; ++i) dreset[i] = dfresh[i] * kept[i] * reset[i] * (T(1) - reset[i]);
    for (int64_t i = 0; i < n; ++i) drecurrent[i] = dreset[i];
    for (int64_t i = 0; i < n; ++i) drecurrent[hidden + i] = dupdate[i];
    for (int64_t i = 0; i < n; ++i) drecurrent[2 * hidden + i] = dfresh[i] * reset[i];
    for (int64_t i = 0; i < n; ++i) dh[i] *= update[i];
  });
}

}  // namespace

void fill(RnnTable& table) {
  table = {{{plain_forward<float, false>, plain_forward<double, false>},
            {plain_forward<float, true>, plain_forward<double, true>},
            {lstm_forward<float>, lstm_forward<double>},
            {gru_forward<float>, gru_forward<double>}},
           {{plain_backward<float, false>, plain_backward<double, false>},
            {plain_backward<float, true>, plain_backward<double, true>},
            {lstm_backward<float>, lstm_backward<double>},
            {gru_backward<float>, gru_backward<double>}}};
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
