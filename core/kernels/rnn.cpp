// The pointwise half of recurrent cells.
#include "kernels/rnn.h"

#include "kernels/vecmath.h"
#include "kernels/vecmath_trig.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t piece_elements = 4096;

/// row(i) for every row, in pieces of about the same work.
template <class Row>
void each_row(int64_t rows, int64_t hidden, Row row) {
  const int64_t grain = hidden < piece_elements ? piece_elements / (hidden + 1) + 1 : 1;
  parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) row(i);
  });
}

template <class T>
T* row_of(const void* base, int64_t row, int64_t width) {
  return static_cast<T*>(const_cast<void*>(base)) + row * width;
}

template <class T, bool Relu>
void plain_forward(const CellForward& cell) {
  each_row(cell.rows, cell.hidden, [&](int64_t row) {
    T* __restrict gate = row_of<T>(cell.gates, row, cell.hidden);
    T* __restrict h = row_of<T>(cell.h, row, cell.hidden);
    for (int64_t i = 0; i < cell.hidden; ++i) {
      const T x = gate[i];
      const T y = Relu ? (x > T(0) || x != x ? x : T(0)) : vm::tanh(x);
      gate[i] = y;
      h[i] = y;
    }
  });
}

template <class T, bool Relu>
void plain_backward(const CellBackward& cell) {
  each_row(cell.rows, cell.hidden, [&](int64_t row) {
    const T* __restrict y = row_of<T>(cell.gates, row, cell.hidden);
    const T* __restrict dh = row_of<T>(cell.dh, row, cell.hidden);
    T* __restrict dgate = row_of<T>(cell.dgates, row, cell.hidden);
    for (int64_t i = 0; i < cell.hidden; ++i)
      dgate[i] = Relu ? (y[i] > T(0) ? dh[i] : T(0)) : dh[i] * (T(1) - y[i] * y[i]);
  });
}

template <class T>
void lstm_forward(const CellForward& cell) {
  const int64_t n = cell.hidden;
  each_row(cell.rows, n, [&](int64_t row) {
    T* __restrict gate = row_of<T>(cell.gates, row, 4 * n);
    const T* __restrict c_before = row_of<T>(cell.c_before, row, n);
    T* __restrict c = row_of<T>(cell.c, row, n);
    T* __restrict h = row_of<T>(cell.h, row, n);
    for (int64_t i = 0; i < n; ++i) {
      const T in = vm::sigmoid(gate[i]), forget = vm::sigmoid(gate[n + i]);
      const T fresh = vm::tanh(gate[2 * n + i]), out = vm::sigmoid(gate[3 * n + i]);
      const T now = forget * c_before[i] + in * fresh;
      gate[i] = in;
      gate[n + i] = forget;
      gate[2 * n + i] = fresh;
      gate[3 * n + i] = out;
      c[i] = now;
      h[i] = out * vm::tanh(now);
    }
  });
}

template <class T>
void lstm_backward(const CellBackward& cell) {
  const int64_t n = cell.hidden;
  each_row(cell.rows, n, [&](int64_t row) {
    const T* __restrict gate = row_of<T>(cell.gates, row, 4 * n);
    const T* __restrict c_before = row_of<T>(cell.c_before, row, n);
    const T* __restrict c = row_of<T>(cell.c, row, n);
    const T* __restrict dh = row_of<T>(cell.dh, row, n);
    T* __restrict dc = row_of<T>(cell.dc, row, n);
    T* __restrict dgate = row_of<T>(cell.dgates, row, 4 * n);
    for (int64_t i = 0; i < n; ++i) {
      const T in = gate[i], forget = gate[n + i], fresh = gate[2 * n + i], out = gate[3 * n + i];
      const T bounded = vm::tanh(c[i]);
      const T d = dc[i] + dh[i] * out * (T(1) - bounded * bounded);
      dgate[i] = d * fresh * in * (T(1) - in);
      dgate[n + i] = d * c_before[i] * forget * (T(1) - forget);
      dgate[2 * n + i] = d * in * (T(1) - fresh * fresh);
      dgate[3 * n + i] = dh[i] * bounded * out * (T(1) - out);
      dc[i] = d * forget;
    }
  });
}

template <class T>
void gru_forward(const CellForward& cell) {
  const int64_t n = cell.hidden;
  each_row(cell.rows, n, [&](int64_t row) {
    T* __restrict gate = row_of<T>(cell.gates, row, 3 * n);
    const T* __restrict recurrent = row_of<T>(cell.recurrent, row, 3 * n);
    const T* __restrict h_before = row_of<T>(cell.h_before, row, n);
    T* __restrict kept = row_of<T>(cell.kept, row, n);
    T* __restrict h = row_of<T>(cell.h, row, n);
    for (int64_t i = 0; i < n; ++i) {
      const T reset = vm::sigmoid(gate[i] + recurrent[i]), update = vm::sigmoid(gate[n + i] + recurrent[n + i]);
      const T state = recurrent[2 * n + i], fresh = vm::tanh(gate[2 * n + i] + reset * state);
      gate[i] = reset;
      gate[n + i] = update;
      gate[2 * n + i] = fresh;
      kept[i] = state;
      h[i] = fresh + update * (h_before[i] - fresh);
    }
  });
}

template <class T>
void gru_backward(const CellBackward& cell) {
  const int64_t n = cell.hidden;
  each_row(cell.rows, n, [&](int64_t row) {
    const T* __restrict gate = row_of<T>(cell.gates, row, 3 * n);
    const T* __restrict h_before = row_of<T>(cell.h_before, row, n);
    const T* __restrict kept = row_of<T>(cell.kept, row, n);
    T* __restrict dh = row_of<T>(cell.dh, row, n);
    T* __restrict dgate = row_of<T>(cell.dgates, row, 3 * n);
    T* __restrict drecurrent = row_of<T>(cell.drecurrent, row, 3 * n);
    for (int64_t i = 0; i < n; ++i) {
      const T reset = gate[i], update = gate[n + i], fresh = gate[2 * n + i], d = dh[i];
      const T dfresh = d * (T(1) - update) * (T(1) - fresh * fresh);
      const T dupdate = d * (h_before[i] - fresh) * update * (T(1) - update);
      const T dreset = dfresh * kept[i] * reset * (T(1) - reset);
      dgate[i] = dreset;
      dgate[n + i] = dupdate;
      dgate[2 * n + i] = dfresh;
      drecurrent[i] = dreset;
      drecurrent[n + i] = dupdate;
      drecurrent[2 * n + i] = dfresh * reset;
      dh[i] = d * update;
    }
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
