// The kernels of one ISA, as function pointers; the build for this CPU is chosen once, when the module loads.
#pragma once

#include "kernels/attention.h"
#include "kernels/cast.h"
#include "kernels/conv.h"
#include "kernels/gemm.h"
#include "kernels/index.h"
#include "kernels/loss.h"
#include "kernels/norm.h"
#include "kernels/optimizer.h"
#include "kernels/pointwise.h"
#include "kernels/pool.h"
#include "kernels/random.h"
#include "kernels/reduce.h"
#include "kernels/rnn.h"
#include "kernels/scan.h"
#include "kernels/softmax.h"
#include "kernels/sort.h"
#include "kernels/sparse.h"

namespace weft::kernels {

/// One member per family; each family's .cpp has a `void fill(Family&)` per ISA.
struct KernelTable {
  PointwiseTable pointwise;
  CastTable cast;
  GemmTable gemm;
  ConvTable conv;
  PoolTable pool;
  SoftmaxTable softmax;
  NormTable norm;
  LossTable loss;
  IndexTable index;
  SortTable sort;
  RandomTable random;
  OptimizerTable optimizer;
  ReduceTable reduce;
  ScanTable scan;
  AttentionTable attention;
  RnnTable rnn;
  SparseTable sparse;
};

/// The kernels for this CPU (or those that WEFT_ISA asks for).
const KernelTable& table();

}  // namespace weft::kernels
