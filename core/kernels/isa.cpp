// Gathers the families of one ISA into a table. Compiled once per ISA.
#include "kernels/table.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {

void fill(PointwiseTable&);
void fill(CastTable&);
void fill(GemmTable&);
void fill(ConvTable&);
void fill(PoolTable&);
void fill(SoftmaxTable&);
void fill(NormTable&);
void fill(LossTable&);
void fill(IndexTable&);
void fill(SortTable&);
void fill(RandomTable&);
void fill(OptimizerTable&);
void fill(ReduceTable&);
void fill(ScanTable&);
void fill(AttentionTable&);
void fill(RnnTable&);
void fill(SparseTable&);

void fill(KernelTable& t) {
  fill(t.pointwise);
  fill(t.cast);
  fill(t.gemm);
  fill(t.conv);
  fill(t.pool);
  fill(t.softmax);
  fill(t.norm);
  fill(t.loss);
  fill(t.index);
  fill(t.sort);
  fill(t.random);
  fill(t.optimizer);
  fill(t.reduce);
  fill(t.scan);
  fill(t.attention);
  fill(t.rnn);
  fill(t.sparse);
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
