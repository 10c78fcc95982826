// The points of a block in the order of the tiles, and the taps that each takes.
#pragma once

#include <cstdint>

#include "kernels/conv_geometry.h"
#include "kernels/conv_tile.h"
#include "kernels/gemm_scratch.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

/// Points that take the same taps: the others lie in the padding.
struct Band {
  int64_t first, last;
  PointWalk walk;
};

template <class T>
class BlockPoints {
 public:
  /// `whole_rows`: the taps along the width are neighbours in memory, and make one run. An element of the source has
  /// `tap_weights` / channels weights in a panel.
  BlockPoints(const Correlation<T>& c, const Blocks& blocks, bool whole_rows, int64_t tap_weights)
      : c_(c),
        whole_rows_(whole_rows),
        tap_weights_(tap_weights),
        source_(blocks.images_each * blocks.rows_each * blocks.columns_each),
        destination_(blocks.images_each * blocks.rows_each * blocks.columns_each),
        bands_(most_ranges(c.axis[1], blocks.rows_each) + most_ranges(c.axis[2], blocks.columns_each)),
        runs_((most_ranges(c.axis[1], blocks.rows_each) + most_ranges(c.axis[2], blocks.columns_each)) *
              c.axis[0].taps * c.axis[1].taps * (whole_rows ? 1 : c.axis[2].taps)) {}

  void place(const Block& block, const Window<T>& window) {
    points_ = count_ = used_runs_ = 0;
    const Axis *rows = c_.axis + 1, *columns = c_.axis + 2;
    for (int64_t y = 0, y_end; y < block.rows; y = y_end) {
      const TapRange y_taps = rows->inside(block.y + y);
      for (y_end = y + 1; y_end < block.rows && rows->inside(block.y + y_end) == y_taps;) ++y_end;
      // Where all rows of taps count and the tiles are not too low, the first and last columns leave some out.
      const bool cut = y_taps == TapRange{0, rows->taps} && block.images * (y_end - y) >= lowest_tile;
      for (int64_t x = 0, x_end; x < block.columns; x = x_end) {
        const TapRange x_taps = cut ? columns->inside(block.x + x) : TapRange{0, columns->taps};
        for (x_end = cut ? x + 1 : block.columns; x_end < block.columns && columns->inside(block.x + x_end) == x_taps;)
          ++x_end;
        const int64_t first = points_;
        add_points(block, window, y, y_end, x, x_end);
        bands_[count_++] = {first, points_, walk(window, c_.axis[0].inside(block.z), y_taps, x_taps)};
      }
    }
  }

  int64_t bands() const noexcept { return count_; }
  const Band& band(int64_t i) const noexcept { return bands_[i]; }
  const T* const* source() const noexcept { return source_.data(); }
  const int64_t* destination() const noexcept { return destination_.data(); }

 private:
  // A tile of fewer rows waits for the latency of its multiply-adds.
  static constexpr int64_t lowest_tile = 4;

  /// A range of taps begins or ends elsewhere each time it changes.
  static int64_t most_ranges(const Axis& axis, int64_t points) noexcept { return min_of(points, 2 * axis.taps + 1); }

  void add_points(const Block& block, const Window<T>& window, int64_t y, int64_t y_end, int64_t x, int64_t x_end) {
    const Axis* axis = c_.axis;
    const int64_t* dst = c_.destination_stride;
    for (int64_t i = 0; i < block.images; ++i) {
      for (int64_t row = y; row < y_end; ++row) {
        const T* from = window.data + i * window.image + row * axis[1].step * window.row;
        const int64_t to = (block.image + i) * dst[0] + (block.z * axis[0].dst_step + axis[0].dst_first) * dst[2] +
                           ((block.y + row) * axis[1].dst_step + axis[1].dst_first) * dst[3] +
                           (block.x * axis[2].dst_step + axis[2].dst_first) * dst[4];
        for (int64_t column = x; column < x_end; ++column, ++points_) {
          source_[points_] = from + column * axis[2].step * window.pixel;
          destination_[points_] = to + column * axis[2].dst_step * dst[4];
        }
      }
    }
  }

  PointWalk walk(const Window<T>& window, TapRange z_taps, TapRange y_taps, TapRange x_taps) {
    const Axis* axis = c_.axis;
    PointRun* const first = runs_.data() + used_runs_;
    const int64_t across = x_taps.last - x_taps.first;
    for (int64_t z = z_taps.first; z < z_taps.last; ++z) {
      for (int64_t y = y_taps.first; y < y_taps.last; ++y) {
        for (int64_t x = x_taps.first; x < (whole_rows_ ? min_of(x_taps.first + 1, x_taps.last) : x_taps.last); ++x) {
          runs_[used_runs_++] = {window.tap(axis, z, y, x), ((z * axis[1].taps + y) * axis[2].taps + x) * tap_weights_};
        }
      }
    }
    return {runs_.data() + used_runs_ - first, first, c_.in_channels * (whole_rows_ ? across : 1)};
  }

  const Correlation<T>& c_;
  bool whole_rows_;
  int64_t tap_weights_;
  int64_t points_ = 0, count_ = 0, used_runs_ = 0;
  Scratch<const T*> source_;
  Scratch<int64_t> destination_;
  Scratch<Band> bands_;
  Scratch<PointRun> runs_;
};

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
