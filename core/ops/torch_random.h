// The fills of ops/random.cpp as PyTorch's CPU stream gives them. Each says whether the generator draws from that
// stream; if it does not, nothing was done.
#pragma once

#include "runtime/random.h"
#include "tensor/tensor.h"

namespace weft::ops::torch_random {

bool uniform(const Tensor& self, Generator& generator, double from, double to);
bool normal(const Tensor& self, Generator& generator, double mean, double std);
bool log_normal(const Tensor& self, Generator& generator, double mean, double std);
bool exponential(const Tensor& self, Generator& generator, double lambda);
bool geometric(const Tensor& self, Generator& generator, double p);
bool cauchy(const Tensor& self, Generator& generator, double median, double sigma);
/// Integers in [low, low + range); a range of 0 stands for all 2^64.
bool integers(const Tensor& self, Generator& generator, int64_t low, uint64_t range);
/// `wide` draws take two words: PyTorch's for float64, int64.
bool whole_range(const Tensor& self, Generator& generator, uint64_t range, bool wide);
bool permutation(const Tensor& out, Generator& generator);
bool bernoulli(const Tensor& mask, Generator& generator, double p);
/// One probability for each element; both contiguous.
bool bernoulli_each(const Tensor& mask, const Tensor& p, Generator& generator);

}  // namespace weft::ops::torch_random
