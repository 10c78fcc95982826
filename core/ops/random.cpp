#include <algorithm>
#include <cmath>
#include <limits>

#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/promotion.h"
#include "ops/row_layout.h"
#include "ops/support.h"
#include "ops/torch_random.h"

namespace weft::ops::impl {

namespace {

const kernels::RandomTable& table() { return kernels::table().random; }

Generator& generator_or_default(Generator* generator) { return generator ? *generator : default_generator(); }

/// A place in the stream for n elements of `words` words each.
PhiloxState reserve(Generator* generator, int64_t n, int words) {
  return generator_or_default(generator).reserve(kernels::random_blocks(n, words));
}

/// Runs fill(state, n, data, index) on contiguous floats and brings them to self, whatever its layout and dtype;
/// by_torch(self, generator) has its turn first.
template <class Torch, class Fill>
void fill_floats(const Tensor& self, Generator* generator, const char* op, Torch by_torch, Fill fill) {
  check_implemented(is_floating(self.dtype()), op, self.dtype());
  if (self.numel() == 0 || by_torch(self, generator_or_default(generator))) return;
  const DType work = float_work(self.dtype());
  const bool direct = self.is_contiguous() && self.dtype() == work;
  const Tensor out = direct ? self : weft::empty(self.sizes(), work);
  const int at = float_index(work);
  fill(reserve(generator, out.numel(), at + 1), out.numel(), out.bytes(), at);
  if (!direct) copy_elements(self, out);
}

/// Integers in [low, low + range) into a tensor of any dtype.
void fill_integers(const Tensor& self, Generator* generator, int64_t low, uint64_t range) {
  if (self.numel() == 0 || torch_random::integers(self, generator_or_default(generator), low, range)) return;
  const bool direct = self.is_contiguous() && self.dtype() == DType::int64;
  const Tensor out = direct ? self : weft::empty(self.sizes(), DType::int64);
  table().integers(reserve(generator, out.numel(), 2), out.numel(), low, range, out.data<int64_t>());
  if (!direct) copy_elements(self, out);
}

void check_range(int64_t low, int64_t high, const char* op) {
  check(low < high, "{} expects 'from' to be less than 'to', but got from={} >= to={}", op, low, high);
}

void check_probability(double p, const char* op) {
  check(p >= 0 && p <= 1, "{} expects p to be in [0, 1], but got p={}", op, p);
}

/// How many integers from 0 the dtype holds exactly.
uint64_t exact_range(DType dtype) {
  switch (dtype) {
    case DType::boolean:
      return 2;
    case DType::uint8:
      return uint64_t{1} << 8;
    case DType::int8:
      return uint64_t{1} << 7;
    case DType::int16:
      return uint64_t{1} << 15;
    case DType::int32:
      return uint64_t{1} << 31;
    case DType::int64:
      return uint64_t{1} << 63;
    case DType::float16:
      return (uint64_t{1} << 11) + 1;
    case DType::bfloat16:
      return (uint64_t{1} << 8) + 1;
    case DType::float32:
      return (uint64_t{1} << 24) + 1;
    default:
      return (uint64_t{1} << 53) + 1;
  }
}

Tensor bernoulli_mask(const Tensor& shape_of, const Tensor& p, Generator* generator) {
  const DType work = float_work(p.dtype());
  const Tensor mask = weft::empty(shape_of.sizes(), DType::boolean);
  Tensor spread = p;
  if (p.dtype() != work || p.sizes() != shape_of.sizes() || !p.is_contiguous()) {
    spread = weft::empty(shape_of.sizes(), work);
    copy_elements(spread, p);
  }
  if (mask.numel() == 0) return mask;
  const auto draw = table().bernoulli_each[float_index(work)];
  check(torch_random::bernoulli_each(mask, spread, generator_or_default(generator)) ||
            draw(reserve(generator, mask.numel(), 1), mask.numel(), spread.bytes(), mask.data<uint8_t>()),
        "Expected p_in >= 0 && p_in <= 1 to be true, but got false.");
  return mask;
}

Tensor random_like(const Tensor& self, std::optional<DType> dtype, std::optional<MemoryFormat> format) {
  return ops::empty_like(self, dtype, format);
}

}  // namespace

void uniform_(const Tensor& self, double from, double to, Generator* generator) {
  check(from <= to, "uniform_ expects to return a [from, to) range, but found from={} > to={}", from, to);
  if (is_complex(self.dtype())) {  // both parts, one after the other
    uniform_(ops::view_as_real(self), from, to, generator);
    return;
  }
  fill_floats(
      self, generator, "uniform_", [&](const Tensor& t, Generator& g) { return torch_random::uniform(t, g, from, to); },
      [&](PhiloxState state, int64_t n, void* out, int at) { table().uniform[at](state, n, from, to, out); });
}
void normal_(const Tensor& self, double mean, double std, Generator* generator) {
  check(std >= 0, "normal expects std >= 0.0, but found std {}", std);
  if (is_complex(self.dtype())) {  // half of the variance to each part
    normal_(ops::view_as_real(self), 0, std * std::sqrt(0.5), generator);
    return;
  }
  fill_floats(
      self, generator, "normal_", [&](const Tensor& t, Generator& g) { return torch_random::normal(t, g, mean, std); },
      [&](PhiloxState state, int64_t n, void* out, int at) { table().normal[at](state, n, mean, std, out); });
}
void log_normal_(const Tensor& self, double mean, double std, Generator* generator) {
  check(std > 0, "log_normal_ expects std > 0.0, but found std={}", std);
  const auto by_torch = [&](const Tensor& t, Generator& g) { return torch_random::log_normal(t, g, mean, std); };
  fill_floats(self, generator, "log_normal_", by_torch, [&](PhiloxState state, int64_t n, void* out, int at) {
    table().log_normal[at](state, n, mean, std, out);
  });
}
void exponential_(const Tensor& self, double lambd, Generator* generator) {
  check(lambd > 0, "exponential_ expects lambda > 0.0, but found lambda={}", lambd);
  fill_floats(
      self, generator, "exponential_",
      [&](const Tensor& t, Generator& g) { return torch_random::exponential(t, g, lambd); },
      [&](PhiloxState state, int64_t n, void* out, int at) { table().exponential[at](state, n, lambd, out); });
}
void geometric_(const Tensor& self, double p, Generator* generator) {
  check(p > 0 && p < 1, "geometric_ expects p to be in (0, 1), but got p={}", p);
  const Tensor out = is_floating(self.dtype()) ? self : weft::empty(self.sizes(), DType::float64);
  fill_floats(
      out, generator, "geometric_", [&](const Tensor& t, Generator& g) { return torch_random::geometric(t, g, p); },
      [&](PhiloxState state, int64_t n, void* data, int at) { table().geometric[at](state, n, p, data); });
  if (!(out == self)) copy_elements(self, out);
}
void cauchy_(const Tensor& self, double median, double sigma, Generator* generator) {
  check(sigma > 0, "cauchy_ expects sigma > 0.0, but found sigma={}", sigma);
  const auto by_torch = [&](const Tensor& t, Generator& g) { return torch_random::cauchy(t, g, median, sigma); };
  fill_floats(self, generator, "cauchy_", by_torch, [&](PhiloxState state, int64_t n, void* out, int at) {
    table().cauchy[at](state, n, median, sigma, out);
  });
}

void random__from(const Tensor& self, int64_t from, std::optional<int64_t> to, Generator* generator) {
  if (!to) return fill_integers(self, generator, from, exact_range(self.dtype()) - static_cast<uint64_t>(from));
  check_range(from, *to, "random_");
  fill_integers(self, generator, from, static_cast<uint64_t>(*to) - static_cast<uint64_t>(from));
}
void random__to(const Tensor& self, int64_t to, Generator* generator) { random__from(self, 0, to, generator); }
void random_(const Tensor& self, Generator* generator) {
  const bool wide = self.dtype() == DType::int64 || self.dtype() == DType::float64;
  if (torch_random::whole_range(self, generator_or_default(generator), exact_range(self.dtype()), wide)) return;
  fill_integers(self, generator, 0, exact_range(self.dtype()));
}

void bernoulli__float(const Tensor& self, double p, Generator* generator) {
  check_probability(p, "bernoulli_");
  if (self.numel() == 0) return;
  const Tensor mask = weft::empty(self.sizes(), DType::boolean);
  if (!torch_random::bernoulli(mask, generator_or_default(generator), p))
    table().bernoulli(reserve(generator, mask.numel(), 1), mask.numel(), p, mask.data<uint8_t>());
  copy_elements(self, mask);
}
void bernoulli_(const Tensor& self, const Tensor& p, Generator* generator) {
  check(is_floating(p.dtype()), "expected probabilities tensor to have floating type, got {}",
        scalar_type_name(p.dtype()));
  copy_elements(self, bernoulli_mask(self, p, generator));
}
Tensor bernoulli(const Tensor& self, Generator* generator) {
  check_floating(self, "bernoulli_tensor_cpu_p_");
  return converted(bernoulli_mask(self, self, generator), self.dtype());
}
Tensor bernoulli_p(const Tensor& self, double p, Generator* generator) {
  const Tensor out = weft::empty_like(self, self.dtype());
  bernoulli__float(out, p, generator);
  return out;
}

Tensor rand(IntList size, Generator* generator, std::optional<DType> dtype) {
  const Tensor out = weft::empty(size, dtype.value_or(default_dtype()));
  uniform_(out, 0, 1, generator);
  return out;
}
Tensor randn(IntList size, Generator* generator, std::optional<DType> dtype) {
  const Tensor out = weft::empty(size, dtype.value_or(default_dtype()));
  normal_(out, 0, 1, generator);
  return out;
}
Tensor randint_low(int64_t low, int64_t high, IntList size, Generator* generator, std::optional<DType> dtype) {
  check_range(low, high, "random_");
  const Tensor out = weft::empty(size, dtype.value_or(DType::int64));
  fill_integers(out, generator, low, static_cast<uint64_t>(high) - static_cast<uint64_t>(low));
  return out;
}
Tensor randint(int64_t high, IntList size, Generator* generator, std::optional<DType> dtype) {
  return randint_low(0, high, size, generator, dtype);
}
Tensor randperm(int64_t n, Generator* generator, std::optional<DType> dtype) {
  check(n >= 0, "n must be non-negative, got {}", n);
  const Tensor out = weft::empty(Dims{n}, DType::int64);
  if (n > 0 && !torch_random::permutation(out, generator_or_default(generator)))
    table().permutation(reserve(generator, n, 2), n, out.data<int64_t>());
  return finished(out, dtype.value_or(DType::int64));
}
Tensor rand_like(const Tensor& self, std::optional<DType> dtype, std::optional<MemoryFormat> format,
                 Generator* generator) {
  const Tensor out = random_like(self, dtype, format);
  uniform_(out, 0, 1, generator);
  return out;
}
Tensor randn_like(const Tensor& self, std::optional<DType> dtype, std::optional<MemoryFormat> format,
                  Generator* generator) {
  const Tensor out = random_like(self, dtype, format);
  normal_(out, 0, 1, generator);
  return out;
}
Tensor randint_like_low(const Tensor& self, int64_t low, int64_t high, std::optional<DType> dtype,
                        std::optional<MemoryFormat> format, Generator* generator) {
  const Tensor out = random_like(self, dtype, format);
  random__from(out, low, high, generator);
  return out;
}
Tensor randint_like(const Tensor& self, int64_t high, std::optional<DType> dtype, std::optional<MemoryFormat> format,
                    Generator* generator) {
  return randint_like_low(self, 0, high, dtype, format, generator);
}

Tensor normal(const Tensor& mean, const Tensor& std, Generator* generator) {
  const DType type = float_type(result_type({&mean, &std}));
  const Tensor noise = ops::randn(broadcast_shapes(mean.sizes(), std.sizes()), generator, type);
  return ops::add(ops::mul(noise, std), mean);
}
Tensor normal_mean(const Tensor& mean, double std, Generator* generator) {
  return normal(mean, wrapped_number(Scalar(std)), generator);
}
Tensor normal_std(double mean, const Tensor& std, Generator* generator) {
  return normal(wrapped_number(Scalar(mean)), std, generator);
}
Tensor normal_size(double mean, double std, IntList size, Generator* generator, std::optional<DType> dtype) {
  const Tensor out = weft::empty(size, dtype.value_or(default_dtype()));
  normal_(out, mean, std, generator);
  return out;
}

Tensor multinomial(const Tensor& self, int64_t num_samples, bool replacement, Generator* generator) {
  check(self.dim() == 1 || self.dim() == 2, "prob_dist must be 1 or 2 dim");
  check(is_floating(self.dtype()), "multinomial only supports floating-point dtypes for input, got: {}",
        scalar_type_name(self.dtype()));
  check(num_samples > 0, "cannot sample n_sample <= 0 samples");
  const int64_t classes = self.sizes()[self.dim() - 1], rows = self.dim() == 1 ? 1 : self.sizes()[0];
  check(replacement || num_samples <= classes,
        "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
  const Tensor weights = packed_as(self, DType::float64);
  const double* const w = weights.data<double>();
  for (int64_t r = 0; r < rows; ++r) {
    double total = 0;
    for (int64_t c = 0; c < classes; ++c) {
      check(w[r * classes + c] >= 0 && std::isfinite(w[r * classes + c]),
            "probability tensor contains either `inf`, `nan` or element < 0");
      total += w[r * classes + c];
    }
    check(total > 0, "invalid multinomial distribution (sum of probabilities <= 0)");
  }
  Dims shape = self.sizes();
  shape[self.dim() - 1] = num_samples;
  const Tensor out = weft::empty(shape, DType::int64);
  if (out.numel() == 0) return out;
  if (!replacement) {
    // The order of exponential variables divided by their rates: Efraimidis and Spirakis, 2006.
    const Tensor race = weft::empty(weights.sizes(), DType::float64);
    exponential_(race, 1.0, generator);
    double* const times = race.data<double>();
    for (int64_t i = 0; i < race.numel(); ++i) times[i] /= w[i];  // never, for a weight of 0
    const Tensor unused = weft::empty(shape, DType::float64);
    kernels::table().sort.topk[1](race.bytes(), rows, classes, num_samples, false, unused.bytes(), out.data<int64_t>());
    return out;
  }
  const Tensor sums = weft::empty(weights.sizes(), DType::float64), points = weft::empty(shape, DType::float64);
  uniform_(points, 0, 1, generator);
  for (int64_t r = 0; r < rows; ++r) {
    double total = 0;
    int64_t last = 0;
    for (int64_t c = 0; c < classes; ++c) {
      total += w[r * classes + c];
      sums.data<double>()[r * classes + c] = total;
      if (w[r * classes + c] > 0) last = c;
    }
    // Rounding must not reach past the last class that can be drawn.
    for (int64_t c = last; c < classes; ++c)
      sums.data<double>()[r * classes + c] = std::numeric_limits<double>::infinity();
    for (int64_t i = 0; i < num_samples; ++i) points.data<double>()[r * num_samples + i] *= total;
  }
  kernels::table().sort.searchsorted[1](sums.bytes(), nullptr, points.bytes(), rows, classes, num_samples, false, true,
                                        out.data<int64_t>());
  return out;
}

Tensor dropout(const Tensor& self, double p, bool train) {
  check_probability(p, "dropout probability");
  return train && p > 0 ? std::get<0>(ops::native_dropout(self, p, true)) : self;
}

std::tuple<Tensor, Tensor> native_dropout(const Tensor& self, double p, bool train) {
  const Tensor mask = weft::empty(self.sizes(), DType::boolean);
  if (!train || p == 0) {
    copy_elements(mask, weft::scalar_tensor(Scalar(true), DType::boolean));
    return {clone_detached(self), mask};
  }
  check_floating(self, "native_dropout");
  if (torch_random::bernoulli(mask, default_generator(), 1 - p))
    return {native_dropout_backward(self, mask, p, true), mask};
  const DType work = float_work(self.dtype());
  const Tensor x = packed_as(self, work), y = weft::empty(self.sizes(), work);
  if (x.numel() > 0)
    table().dropout[float_index(work)](reserve(nullptr, x.numel(), 1), x.numel(), p, x.bytes(), y.bytes(),
                                       mask.data<uint8_t>());
  return {finished(y, self.dtype()), mask};
}

Tensor native_dropout_backward(const Tensor& grad, const Tensor& mask, double p, bool train) {
  const DType work = float_work(grad.dtype());
  const Tensor g = packed_as(grad, work), dx = weft::empty(grad.sizes(), work);
  const double scale = !train ? 1 : p >= 1 ? 0 : 1 / (1 - p);
  if (g.numel() > 0)
    table().dropout_backward[float_index(work)](g.bytes(), mask.data<uint8_t>(), g.numel(), scale, dx.bytes());
  return finished(dx, grad.dtype());
}

}  // namespace weft::ops::impl
