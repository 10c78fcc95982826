// Sorting, selection and search.
//
// Values become unsigned integers of the same order. A float's key shares a 64-bit word with its index, so comparing
// words breaks ties by index and every algorithm is stable; a 64-bit key travels in a pair. Lines of some length are
// sorted by least-significant-digit radix passes, which skip digits that all elements share.
#include "kernels/sort.h"

#include <algorithm>

#include "kernels/gemm_scratch.h"
#include "kernels/rows.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t piece_elements = 4096;

struct Pair {
  uint64_t key, index;
};
[[gnu::always_inline]] inline bool operator<(const Pair& a, const Pair& b) noexcept {
  return a.key != b.key ? a.key < b.key : a.index < b.index;
}

/// How a type is keyed: Item holds key and index, key_bits counts the digits worth sorting.
template <class T>
struct Keyed;

template <>
struct Keyed<float> {
  using Item = uint64_t;
  using Key = uint32_t;
  static constexpr int key_bits = 32;
  [[gnu::always_inline]] static Key key(float x) noexcept {
    const auto bits = detail::bits<uint32_t>(x == 0 ? 0.f : x);
    const uint32_t ordered = bits ^ (static_cast<uint32_t>(static_cast<int32_t>(bits) >> 31) | 0x80000000u);
    return x != x ? ~0u : ordered;
  }
  [[gnu::always_inline]] static Item item(Key key, int64_t i) noexcept {
    return static_cast<uint64_t>(key) << 32 | static_cast<uint64_t>(i);
  }
  [[gnu::always_inline]] static int64_t index(Item item) noexcept { return static_cast<int64_t>(item & 0xffffffffu); }
  [[gnu::always_inline]] static Key key_of(Item item) noexcept { return static_cast<Key>(item >> 32); }
};

/// int64 of a line whose values span less than 2^32: the key is the distance from the smallest.
struct Narrow {
  using Item = uint64_t;
  using Key = uint32_t;
  static constexpr int key_bits = 32;
  [[gnu::always_inline]] static Item item(Key key, int64_t i) noexcept { return Keyed<float>::item(key, i); }
  [[gnu::always_inline]] static int64_t index(Item item) noexcept { return Keyed<float>::index(item); }
  [[gnu::always_inline]] static Key key_of(Item item) noexcept { return Keyed<float>::key_of(item); }
};

struct Keyed64 {
  using Item = Pair;
  using Key = uint64_t;
  static constexpr int key_bits = 64;
  [[gnu::always_inline]] static Item item(Key key, int64_t i) noexcept { return {key, static_cast<uint64_t>(i)}; }
  [[gnu::always_inline]] static int64_t index(const Item& item) noexcept { return static_cast<int64_t>(item.index); }
  [[gnu::always_inline]] static Key key_of(const Item& item) noexcept { return item.key; }
};
template <>
struct Keyed<double> : Keyed64 {
  [[gnu::always_inline]] static Key key(double x) noexcept {
    const auto bits = detail::bits<uint64_t>(x == 0 ? 0. : x);
    const uint64_t ordered = bits ^ (static_cast<uint64_t>(static_cast<int64_t>(bits) >> 63) | uint64_t{1} << 63);
    return x != x ? ~uint64_t{0} : ordered;
  }
};
template <>
struct Keyed<int64_t> : Keyed64 {
  [[gnu::always_inline]] static Key key(int64_t x) noexcept {
    return static_cast<uint64_t>(x) ^ uint64_t { 1 } << 63;
  }
};

template <class Item>
void insertion_sort(Item* items, int64_t n) noexcept {
  for (int64_t i = 1; i < n; ++i) {
    const Item item = items[i];
    int64_t j = i;
    for (; j > 0 && item < items[j - 1]; --j) items[j] = items[j - 1];
    items[j] = item;
  }
}

template <class K, int Bits, class Item>
Item* radix_sort(Item* items, Item* other, int64_t n) {
  constexpr int passes = (K::key_bits + Bits - 1) / Bits, buckets = 1 << Bits;
  const Scratch<uint32_t> counts(passes * buckets);
  __builtin_memset(counts.data(), 0, sizeof(uint32_t) * passes * buckets);
  for (int64_t i = 0; i < n; ++i) {
    auto key = K::key_of(items[i]);
    for (int p = 0; p < passes; ++p) {
      ++counts[p * buckets + static_cast<int64_t>(key & (buckets - 1))];
      key >>= Bits;
    }
  }
  for (int p = 0; p < passes; ++p) {
    uint32_t* const starts = counts.data() + p * buckets;
    const auto digit = [p](const Item& item) { return (K::key_of(item) >> (p * Bits)) & (buckets - 1); };
    if (starts[digit(items[0])] == static_cast<uint32_t>(n)) continue;
    uint32_t total = 0;
    for (int b = 0; b < buckets; ++b) {
      const uint32_t count = starts[b];
      starts[b] = total;
      total += count;
    }
    for (int64_t i = 0; i < n; ++i) other[starts[digit(items[i])]++] = items[i];
    Item* const swapped = items;
    items = other;
    other = swapped;
  }
  return items;
}

/// Sorts n items that came in index order, using as much room again at `other`; returns where the result is.
template <class K, class Item>
Item* sort_items(Item* items, Item* other, int64_t n) {
  if (n <= 32) {
    insertion_sort(items, n);
    return items;
  }
  if (K::key_bits == 64 && n < 512) {
    std::sort(items, items + n, [](const Item& a, const Item& b) { return a < b; });
    return items;
  }
  return n < 8192 ? radix_sort<K, 8>(items, other, n) : radix_sort<K, 11>(items, other, n);
}

/// f(line, scratch items) for each line of n; scratch holds 2 * n items.
template <class Item, class F>
void each_line(int64_t lines, int64_t n, F f) {
  parallel_for(lines, max_of(1, piece_elements / max_of(1, n)), [&](int64_t begin, int64_t end) {
    const Scratch<Item> items(2 * n);
    for (int64_t line = begin; line < end; ++line) f(line, items.data());
  });
}

/// emit(rank, index) for the first `count` of a line in order. `room` holds 2 * n items.
template <class K, class Key, class Emit>
void order_by(int64_t n, int64_t count, Key key, void* room, Emit emit) {
  using Item = typename K::Item;
  Item* items = static_cast<Item*>(room);
  for (int64_t i = 0; i < n; ++i) items[i] = K::item(key(i), i);
  const Item* sorted = sort_items<K>(items, items + n, n);
  for (int64_t i = 0; i < count; ++i) emit(i, K::index(sorted[i]));
}

/// The smallest and the largest of n > 0 values.
struct Range {
  int64_t low = INT64_MAX, high = INT64_MIN;
  Range(const int64_t* line, int64_t n) noexcept {
    for (int64_t i = 0; i < n; ++i) {
      low = line[i] < low ? line[i] : low;
      high = line[i] > high ? line[i] : high;
    }
  }
  uint64_t span() const noexcept { return static_cast<uint64_t>(high) - static_cast<uint64_t>(low); }
};

template <class T, class Emit>
void order_line(const T* line, int64_t n, bool descending, int64_t count, void* room, Emit emit) {
  if constexpr (__is_same(T, int64_t)) {
    const Range range(line, n);
    if (range.span() <= 0xffffffffu) {
      const int64_t low = range.low, high = range.high;
      const auto near = [=](int64_t i) {
        const int64_t value = line[i];
        return static_cast<uint32_t>(static_cast<uint64_t>(descending ? high : value) -
                                     static_cast<uint64_t>(descending ? value : low));
      };
      order_by<Narrow>(n, count, near, room, emit);
      return;
    }
  }
  using K = Keyed<T>;
  const auto flip = descending ? ~typename K::Key{0} : typename K::Key{0};
  order_by<K>(n, count, [=](int64_t i) { return K::key(line[i]) ^ flip; }, room, emit);
}

template <class T>
void sort(const void* x_, int64_t lines, int64_t n, bool descending, void* values_, int64_t* indices) {
  const T* x = static_cast<const T*>(x_);
  T* values = static_cast<T*>(values_);
  each_line<typename Keyed<T>::Item>(lines, n, [&](int64_t l, void* room) {
    const int64_t first = l * n;
    const T* line = x + first;
    order_line(line, n, descending, n, room, [&](int64_t i, int64_t index) {
      indices[first + i] = index;
      if (values) values[first + i] = line[index];
    });
  });
}

/// Moves the k smallest of n items to the front, unordered.
template <class Item>
void select_smallest(Item* items, int64_t n, int64_t k) {
  std::nth_element(items, items + k, items + n, [](const Item& a, const Item& b) { return a < b; });
}

constexpr int64_t key_block = 64;  // keys that are made together

/// f(b, count, keys): the keys of elements b to b + count, a block at a time.
template <class T, class F>
[[gnu::always_inline]] inline void each_block(const T* line, int64_t n, typename Keyed<T>::Key flip, F f) {
  typename Keyed<T>::Key keys[key_block];
  int64_t b = 0;
  for (; b + key_block <= n; b += key_block) {
    for (int64_t i = 0; i < key_block; ++i) keys[i] = Keyed<T>::key(line[b + i]) ^ flip;
    f(b, key_block, keys);
  }
  for (int64_t i = b; i < n; ++i) keys[i - b] = Keyed<T>::key(line[i]) ^ flip;
  if (b < n) f(b, n - b, keys);
}

/// Writes the items of a line whose keys pass `test` and returns how many.
template <class T, class Test>
[[gnu::always_inline]] inline int64_t collect_items(const T* line, int64_t n, typename Keyed<T>::Key flip, Test test,
                                                    typename Keyed<T>::Item* items) {
  int64_t found = 0;
  each_block(line, n, flip, [&](int64_t b, int64_t count, const auto* keys) {
    alignas(64) uint8_t passes[key_block] = {};
    if (count == key_block) {
      for (int64_t i = 0; i < key_block; ++i) passes[i] = test(keys[i]);
    } else {
      for (int64_t i = 0; i < count; ++i) passes[i] = test(keys[i]);
    }
    for (uint64_t bits = nonzero_bytes(passes); bits != 0; bits &= bits - 1) {
      const int64_t i = __builtin_ctzll(bits);
      items[found++] = Keyed<T>::item(keys[i], b + i);
    }
  });
  return found;
}

/// How many groups smallest_items() takes for so many items.
int64_t groups_for(int64_t k) noexcept {
  int64_t groups = key_block;
  while (groups < 2 * k) groups *= 2;
  return groups;
}

/// Leaves the k smallest items of a line, sorted, at the front. At least k elements are no larger than the k-th of the
/// groups' smallest, and not many more are; `least` has room for these.
template <class T>
void smallest_items(const T* line, int64_t n, typename Keyed<T>::Key flip, int64_t k, typename Keyed<T>::Key* least,
                    int64_t groups, typename Keyed<T>::Item* items) {
  using Key = typename Keyed<T>::Key;
  for (int64_t g = 0; g < groups; ++g) least[g] = ~Key{0};
  each_block(line, n, flip, [&](int64_t b, int64_t count, const Key* keys) {
    Key* const to = least + (b & (groups - 1));
    if (count == key_block) {
#pragma GCC ivdep
      for (int64_t i = 0; i < key_block; ++i) to[i] = keys[i] < to[i] ? keys[i] : to[i];
    } else {
      for (int64_t i = 0; i < count; ++i) to[i] = keys[i] < to[i] ? keys[i] : to[i];
    }
  });
  std::nth_element(least, least + k - 1, least + groups, [](Key a, Key b) { return a < b; });
  const Key bound = least[k - 1];
  int64_t held = collect_items(line, n, flip, [bound](Key key) { return key <= bound; }, items);
  for (; held < k; ++held) items[held] = Keyed<T>::item(bound, held);  // only if another thread writes meanwhile
  if (k < held) select_smallest(items, held, k);
  std::sort(items, items + k, [](const auto& a, const auto& b) { return a < b; });
}

template <class T>
void topk(const void* x_, int64_t lines, int64_t n, int64_t k, bool largest, void* values_, int64_t* indices) {
  using K = Keyed<T>;
  using Item = typename K::Item;
  if (k == 0) return;
  const T* x = static_cast<const T*>(x_);
  T* values = static_cast<T*>(values_);
  const auto flip = largest ? ~typename K::Key{0} : typename K::Key{0};
  const int64_t groups = groups_for(k);
  parallel_for(lines, max_of(1, piece_elements / max_of(1, n)), [&](int64_t begin, int64_t end) {
    const Scratch<Item> scratch(2 * n);
    const Scratch<typename K::Key> least(groups);
    for (int64_t l = begin; l < end; ++l) {
      const T* line = x + l * n;
      const auto emit = [&](int64_t i, int64_t index) {
        indices[l * k + i] = index;
        values[l * k + i] = line[index];
      };
      if (4 * k >= n) {
        order_line(line, n, largest, k, scratch.data(), emit);
      } else {
        smallest_items(line, n, flip, k, least.data(), groups, scratch.data());
        for (int64_t i = 0; i < k; ++i) emit(i, K::index(scratch[i]));
      }
    }
  });
}

/// The items of a line whose keys share their leading bits with the k-th smallest; k becomes its rank among them. A
/// short line is taken whole.
template <class T>
int64_t items_near(const T* line, int64_t n, int64_t* k, typename Keyed<T>::Item* items) {
  using K = Keyed<T>;
  constexpr int bits = 11, shift = K::key_bits - bits;
  constexpr int64_t buckets = 1 << bits, copies = 4, together = 64;
  if (n < 512) {
    for (int64_t i = 0; i < n; ++i) items[i] = K::item(K::key(line[i]), i);
    return n;
  }
  // Several for a long line, so that equal neighbours do not wait for each other.
  const int64_t used = n < 8 * buckets ? 1 : copies;
  uint32_t counts[copies][buckets];
  __builtin_memset(counts, 0, static_cast<size_t>(used) * sizeof counts[0]);
  each_block(line, n, 0, [&](int64_t, int64_t count, const auto* keys) {
    for (int64_t i = 0; i < count; ++i) ++counts[i & (used - 1)][keys[i] >> shift];
  });
  for (int64_t c = 1; c < used; ++c)
    for (int64_t b = 0; b < buckets; ++b) counts[0][b] += counts[c][b];
  int64_t before = 0, bucket = 0;
  for (;; bucket += together) {
    uint32_t here = 0;
    for (int64_t b = bucket; b < bucket + together; ++b) here += counts[0][b];
    if (before + here > *k) break;
    before += here;
  }
  for (; before + counts[0][bucket] <= *k; ++bucket) before += counts[0][bucket];
  *k -= before;
  const auto wanted = static_cast<typename K::Key>(bucket);
  int64_t found = collect_items(line, n, 0, [=](auto key) { return key >> shift == wanted; }, items);
  for (; found <= *k; ++found) items[found] = K::item(wanted, found);  // only if another thread writes meanwhile
  return found;
}

template <class T>
void kth(const void* x_, int64_t lines, int64_t n, int64_t k, bool nan_first, void* values_, int64_t* indices) {
  using K = Keyed<T>;
  using Item = typename K::Item;
  const T* x = static_cast<const T*>(x_);
  T* values = static_cast<T*>(values_);
  each_line<Item>(lines, n, [&](int64_t l, Item* items) {
    const T* line = x + l * n;
    int64_t index = -1;
    for (int64_t i = 0; nan_first && index < 0 && i < n; ++i) index = line[i] != line[i] ? i : -1;
    if (index < 0) {
      int64_t rank = k;
      const int64_t found = items_near(line, n, &rank, items);
      select_smallest(items, found, rank);
      index = K::index(items[rank]);
    }
    indices[l] = index;
    values[l] = line[index];
  });
}

/// Runs of equal values of x[order(i)]; returns how many.
template <class T, class Order>
int64_t collect_runs(const T* x, int64_t n, Order order, T* values, int64_t* inverse, int64_t* counts) noexcept {
  int64_t found = 0, start = 0;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t index = order(i);
    if (i == 0 || x[index] != values[found - 1]) {
      if (counts && found > 0) counts[found - 1] = i - start;
      start = i;
      values[found++] = x[index];
    }
    if (inverse) inverse[index] = found - 1;
  }
  if (counts && found > 0) counts[found - 1] = n - start;
  return found;
}

/// The distinct values of integers from `low` to `low + span`: each has a place to be counted at. What another thread
/// writes meanwhile has none, and counts as the smallest.
int64_t unique_within(const int64_t* x, int64_t n, int64_t low, int64_t span, int64_t* values, int64_t* inverse,
                      int64_t* counts) {
  const Scratch<int64_t> places(span + 1);
  __builtin_memset(places.data(), 0, static_cast<size_t>(span + 1) * sizeof(int64_t));
  const auto place = [&](int64_t i) -> int64_t& {
    const uint64_t at = static_cast<uint64_t>(x[i]) - static_cast<uint64_t>(low);
    return places[at <= static_cast<uint64_t>(span) ? static_cast<int64_t>(at) : 0];
  };
  for (int64_t i = 0; i < n; ++i) ++place(i);
  int64_t found = 0;
  for (int64_t v = 0; v <= span; ++v) {
    if (places[v] == 0) continue;
    if (counts) counts[found] = places[v];
    places[v] = found;
    values[found++] = low + v;
  }
  for (int64_t i = 0; inverse && i < n; ++i) inverse[i] = place(i);
  return found;
}

template <class T>
int64_t unique(const void* x_, int64_t n, void* values, int64_t* inverse, int64_t* counts) {
  const T* x = static_cast<const T*>(x_);
  if constexpr (__is_same(T, int64_t)) {
    const Range range(x, n);
    if (range.span() < static_cast<uint64_t>(n))
      return unique_within(x, n, range.low, static_cast<int64_t>(range.span()), static_cast<int64_t*>(values), inverse,
                           counts);
  }
  const Scratch<typename Keyed<T>::Item> room(2 * n);
  const Scratch<int64_t> order(n);
  order_line(x, n, false, n, room.data(), [&](int64_t i, int64_t index) { order[i] = index; });
  const auto order_at = [&](int64_t i) { return order[i]; };
  return collect_runs(x, n, order_at, static_cast<T*>(values), inverse, counts);
}

template <class T>
int64_t unique_consecutive(const void* x, int64_t n, void* values, int64_t* inverse, int64_t* counts) {
  const auto order = [](int64_t i) { return i; };
  return collect_runs(static_cast<const T*>(x), n, order, static_cast<T*>(values), inverse, counts);
}

/// Where `count` values belong in a row of n sorted elements. All searches halve the same lengths, so they go in step,
/// and their reads overlap.
template <int64_t count, class T>
void search_together(const T* row, const int64_t* sorter, int64_t n, const T* values, bool right, int64_t* out) {
  int64_t first[count] = {};
  const auto advance = [&](int64_t ahead, int64_t step) {
#pragma GCC unroll 16
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = first[i] + ahead;
      const T other = row[sorter ? sorter[at] : at];
      // A NaN value is never reached, so it belongs at the end. Multiplying instead of choosing keeps the compiler from
      // branching on what cannot be predicted.
      first[i] += static_cast<int64_t>(right ? !(other > values[i]) : !(other >= values[i])) * step;
    }
  };
  int64_t length = n;
  for (; length > 1; length -= length / 2) advance(length / 2 - 1, length / 2);
  if (length == 1) advance(0, 1);
  __builtin_memcpy(out, first, sizeof first);
}

template <class T>
void searchsorted(const void* sorted_, const int64_t* sorter_, const void* values_, int64_t rows, int64_t n, int64_t m,
                  bool shared_row, bool right, int64_t* out) {
  constexpr int64_t together = 16;
  const T *sorted = static_cast<const T*>(sorted_), *values = static_cast<const T*>(values_);
  parallel_for(rows * m, 1024, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end;) {
      const int64_t row = shared_row ? 0 : i / m * n, last = shared_row ? end : min_of(end, (i / m + 1) * m);
      const int64_t* const sorter = sorter_ ? sorter_ + row : nullptr;
      for (; i + together <= last; i += together)
        search_together<together>(sorted + row, sorter, n, values + i, right, out + i);
      for (; i < last; ++i) search_together<1>(sorted + row, sorter, n, values + i, right, out + i);
    }
  });
}

}  // namespace

void fill(SortTable& table) {
  table = {{sort<float>, sort<double>, sort<int64_t>},
           {topk<float>, topk<double>, topk<int64_t>},
           {kth<float>, kth<double>, kth<int64_t>},
           {unique<float>, unique<double>, unique<int64_t>},
           {unique_consecutive<float>, unique_consecutive<double>, unique_consecutive<int64_t>},
           {searchsorted<float>, searchsorted<double>, searchsorted<int64_t>}};
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
