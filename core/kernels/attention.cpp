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
constexpr int64_t key_block = 128;               // keys met at a time: a multiple of every panel width
constexpr int64_t query_block = 24 * tile_rows;  // queries that share a packed block of keys
constexpr int64_t panels_max = key_block / panel;
constexpr int64_t row_group = 16;  // queries whose maxima are raised together
static_assert(query_block % row_group == 0);
constexpr float nothing = -vm::infinity<float>;
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
  /// Adds the mask to one row of a block of scores.
  void add_mask(const Panels& scores, int64_t row, int64_t i, int64_t first, int64_t keys) const {
    if (args.mask == nullptr) return;
    const int64_t offset =
        batch * args.mask_batch + head * args.mask_head + i * args.mask_row + first * args.mask_column;
    const int64_t step = args.mask_column;
    for (int64_t k = 0; k < keys; k += panel) {
      float* const s = scores.at(k / panel, row);
      const int64_t n = min_of(panel, keys - k);
      if (args.mask_is_bool) {
        const uint8_t* const m = static_cast<const uint8_t*>(args.mask) + offset + k * step;
        for (int64_t j = 0; j < n; ++j) s[j] = m[j * step] != 0 ? s[j] : nothing;
      } else {
        const float* const m = static_cast<const float*>(args.mask) + offset + k * step;
        if (step == 1)
          for (int64_t j = 0; j < n; ++j) s[j] += m[j];
        else
          for (int64_t j = 0; j < n; ++j) s[j] += m[j * step];
      }
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

float largest(const Panels& scores, int64_t row, int64_t panels) {
  Vec<float> m[2] = {nothing - Vec<float>{}, nothing - Vec<float>{}};
  for (int64_t p = 0; p < panels; ++p) {
    const float* const s = scores.at(p, row);
    for (int v = 0; v < 2; ++v) {
      const Vec<float> x = load(s + v * lanes<float>);
      m[v] = x > m[v] ? x : m[v];
    }
  }
  return lane_max<float>(m[1] > m[0] ? m[1] : m[0]);
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

void forward_block(const Head& h, int64_t begin, int64_t rows) {
  const AttentionArgs& a = h.args;
  const int64_t value_panels = panels_of(a.value_width);
  const Scratch<float> queries(rows * a.width), keys(panels_max * a.width * panel),
      values(value_panels * key_block * panel), weights(panels_max * rows * panel), sums(value_panels * rows * panel);
  const Panels scores{weights.data(), rows}, out{sums.data(), rows};
  float top[query_block], total[query_block] = {}, decay[query_block];
  for (float& t : top) t = nothing;
  __builtin_memset(out.data, 0, static_cast<size_t>(value_panels * rows * panel) * sizeof(float));
  scaled_rows(queries.data(), h.query(begin), a.query.row, rows, a.width, a.scale);

  const int64_t visible = a.causal ? min_of(a.keys, begin + rows) : a.keys;
  for (int64_t first = 0; first < visible; first += key_block) {
    const int64_t n = min_of(key_block, visible - first), panels = panels_of(n);
    const Panels packed_keys{keys.data(), a.width}, packed_values{values.data(), panels * panel};
    pack_transposed(packed_keys, h.key(first), a.key.row, n);
    pack_rows(packed_values, h.value(first), a.value.row, n, a.value_width);
    const auto end_of = [&](int64_t row) { return panels_of(h.seen(begin + row, first, n)); };
    multiply(queries.data(), a.width, rows, a.width, packed_keys, n, scores, end_of);
    for (int64_t from = 0; from < rows; from += row_group) {  // so few rows that they stay in L1
      const int64_t to = min_of(from + row_group, rows);
      float shift[row_group] = {};
      for (int64_t i = from; i < to; ++i) {
        const int64_t seen = h.seen(begin + i, first, n), used = panels_of(seen);
        h.add_mask(scores, i, begin + i, first, seen);
        fill_rest(scores, i, seen, used, nothing);
        shift[i - from] = largest(scores, i, used);
      }
      for (int64_t r = 0; r < row_group; ++r) {  // whole vectors, past the last row too
        float &was = top[from + r], raised = shift[r] > was ? shift[r] : was;
        shift[r] = raised == nothing ? 0.f : raised;
        decay[from + r] = vm::exp(was - shift[r]);
        was = raised;
      }
      for (int64_t i = from; i < to; ++i) {
        const int64_t used = panels_of(h.seen(begin + i, first, n));
        total[i] = total[i] * decay[i] + exponentiate(scores, i, used, shift[i - from]);
        fill_rest(scores, i, used * panel, panels, 0);
        for (int64_t p = 0; p < value_panels && decay[i] != 1; ++p)
          for (int64_t j = 0; j < panel; ++j) out.at(p, i)[j] *= decay[i];
      }
    }
    multiply_panels(
        scores, rows, packed_values, round_up(a.value_width, lanes<float>), end_of,
        [&](int64_t i, int64_t column) { return out.at(column / panel, i); }, panel);
  }
  for (int64_t i = 0; i < rows; ++i) {
    float* const to = h.writable(a.out, h.head, begin + i);
    const float scale = total[i] == 0 ? 0.f : 1.f / total[i];
    for (int64_t c = 0; c < a.value_width; c += panel) {
      const float* const from = out.at(c / panel, i);
      for (int64_t j = 0; j < min_of(panel, a.value_width - c); ++j) to[c + j] = from[j] * scale;
    }
    h.log_sums(begin)[i] = total[i] == 0 ? vm::infinity<float> : top[i] + vm::log(total[i]);
  }
}

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
    for (int64_t j = 0; j < seen; j += panel) h.add_mask({row + j, 1}, 0, i, j, min_of(panel, seen - j));
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
  const int64_t blocks = ceil_div(args.length, query_block);
  parallel_for(args.batch * args.heads * blocks, 1, [&](int64_t begin, int64_t end) {
    for (; begin < end; ++begin) {
      const int64_t head = begin / blocks, block = begin % blocks, from = args.length * block / blocks;
      forward_block({args, head / args.heads, head % args.heads}, from, args.length * (block + 1) / blocks - from);
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
      h.add_mask(weights, i, begin + i, first, seen);
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
