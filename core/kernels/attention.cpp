// Attention by blocks (Dao et al. 2022, FlashAttention) on the register tiles of gemm_tile.h: docs/notes/attention.md.
#include "kernels/attention.h"

#include "kernels/exp_rows.h"
#include "kernels/gemm_dot.h"
#include "kernels/gemm_pack.h"
#include "kernels/gemm_scratch.h"
#include "kernels/gemm_stream.h"
#include "kernels/rows.h"
#include "kernels/vecmath_wide.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t panel = tile_columns<float>;   // columns of a register tile
constexpr int64_t key_block = 128;               // keys met at a time going back: a multiple of every panel width
constexpr int64_t query_block = 24 * tile_rows;  // queries that share a packed block of keys
constexpr float nothing = -vm::infinity<float>;
constexpr float log2_e = 1.44269504f, ln_2 = 0.693147182f;
constexpr int64_t no_offset = 0;

constexpr int64_t panels_of(int64_t n) { return (n + panel - 1) / panel; }

/// A matrix as panels of columns, each `rows` rows of `panel` floats: what register tiles read as B and write.
struct Panels {
  float* data;
  int64_t rows;
  [[gnu::always_inline]] float* at(int64_t p, int64_t row = 0) const noexcept {
    return data + (p * rows + row) * panel;
  }
};

/// A matrix that tiles read as B: row-major where it lies, or copied in panels.
struct Columns {
  const float* data;
  int64_t row, panel_step;
  [[gnu::always_inline]] const float* at(int64_t column, int64_t i = 0) const noexcept {
    return data + column / panel * panel_step + i * row;
  }
};

/// Whether tiles may read a matrix where it lies: rows close together, of whole vectors.
constexpr bool is_dense(const AttentionMatrix& m, int64_t width) { return m.row <= 256 && width % lanes<float> == 0; }

/// The columns of a matrix whose rows are so far apart, copied to `to` unless it may be read where it lies.
Columns columns_of(const AttentionMatrix& m, const float* from, int64_t rows, int64_t width, float* to) {
  if (is_dense(m, width)) return {from, m.row, panel};
  for (int64_t c = 0; c < width; c += panel)
    pack_columns<float>(to + c * rows, from + c, m.row, 1, rows, min_of(panel, width - c));
  return {to, panel, panel * rows};
}
/// The transpose of a row-major matrix as panels: rows become columns. `to.rows` is the number of columns.
void pack_transposed(const Panels& to, const float* from, int64_t stride, int64_t rows) {
  for (int64_t r = 0; r < rows; r += panel)
    pack_columns<float>(to.at(r / panel), from + r * stride, 1, stride, to.rows, min_of(panel, rows - r));
}

[[gnu::always_inline]] inline Vec<float> larger(Vec<float> a, Vec<float> b) { return a > b ? a : b; }

template <int... I>
constexpr Lanes<float> numbers(std::integer_sequence<int, I...>) {
  return Lanes<float>{I...};
}
constexpr Lanes<float> lane_number = numbers(std::make_integer_sequence<int, lanes<float>>());

[[gnu::always_inline]] inline int vectors_for(int64_t columns) { return columns > lanes<float> ? 2 : 1; }

/// A tile of `rows` rows goes to n columns at `to`, whose rows are so far apart, or is added to them.
[[gnu::always_inline]] inline void put_tile(const float* a, const float* b, TileWalk walk, int64_t rows, int64_t n,
                                            float* to, int64_t stride, bool add) {
  const auto tile = tiles_f32.sum[rows - 1][vectors_for(n) - 1];
  if (n % lanes<float> == 0) {
    walk.out_row = stride * static_cast<int64_t>(sizeof(float));
    walk.add = add;
    walk.fetch = true;
    return tile(a, b, walk, to);
  }
  alignas(64) float sums[tile_rows * panel];
  tile(a, b, walk, sums);
  for (int64_t r = 0; r < rows; ++r, to += stride) {
    for (int64_t j = 0; j < n; j += lanes<float>) {
      const Vec<float> sum = load(sums + r * panel + j);
      store_first(to + j, add ? load_first(to + j, n - j) + sum : sum, n - j);
    }
  }
}

/// Where one head's matrices begin.
struct Head {
  const AttentionArgs& args;
  int64_t batch, head;

  const float* at(const AttentionMatrix& m, int64_t head_of, int64_t row) const noexcept {
    return static_cast<const float*>(m.data) + batch * m.batch + head_of * m.head + row * m.row;
  }
  float* writable(const AttentionMatrix& m, int64_t head_of, int64_t row) const noexcept {
    return const_cast<float*>(at(m, head_of, row));
  }
  const float* query(int64_t row) const noexcept { return at(args.query, head, row); }
  const float* key(int64_t row) const noexcept { return at(args.key, head / args.group, row); }
  const float* value(int64_t row) const noexcept { return at(args.value, head / args.group, row); }
  float* log_sums(int64_t row) const noexcept {
    return args.log_sums + (batch * args.heads + head) * args.length + row;
  }

  /// How many keys of [first, first + keys) query i sees.
  int64_t seen(int64_t i, int64_t first, int64_t keys) const noexcept {
    return args.causal ? max_of(0, min_of(keys, i - first + 1)) : keys;
  }
  /// Adds the mask, times `factor`, to the scores of query i with so many keys from `first` on.
  void add_mask(float* s, int64_t i, int64_t first, int64_t n, float factor) const {
    if (args.mask == nullptr) return;
    const int64_t step = args.mask_column;
    const int64_t offset = batch * args.mask_batch + head * args.mask_head + i * args.mask_row + first * step;
    if (args.mask_is_bool) {
      const uint8_t* const m = static_cast<const uint8_t*>(args.mask) + offset;
      for (int64_t j = 0; j < n; ++j) s[j] = m[j * step] != 0 ? s[j] : nothing;
    } else {
      const float* const m = static_cast<const float*>(args.mask) + offset;
      if (step == 1)
        for (int64_t j = 0; j < n; ++j) s[j] += m[j] * factor;
      else
        for (int64_t j = 0; j < n; ++j) s[j] += m[j * step] * factor;
    }
  }
};

/// Not inlined: where n is known to be small, gcc unrolls the loop and does not vectorise it.
[[gnu::noinline, maybe_unused]] void exponentiate_numbers(float* s, int64_t n, float shift) {
  for (int64_t j = 0; j < n; ++j) s[j] = vm::exp2(s[j] - shift);
}

/// scores = 2^(scores - shift) over n elements up to whole vectors; returns the sum, to be folded.
[[gnu::always_inline]] inline Vec<float> exponentiate(float* s, int64_t n, float shift) {
  if constexpr (!vm::is_wide<float>) exponentiate_numbers(s, round_up(n, lanes<float>), shift);
  Vec<float> sum[2] = {};
  const auto add = [&](int v, float* at) __attribute__((always_inline)) {
    Vec<float> w = load(at);
    if constexpr (vm::is_wide<float>) store(at, w = vm::exp2_weight(w - shift));
    sum[v] += w;
  };
  int64_t j = 0;
  for (; j + 2 * lanes<float> <= n; j += 2 * lanes<float>) add(0, s + j), add(1, s + j + lanes<float>);
  for (; j < n; j += lanes<float>) add(0, s + j);
  return sum[0] + sum[1];
}

/// Rows times `scale`, one after the other.
void scaled_rows(float* to, const float* from, int64_t stride, int64_t rows, int64_t width, float scale) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < width; ++j) to[i * width + j] = from[i * stride + j] * scale;
}

/// Asks for a row that is read or written soon.
[[gnu::always_inline]] inline void fetch_row(const float* row, int64_t width) {
  for (int64_t j = 0; j < width; j += 16) __builtin_prefetch(row + j, 1);
}

/// A block of queries of one head. Scores are those of one register tile of queries and up to `keys_max` keys: they
/// stay in L1 from the product that makes them to the one that reads them. Exponents are of 2.
class Forward {
 public:
  Forward(const Head& h, int64_t begin, int64_t rows)
      : h_(h),
        a_(h.args),
        begin_(begin),
        rows_(rows),
        tiles_(rows),
        sum_row_(panels_of(a_.value_width) * panel),
        keys_(keys_max * a_.width),
        values_(is_dense(a_.value, a_.value_width) ? 0 : keys_max * sum_row_),
        queries_(tile_rows * a_.width),
        scores_(slots * score_row),
        sums_(rows * sum_row_),
        top_(tiles_.count * slots),
        total_(tiles_.count * slots) {}

  void run() const {
    for (int64_t s = 0; s < tiles_.count * slots; ++s) top_[s] = nothing, total_[s] = 0;
    const int64_t visible = a_.causal ? min_of(a_.keys, begin_ + rows_) : a_.keys;
    for (int64_t first = 0; first < visible; first += keys_max) {
      const int64_t n = min_of(keys_max, visible - first);
      pack_transposed({keys_.data(), a_.width}, h_.key(first), a_.key.row, n);
      const Columns values = columns_of(a_.value, h_.value(first), n, a_.value_width, values_.data());
      for (int64_t t = 0; t < tiles_.count; ++t) {
        // Keys that the tile's last query sees: the others see no more.
        const int64_t end = a_.causal ? min_of(a_.keys, begin_ + tiles_.begin(t + 1)) : a_.keys;
        const int64_t seen = min_of(n, end - first);
        if (seen <= 0) continue;
        const bool last = first + keys_max >= end;
        score(t, seen);
        weigh(t, first, n, seen, last);
        add_values(t, values, seen, first > 0);
        if (last) finish(t);
      }
    }
    for (int64_t t = 0; visible == 0 && t < tiles_.count; ++t) finish(t);
  }

 private:
  static constexpr int64_t keys_max = 512;
  static constexpr int64_t score_row = keys_max + lanes<float>;  // not a power of 2: rows would share lines of L1
  static constexpr int64_t slots = (tile_rows + lanes<float> - 1) / lanes<float> * lanes<float>;  // rows, in vectors

  int64_t height(int64_t t) const { return tiles_.begin(t + 1) - tiles_.begin(t); }
  float* out(int64_t t, int64_t r) const { return h_.writable(a_.out, h_.head, begin_ + tiles_.begin(t) + r); }

  void score(int64_t t, int64_t seen) const {
    const int64_t count = height(t);
    scaled_rows(queries_.data(), h_.query(begin_ + tiles_.begin(t)), a_.query.row, count, a_.width, a_.scale * log2_e);
    TileWalk walk{1, &no_offset, a_.width, 1, panel, 0, 8 * panel, a_.width};
    walk.out_row = score_row * static_cast<int64_t>(sizeof(float));
    for (int64_t p = 0; p < panels_of(seen); ++p)
      tiles_f32.sum[count - 1][vectors_for(seen - p * panel) - 1](queries_.data(), keys_.data() + p * a_.width * panel,
                                                                  walk, scores_.data() + p * panel);
  }

  /// Scores become weights; maxima and totals follow, and sums are scaled where the maximum has risen. Row by row, the
  /// next tile's queries and, at the last keys, the lines of the result are fetched.
  void weigh(int64_t t, int64_t first, int64_t n, int64_t keys, bool last) const {
    const int64_t count = height(t), i = tiles_.begin(t);
    float shift[slots];
    Vec<float> part[slots];
    for (int64_t r = 0; r < count; ++r) {
      float* const s = scores_.data() + r * score_row;
      const int64_t seen = h_.seen(begin_ + i + r, first, n);
      if (first == 0) fetch_row(h_.query(min_of(begin_ + i + count + r, a_.length - 1)), a_.width);
      h_.add_mask(s, begin_ + i + r, first, seen, log2_e);
      const int64_t whole = seen / lanes<float> * lanes<float>;
      if (whole < seen)
        store(s + whole, lane_number < static_cast<int>(seen - whole) ? load(s + whole) : nothing - Vec<float>{});
      Vec<float> m[4];
      for (auto& x : m) x = nothing - Vec<float>{};
      int64_t j = 0;
      for (; j + 4 * lanes<float> <= seen; j += 4 * lanes<float>) {
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) m[v] = larger(load(s + j + v * lanes<float>), m[v]);
      }
      for (; j < seen; j += lanes<float>) m[0] = larger(load(s + j), m[0]);
      part[r] = larger(larger(m[0], m[1]), larger(m[2], m[3]));
    }
    for (int64_t r = count; r < slots; ++r) part[r] = nothing - Vec<float>{};
    for (int64_t g = 0; g < slots; g += lanes<float>) {
      float* const top = top_.data() + t * slots + g;
      const Vec<float> was = load(top), now = larger(lane_fold<float>(part + g, larger), was);
      const Vec<float> base = now == nothing ? Vec<float>{} : now, decay = vm::exp2_weight(was - base);
      store(top, now);
      store(shift + g, base);
      store(total_.data() + t * slots + g, load(total_.data() + t * slots + g) * decay);
      if (first > 0) {
        for (int64_t r = g; r < min_of(count, g + lanes<float>); ++r) {
          if (decay[r - g] == 1) continue;
          float* const to = sums_.data() + (i + r) * sum_row_;
          for (int64_t j = 0; j < sum_row_; ++j) to[j] *= decay[r - g];
        }
      }
    }
    for (int64_t r = 0; r < count; ++r) {
      float* const s = scores_.data() + r * score_row;
      const int64_t seen = h_.seen(begin_ + i + r, first, n);
      if (last) fetch_row(out(t, r), a_.value_width);
      part[r] = exponentiate(s, seen, shift[r]);
      for (int64_t j = round_up(seen, lanes<float>); j < keys; j += lanes<float>) store(s + j, Vec<float>{});
    }
    for (int64_t g = 0; g < slots; g += lanes<float>) {
      float* const total = total_.data() + t * slots + g;
      store(total, load(total) + lane_fold<float>(part + g, [](auto a, auto b) { return a + b; }));
    }
  }

  void add_values(int64_t t, const Columns& values, int64_t keys, bool add) const {
    TileWalk walk{1, &no_offset, keys, 1, values.row, 0, 8 * values.row, score_row};
    walk.out_row = sum_row_ * static_cast<int64_t>(sizeof(float));
    walk.add = add;
    for (int64_t c = 0; c < a_.value_width; c += panel)
      tiles_f32.sum[height(t) - 1][vectors_for(a_.value_width - c) - 1](scores_.data(), values.at(c), walk,
                                                                        sums_.data() + tiles_.begin(t) * sum_row_ + c);
  }

  void finish(int64_t t) const {
    for (int64_t r = 0; r < height(t); ++r) {
      const int64_t i = tiles_.begin(t) + r;
      const float total = total_[t * slots + r], scale = 1.f / total;
      float* const to = out(t, r);
      const float* const from = sums_.data() + i * sum_row_;
      if (total == 0)
        for (int64_t j = 0; j < a_.value_width; ++j) to[j] = 0;
      else
        for (int64_t j = 0; j < a_.value_width; ++j) to[j] = from[j] * scale;
      h_.log_sums(begin_)[i] = total == 0 ? vm::infinity<float> : top_[t * slots + r] * ln_2 + vm::log(total);
    }
  }

  const Head& h_;
  const AttentionArgs& a_;
  int64_t begin_, rows_;
  RowTiles tiles_;
  int64_t sum_row_;
  Scratch<float> keys_, values_, queries_, scores_, sums_, top_, total_;
};

/// So few queries that packing keys for them would cost more than it brings: dot products, then a stream of values.
void forward_few(const Head& h) {
  const AttentionArgs& a = h.args;
  const Scratch<float> scores(a.length * a.keys), queries(a.length * a.width), out(a.length * a.value_width);
  scaled_rows(queries.data(), h.query(0), a.query.row, a.length, a.width, a.scale);
  constexpr int64_t columns = 64;
  for (int64_t j = 0; j < a.keys; j += columns)
    dot_block<float>(queries.data(), a.width, h.key(j), a.key.row, a.length, min_of(columns, a.keys - j), a.width,
                     scores.data() + j, a.keys, 0, j, {});
  for (int64_t i = 0; i < a.length; ++i) {
    float* const row = scores.data() + i * a.keys;
    const int64_t seen = h.seen(i, 0, a.keys);
    h.add_mask(row, i, 0, seen, 1);
    const float top = row_max(row, seen), shift = top == nothing ? 0.f : top;
    const float total = exp_row(row, shift, seen, row), scale = total == 0 ? 0.f : 1.f / total;
    for (int64_t j = 0; j < a.keys; ++j) row[j] = j < seen ? row[j] * scale : 0.f;
    h.log_sums(0)[i] = total == 0 ? vm::infinity<float> : top + vm::log(total);
  }
  stream_columns<float>(scores.data(), a.keys, 1, h.value(0), a.value.row, a.length, a.value_width, a.keys, out.data(),
                        a.value_width, 0, {});
  for (int64_t i = 0; i < a.length; ++i)
    __builtin_memcpy(h.writable(a.out, h.head, i), out.data() + i * a.value_width,
                     static_cast<size_t>(a.value_width) * sizeof(float));
}

void forward(const AttentionArgs& args) {
  if (args.length <= 4 && args.keys > 0) {
    const int64_t work = args.length * args.keys * (args.width + args.value_width);
    parallel_for(args.batch * args.heads, 1 + (1 << 18) / (work + 1), [&](int64_t begin, int64_t end) {
      for (; begin < end; ++begin) forward_few({args, begin / args.heads, begin % args.heads});
    });
    return;
  }
  // Twice as many queries share packed keys where enough pieces are left for many threads.
  const int64_t heads = args.batch * args.heads, large = ceil_div(args.length, 2 * query_block);
  const int64_t blocks = heads * large >= 32 ? large : ceil_div(args.length, query_block);
  parallel_for(heads * blocks, 1, [&](int64_t begin, int64_t end) {
    for (; begin < end; ++begin) {
      const int64_t head = begin / blocks, block = begin % blocks, from = args.length * block / blocks;
      Forward({args, head / args.heads, head % args.heads}, from, args.length * (block + 1) / blocks - from).run();
    }
  });
}

/// All gradients of the heads that share one head of keys: blocks of keys outside, of queries inside. One tile of
/// queries at a time makes its scores, turns them into weights and gets its gradient, while both are in L1; those of
/// the keys follow for the whole block.
class Backward {
 public:
  Backward(const AttentionArgs& args)
      : a_(args),
        blocks_(ceil_div(args.length, query_block)),
        queries_(is_dense(args.query, args.width) ? 0 : args.length * panels_of(args.width) * panel),
        grads_(is_dense(args.grad_out, args.value_width) ? 0 : args.length * panels_of(args.value_width) * panel),
        keys_(is_dense(args.key, args.width) ? 0 : key_block * panels_of(args.width) * panel),
        dots_(args.length),
        keys_across_(key_block * args.width),
        values_across_(key_block * args.value_width),
        weights_(key_block * query_block),
        changes_(key_block * query_block),
        scaled_queries_(tile_rows * args.width),
        scaled_grads_(tile_rows * args.value_width) {}

  /// `fresh`: nothing is in the gradients of keys and values yet.
  void run(const Head& h, bool fresh) const {
    const Columns queries = columns_of(a_.query, h.query(0), a_.length, a_.width, queries_.data());
    const Columns grads =
        columns_of(a_.grad_out, h.at(a_.grad_out, h.head, 0), a_.length, a_.value_width, grads_.data());
    for (int64_t i = 0; i < a_.length; ++i) {
      const float *g = h.at(a_.grad_out, h.head, i), *o = h.at(a_.out, h.head, i);
      dots_[i] = a_.scale * sum<float>(a_.value_width, [&]<class V>(int64_t j) { return at<V>(g + j) * at<V>(o + j); });
    }
    for (int64_t first = 0; first < a_.keys; first += key_block) {
      const int64_t n = min_of(key_block, a_.keys - first);
      pack_transposed({keys_across_.data(), a_.width}, h.key(first), a_.key.row, n);
      pack_transposed({values_across_.data(), a_.value_width}, h.value(first), a_.value.row, n);
      const Columns keys = columns_of(a_.key, h.key(first), n, a_.width, keys_.data());
      for (int64_t b = 0; b < blocks_; ++b) {
        const int64_t begin = a_.length * b / blocks_, end = a_.length * (b + 1) / blocks_;
        if (a_.causal && end <= first) continue;
        const RowTiles tiles(end - begin);
        for (int64_t t = 0; t < tiles.count; ++t)
          add_tile(h, first, n, begin, end - begin, tiles.begin(t), tiles.begin(t + 1), keys);
        for (int64_t p = 0; p < panels_of(n); ++p) add_panel(h, first, n, begin, end - begin, p, queries, grads, fresh);
      }
      // Keys that no query sees.
      for (int64_t j = max_of(first, round_up(a_.length, panel)); fresh && a_.causal && j < first + n; ++j) {
        __builtin_memset(h.writable(a_.grad_key, key_head(h), j), 0, static_cast<size_t>(a_.width) * sizeof(float));
        __builtin_memset(h.writable(a_.grad_value, key_head(h), j), 0,
                         static_cast<size_t>(a_.value_width) * sizeof(float));
      }
    }
  }

 private:
  int64_t key_head(const Head& h) const { return h.head / a_.group; }

  /// Weights of the queries [i, end) of a block, changes of their scores, and what these add to the queries' gradient.
  void add_tile(const Head& h, int64_t first, int64_t n, int64_t begin, int64_t rows, int64_t i, int64_t end,
                const Columns& keys) const {
    const int64_t height = end - i, seen = h.seen(begin + end - 1, first, n), used = panels_of(seen);
    if (seen == 0) return;
    const Panels weights{weights_.data(), rows}, changes{changes_.data(), rows};
    scaled_rows(scaled_queries_.data(), h.query(begin + i), a_.query.row, height, a_.width, a_.scale * log2_e);
    scaled_rows(scaled_grads_.data(), h.at(a_.grad_out, h.head, begin + i), a_.grad_out.row, height, a_.value_width,
                a_.scale);
    for (int64_t p = 0; p < used; ++p) {
      const auto tile = tiles_f32.sum[height - 1][vectors_for(seen - p * panel) - 1];
      tile(scaled_queries_.data(), keys_across_.data() + p * a_.width * panel,
           {1, &no_offset, a_.width, 1, panel, 0, 8 * panel, a_.width}, weights.at(p, i));
      tile(scaled_grads_.data(), values_across_.data() + p * a_.value_width * panel,
           {1, &no_offset, a_.value_width, 1, panel, 0, 8 * panel, a_.value_width}, changes.at(p, i));
    }
    for (int64_t r = i; r < end; ++r) {
      const int64_t sees = h.seen(begin + r, first, n);
      const float shift = h.log_sums(begin)[r] * log2_e, dot = dots_[begin + r];
      if (first == 0) fetch_row(h.query(min_of(begin + r + height, a_.length - 1)), a_.width);
      for (int64_t p = 0; p < used; ++p)
        weigh(h, begin + r, first + p * panel, sees - p * panel, shift, dot, weights.at(p, r), changes.at(p, r));
    }
    int64_t offsets[key_block / panel];
    for (int64_t p = 0; p < used; ++p) offsets[p] = p * rows * panel;
    const int64_t whole = seen / panel, rest = seen % panel;
    for (int64_t c = 0; c < a_.width; c += panel) {
      float* const to = h.writable(a_.grad_query, h.head, begin + i) + c;
      const int64_t width = min_of(panel, a_.width - c);
      const auto put = [&](int64_t p, int64_t count, int64_t length) {
        put_tile(changes.at(0, i), keys.at(c, p * panel),
                 {count, offsets + p, length, 1, keys.row, panel * keys.row, 8 * keys.row, panel}, height, width, to,
                 a_.grad_query.row, first + p > 0);
      };
      if (whole > 0) put(0, whole, panel);
      if (rest > 0) put(whole, 1, rest);
    }
  }

  /// One panel of one row: scores become weights w, and changes of weights c become changes of scores, w (c - dot).
  void weigh(const Head& h, int64_t i, int64_t first, int64_t seen, float shift, float dot, float* w, float* c) const {
    if (seen > 0) h.add_mask(w, i, first, min_of(panel, seen), log2_e);
    const auto hidden = [&](int64_t j) { return lane_number >= static_cast<int>(seen - j); };
    for (int64_t j = 0; j < panel && seen < panel; j += lanes<float>)
      store(w + j, hidden(j) ? nothing - Vec<float>{} : load(w + j));
    exponentiate(w, panel, shift);
    for (int64_t j = 0; j < panel; j += lanes<float>) store(c + j, load(w + j) * (load(c + j) - dot));
    for (int64_t j = 0; j < panel && seen < panel; j += lanes<float>)
      store(c + j, hidden(j) ? Vec<float>{} : load(c + j));
  }

  /// What the queries of a block add to the gradients of a panel of keys and values.
  void add_panel(const Head& h, int64_t first, int64_t n, int64_t begin, int64_t rows, int64_t p,
                 const Columns& queries, const Columns& grads, bool fresh) const {
    const int64_t key = first + p * panel, count = min_of(panel, n - p * panel);
    const int64_t from = a_.causal ? max_of(0, key - begin) : 0;  // the first row that sees the panel
    if (from >= rows) return;
    const bool add = !fresh || (a_.causal ? key < begin : begin > 0);
    const RowTiles tiles(count);
    const auto put = [&](const float* a, const Columns& b, int64_t width, const AttentionMatrix& to) {
      for (int64_t c = 0; c < width; c += panel) {
        for (int64_t t = 0; t < tiles.count; ++t) {
          const int64_t j = tiles.begin(t);
          put_tile(a + from * panel + j, b.at(c, begin + from),
                   {1, &no_offset, rows - from, panel, b.row, 0, 8 * b.row}, tiles.begin(t + 1) - j,
                   min_of(panel, width - c), h.writable(to, key_head(h), key + j) + c, to.row, add);
        }
      }
    };
    put(weights_.data() + p * rows * panel, grads, a_.value_width, a_.grad_value);
    put(changes_.data() + p * rows * panel, queries, a_.width, a_.grad_key);
  }

  const AttentionArgs& a_;
  int64_t blocks_;
  Scratch<float> queries_, grads_, keys_, dots_, keys_across_, values_across_, weights_, changes_, scaled_queries_,
      scaled_grads_;
};

void backward(const AttentionArgs& args) {
  const int64_t key_heads = args.heads / args.group;
  parallel_for(args.batch * key_heads, 1, [&](int64_t begin, int64_t end) {
    const Backward work(args);
    for (; begin < end; ++begin)
      for (int64_t g = 0; g < args.group; ++g)
        work.run({args, begin / key_heads, begin % key_heads * args.group + g}, g == 0);
  });
}

}  // namespace

void fill(AttentionTable& table) { table = {forward, backward}; }

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
