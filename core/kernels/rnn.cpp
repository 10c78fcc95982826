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
    T* __restrict gates = row_of<T>(cell.gates, row, 4 * n);
    const T* __restrict c_before = row_of<T>(cell.c_before, row, n);
    T* __restrict c = row_of<T>(cell.c, row, n);
    T* __restrict h = row_of<T>(cell.h, row, n);
    sigmoids(gates, 2 * n);
    tanhs(gates + 2 * n, n);
    sigmoids(gates + 3 * n, n);
    for (int64_t i = 0; i < n; ++i) c[i] = gates[n + i] * c_before[i] + gates[i] * gates[2 * n + i];
    tanhs(h, c, n);
    for (int64_t i = 0; i < n; ++i) h[i] *= gates[3 * n + i];
  });
}

template <class T>
void lstm_backward(const CellBackward& cell) {
  const int64_t n = cell.hidden;
  each_row(cell.rows, n, [&](int64_t row) {
    const T* __restrict gates = row_of<T>(cell.gates, row, 4 * n);
    const T* __restrict c_before = row_of<T>(cell.c_before, row, n);
    const T* __restrict c = row_of<T>(cell.c, row, n);
    const T* __restrict dh = row_of<T>(cell.dh, row, n);
    T* __restrict dc = row_of<T>(cell.dc, row, n);
    T* __restrict dgates = row_of<T>(cell.dgates, row, 4 * n);
    T* __restrict bounded = dgates + 3 * n;
    tanhs(bounded, c, n);
    for (int64_t i = 0; i < n; ++i) {
      const T out = gates[3 * n + i];
      dc[i] += dh[i] * out * (T(1) - bounded[i] * bounded[i]);
      bounded[i] *= dh[i] * out * (T(1) - out);
    }
    for (int64_t i = 0; i < n; ++i) dgates[i] = dc[i] * gates[2 * n + i] * gates[i] * (T(1) - gates[i]);
    for (int64_t i = 0; i < n; ++i) dgates[n + i] = dc[i] * c_before[i] * gates[n + i] * (T(1) - gates[n + i]);
    for (int64_t i = 0; i < n; ++i) {
      const T fresh = gates[2 * n + i];
      dgates[2 * n + i] = dc[i] * gates[i] * (T(1) - fresh * fresh);
    }
    for (int64_t i = 0; i < n; ++i) dc[i] *= gates[n + i];
  });
}

template <class T>
void gru_forward(const CellForward& cell) {
  const int64_t n = cell.hidden;
  each_row(cell.rows, n, [&](int64_t row) {
    T* __restrict gates = row_of<T>(cell.gates, row, 3 * n);
    const T* __restrict recurrent = row_of<T>(cell.recurrent, row, 3 * n);
    const T* __restrict h_before = row_of<T>(cell.h_before, row, n);
    T* __restrict kept = row_of<T>(cell.kept, row, n);
    T* __restrict h = row_of<T>(cell.h, row, n);
    for (int64_t i = 0; i < 2 * n; ++i) gates[i] += recurrent[i];
    sigmoids(gates, 2 * n);
    T* __restrict fresh = gates + 2 * n;
    for (int64_t i = 0; i < n; ++i) {
      kept[i] = recurrent[2 * n + i];
      fresh[i] += gates[i] * kept[i];
    }
    tanhs(fresh, n);
    for (int64_t i = 0; i < n; ++i) h[i] = fresh[i] + gates[n + i] * (h_before[i] - fresh[i]);
  });
}

template <class T>
void gru_backward(const CellBackward& cell) {
  const int64_t n = cell.hidden;
  each_row(cell.rows, n, [&](int64_t row) {
    const T* __restrict gates = row_of<T>(cell.gates, row, 3 * n);
    const T* __restrict h_before = row_of<T>(cell.h_before, row, n);
    const T* __restrict kept = row_of<T>(cell.kept, row, n);
    T* __restrict dh = row_of<T>(cell.dh, row, n);
    T* __restrict dgates = row_of<T>(cell.dgates, row, 3 * n);
    T* __restrict drecurrent = row_of<T>(cell.drecurrent, row, 3 * n);
    for (int64_t i = 0; i < n; ++i) {
      const T update = gates[n + i], fresh = gates[2 * n + i];
      dgates[2 * n + i] = dh[i] * (T(1) - update) * (T(1) - fresh * fresh);
    }
    for (int64_t i = 0; i < n; ++i) {
      const T update = gates[n + i], fresh = gates[2 * n + i];
      dgates[n + i] = dh[i] * (h_before[i] - fresh) * update * (T(1) - update);
    }
    for (int64_t i = 0; i < n; ++i) dgates[i] = dgates[2 * n + i] * kept[i] * gates[i] * (T(1) - gates[i]);
    for (int64_t i = 0; i < 2 * n; ++i) drecurrent[i] = dgates[i];
    for (int64_t i = 0; i < n; ++i) drecurrent[2 * n + i] = dgates[2 * n + i] * gates[i];
    for (int64_t i = 0; i < n; ++i) dh[i] *= gates[n + i];
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
