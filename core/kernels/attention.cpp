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
constexpr int64_t panels_max = key_block / panel;
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

/// Columns of a row-major matrix as panels; rows up to `to.rows` and columns up to whole vectors become zero.
void pack_rows(const Panels& to, const float* from, int64_t stride, int64_t rows, int64_t columns) {
  for (int64_t c = 0; c < columns; c += panel) {
    float* const at = to.at(c / panel);
    pack_columns<float>(at, from + c, stride, 1, rows, min_of(panel, columns - c));
    if (rows < to.rows) __builtin_memset(at + rows * panel, 0, static_cast<size_t>((to.rows - rows) * panel) * 4);
  }
}
/// The same of its transpose: rows become columns. `to.rows` is the number of columns.
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

/// c[rows, n] = a b with the rows of `a` so far apart, b and c in panels; panels from `end_of(first row of a tile)` on
/// are left alone: a causal mask hides them.
template <class End>
void multiply(const float* a, int64_t a_row, int64_t rows, int64_t k, const Panels& b, int64_t n, const Panels& c,
              End end_of) {
  const RowTiles row_tiles(rows);
  for (int64_t p = 0; p < panels_of(n); ++p) {
    const int vectors = vectors_for(n - p * panel);
    for (int64_t t = 0; t < row_tiles.count; ++t) {
      const int64_t i = row_tiles.begin(t), end = row_tiles.begin(t + 1);
      if (p >= end_of(end - 1)) continue;
      tiles_f32.sum[end - i - 1][vectors - 1](a + i * a_row, b.at(p), {1, &no_offset, k, 1, panel, 0, 8 * panel, a_row},
                                              c.at(p, i));
    }
  }
}

/// A tile of `rows` rows is added to n columns at `to`, whose rows are so far apart.
[[gnu::always_inline]] inline void add_tile(const float* a, const float* b, TileWalk walk, int64_t rows, int64_t n,
                                            float* to, int64_t stride) {
  const auto tile = tiles_f32.sum[rows - 1][vectors_for(n) - 1];
  if (n % lanes<float> == 0) {
    walk.out_row = stride * static_cast<int64_t>(sizeof(float));
    walk.add = true;
    return tile(a, b, walk, to);
  }
  alignas(64) float sums[tile_rows * panel];
  tile(a, b, walk, sums);
  for (int64_t r = 0; r < rows; ++r, to += stride) {
    for (int64_t j = 0; j < n; j += lanes<float>)
      store_first(to + j, load_first(to + j, n - j) + load(sums + r * panel + j), n - j);
  }
}

/// at(row, column)[rows, columns] += a b: `a` in panels (rows x keys), b in panels of so many columns with a row per
/// key. The rows of the sum are so far apart.
template <class End, class At>
void multiply_panels(const Panels& a, int64_t rows, const Panels& b, int64_t columns, End end_of, At at,
                     int64_t stride) {
  int64_t offsets[panels_max];
  for (int64_t p = 0; p < panels_max; ++p) offsets[p] = p * a.rows * panel;
  const RowTiles row_tiles(rows);
  for (int64_t c = 0; c < columns; c += panel) {
    const int64_t width = min_of(panel, columns - c);
    for (int64_t t = 0; t < row_tiles.count; ++t) {
      const int64_t i = row_tiles.begin(t), end = row_tiles.begin(t + 1);
      add_tile(a.at(0, i), b.at(c / panel),
               {end_of(end - 1), offsets, panel, 1, panel, panel * panel, 8 * panel, panel}, end - i, width, at(i, c),
               stride);
    }
  }
}

/// to[keys, columns] += a^T b over the rows from `first` on, a in panels (rows x keys), b in panels of columns.
template <class First>
void add_transposed(const Panels& a, int64_t rows, int64_t keys, const Panels& b, int64_t columns, float* to,
                    int64_t stride, First first_of) {
  for (int64_t p = 0; p < panels_of(keys); ++p) {
    const int64_t first = first_of(p), count = min_of(panel, keys - p * panel);
    if (first >= rows) continue;
    const RowTiles key_tiles(count);
    for (int64_t c = 0; c < columns; c += panel) {
      const int64_t width = min_of(panel, columns - c);
      for (int64_t t = 0; t < key_tiles.count; ++t) {
        const int64_t i = key_tiles.begin(t), end = key_tiles.begin(t + 1);
        add_tile(a.at(p, first) + i, b.at(c / panel, first), {1, &no_offset, rows - first, panel, panel, 0, 8 * panel},
                 end - i, width, to + (p * panel + i) * stride + c, stride);
      }
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

/// What lies past `count` columns of a row becomes `value`, up to `panels` panels.
void fill_rest(const Panels& scores, int64_t row, int64_t count, int64_t panels, float value) {
  for (int64_t p = count / panel; p < panels; ++p) {
    float* const s = scores.at(p, row);
    for (int64_t j = p == count / panel ? count % panel : 0; j < panel; ++j) s[j] = value;
  }
}

/// scores = 2^(scores - shift) over n elements up to whole vectors; returns the sum, to be folded.
[[gnu::always_inline]] inline Vec<float> exponentiate(float* s, int64_t n, float shift) {
  if constexpr (!vm::is_wide<float>) {
#pragma GCC ivdep
    for (int64_t j = 0; j < round_up(n, lanes<float>); ++j) s[j] = vm::exp2(s[j] - shift);
  }
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

/// scores = exp(scores - shift) over `panels` panels of a row; returns the sum.
float exponentiate(const Panels& scores, int64_t row, int64_t panels, float shift) {
  Vec<float> total[2] = {};
  for (int64_t p = 0; p < panels; ++p) {
    float* const s = scores.at(p, row);
    if constexpr (vm::is_wide<float>) {
      by_vectors<panel>([&](auto x) { return vm::exp(x - shift); }, s, s);
    } else {
#pragma GCC ivdep
      for (int64_t j = 0; j < panel; ++j) s[j] = vm::exp(s[j] - shift);
    }
    for (int v = 0; v < 2; ++v) total[v] += load(s + v * lanes<float>);
  }
  return lane_sum<float>(total[0] + total[1]);
}

/// The scaled queries, row after row.
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
        values_(values_in_place() ? 0 : keys_max * sum_row_),
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
      if (!values_in_place()) pack_rows({values_.data(), n}, h_.value(first), a_.value.row, n, a_.value_width);
      for (int64_t t = 0; t < tiles_.count; ++t) {
        // Keys that the tile's last query sees: the others see no more.
        const int64_t end = a_.causal ? min_of(a_.keys, begin_ + tiles_.begin(t + 1)) : a_.keys;
        const int64_t seen = min_of(n, end - first);
        if (seen <= 0) continue;
        const bool last = first + keys_max >= end;
        score(t, seen);
        weigh(t, first, n, seen, last);
        add_values(t, first, n, seen);
        if (last) finish(t);
      }
    }
    for (int64_t t = 0; visible == 0 && t < tiles_.count; ++t) finish(t);
  }

 private:
  static constexpr int64_t keys_max = 512;
  static constexpr int64_t score_row = keys_max + lanes<float>;  // not a power of 2: rows would share lines of L1
  static constexpr int64_t slots = (tile_rows + lanes<float> - 1) / lanes<float> * lanes<float>;  // rows, in vectors

  /// Rows of values that lie close together are read where they are.
  bool values_in_place() const { return a_.value.row <= 256 && a_.value_width % lanes<float> == 0; }
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

  void add_values(int64_t t, int64_t first, int64_t n, int64_t keys) const {
    const bool in_place = values_in_place();
    const int64_t row = in_place ? a_.value.row : panel, count = height(t);
    TileWalk walk{1, &no_offset, keys, 1, row, 0, 8 * row, score_row};
    walk.out_row = sum_row_ * static_cast<int64_t>(sizeof(float));
    walk.add = first > 0;
    for (int64_t c = 0; c < a_.value_width; c += panel) {
      const float* const from = in_place ? h_.value(first) + c : values_.data() + c * n;
      tiles_f32.sum[count - 1][vectors_for(a_.value_width - c) - 1](scores_.data(), from, walk,
                                                                    sums_.data() + tiles_.begin(t) * sum_row_ + c);
    }
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

/// All gradients of the heads that share one head of keys: keys outside, queries inside.
class Backward {
 public:
  Backward(const AttentionArgs& args)
      : a_(args),
        length_(ceil_div(args.length, query_block) * query_block),
        query_panels_(panels_of(args.width)),
        value_panels_(panels_of(args.value_width)),
        queries_(length_ * query_panels_ * panel),
        grads_(length_ * value_panels_ * panel),
        dots_(args.length),
        keys_across_(panels_max * args.width * panel),
        values_across_(panels_max * args.value_width * panel),
        keys_(query_panels_ * key_block * panel),
        weights_(panels_max * query_block * panel),
        changes_(panels_max * query_block * panel),
        rows_(query_block * args.width) {}

  void run(const Head& h) const {
    prepare(h);
    for (int64_t first = 0; first < a_.keys; first += key_block) {
      const int64_t n = min_of(key_block, a_.keys - first);
      pack_transposed({keys_across_.data(), a_.width}, h.key(first), a_.key.row, n);
      pack_transposed({values_across_.data(), a_.value_width}, h.value(first), a_.value.row, n);
      pack_rows({keys_.data(), panels_of(n) * panel}, h.key(first), a_.key.row, n, a_.width);
      for (int64_t begin = 0; begin < a_.length; begin += query_block)
        if (!a_.causal || begin + query_block > first)
          add_block(h, first, n, begin, min_of(query_block, a_.length - begin));
    }
  }

 private:
  Panels queries(int64_t begin) const { return {queries_.data() + begin * query_panels_ * panel, query_block}; }
  Panels grads(int64_t begin) const { return {grads_.data() + begin * value_panels_ * panel, query_block}; }

  /// Packs queries and incoming gradients block by block; dots = sum(grad * out) of each row.
  void prepare(const Head& h) const {
    for (int64_t begin = 0; begin < a_.length; begin += query_block) {
      const int64_t rows = min_of(query_block, a_.length - begin);
      pack_rows(queries(begin), h.query(begin), a_.query.row, rows, a_.width);
      pack_rows(grads(begin), h.at(a_.grad_out, h.head, begin), a_.grad_out.row, rows, a_.value_width);
    }
    for (int64_t i = 0; i < a_.length; ++i) {
      const float *g = h.at(a_.grad_out, h.head, i), *o = h.at(a_.out, h.head, i);
      dots_[i] = sum<float>(a_.value_width, [&]<class V>(int64_t j) { return at<V>(g + j) * at<V>(o + j); });
    }
  }

  void add_block(const Head& h, int64_t first, int64_t n, int64_t begin, int64_t rows) const {
    const int64_t panels = panels_of(n);
    const Panels weights{weights_.data(), rows}, changes{changes_.data(), rows};
    const auto end_of = [&](int64_t row) { return panels_of(h.seen(begin + row, first, n)); };
    // The first row that sees a panel of keys.
    const auto first_of = [&](int64_t p) { return a_.causal ? max_of(0, first + p * panel - begin) : 0; };
    scaled_rows(rows_.data(), h.query(begin), a_.query.row, rows, a_.width, a_.scale);
    multiply(rows_.data(), a_.width, rows, a_.width, {keys_across_.data(), a_.width}, n, weights, end_of);
    multiply(h.at(a_.grad_out, h.head, begin), a_.grad_out.row, rows, a_.value_width,
             {values_across_.data(), a_.value_width}, n, changes, end_of);
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t seen = h.seen(begin + i, first, n), used = panels_of(seen);
      for (int64_t j = 0; j < seen; j += panel)
        h.add_mask(weights.at(j / panel, i), begin + i, first + j, min_of(panel, seen - j), 1);
      fill_rest(weights, i, seen, used, nothing);
      fill_rest(changes, i, seen, used, 0);
      exponentiate(weights, i, used, h.log_sums(begin)[i]);
      const float dot = dots_[begin + i];
      for (int64_t p = 0; p < used; ++p) {
        const float* const w = weights.at(p, i);
        float* const c = changes.at(p, i);
        for (int64_t j = 0; j < panel; ++j) c[j] = w[j] * (c[j] - dot) * a_.scale;
      }
      fill_rest(weights, i, used * panel, panels, 0);
      fill_rest(changes, i, used * panel, panels, 0);
    }
    const int64_t key_head = h.head / a_.group;
    add_transposed(weights, rows, n, grads(begin), a_.value_width, h.writable(a_.grad_value, key_head, first),
                   a_.grad_value.row, first_of);
    add_transposed(changes, rows, n, queries(begin), a_.width, h.writable(a_.grad_key, key_head, first),
                   a_.grad_key.row, first_of);
    multiply_panels(
        changes, rows, {keys_.data(), panels * panel}, a_.width, end_of,
        [&](int64_t i, int64_t column) { return h.writable(a_.grad_query, h.head, begin + i) + column; },
        a_.grad_query.row);
  }

  const AttentionArgs& a_;
  int64_t length_, query_panels_, value_panels_;
  Scratch<float> queries_, grads_, dots_, keys_across_, values_across_, keys_, weights_, changes_, rows_;
};

void backward(const AttentionArgs& args) {
  const int64_t key_heads = args.heads / args.group;
  parallel_for(args.batch * key_heads, 1, [&](int64_t begin, int64_t end) {
    const Backward work(args);
    for (; begin < end; ++begin)
      for (int64_t g = 0; g < args.group; ++g) work.run({args, begin / key_heads, begin % key_heads * args.group + g});
  });
}

}  // namespace

void fill(AttentionTable& table) { table = {forward, backward}; }

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
