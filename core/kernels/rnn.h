// Recurrent cells: what follows the matrix products of a time step, forward and backward, for some columns of a batch
// of rows.
//
// Tensors are contiguous float (index Compute::f32) or double (Compute::f64). Gates lie side by side in a row, in
// PyTorch's order. Errors are those of the sigmoid and tanh of vecmath.h.
#pragma once

#include "kernels/compute.h"

namespace weft::kernels {

enum class Cell : uint8_t { tanh, relu, lstm, gru };
inline constexpr int cell_count = 4;
inline constexpr int64_t cell_gates[cell_count] = {1, 1, 4, 3};

/// The part of a step to compute: rows and, of the hidden size, columns. Pointers below are those of the whole step.
struct CellPart {
  int64_t hidden;
  int64_t first_row, last_row;
  int64_t first_column, last_column;
};

struct CellForward {
  CellPart part;
  void* gates;            ///< before the activations (GRU: the input's part), and after them
  const void* recurrent;  ///< GRU: the state's part of the gates
  const void* h_before;   ///< GRU
  const void* c_before;   ///< LSTM
  void* c;                ///< LSTM
  void* kept;             ///< GRU: the state's part of the new gate
  void* h;
};

struct CellBackward {
  CellPart part;
  const void* gates;
  const void* h_before;  ///< GRU
  const void* c_before;  ///< LSTM
  const void* c;         ///< LSTM
  const void* kept;      ///< GRU
  const void* g;         ///< added to dh first; or null
  void* dh;              ///< GRU: becomes what goes to h_before past the gates
  void* dc;              ///< LSTM: the gradient of c, which becomes that of c_before
  void* dgates;          ///< before the activations (GRU: of the input's part)
  void* drecurrent;      ///< GRU: of the state's part
};

struct RnnTable {
  void (*forward[cell_count][2])(const CellForward& cell);
  void (*backward[cell_count][2])(const CellBackward& cell);
};

}  // namespace weft::kernels
