// How a correlation's work is cut into pieces, and who copies and packs what they read.
#pragma once

#include <cstdint>

#include "kernels/conv_geometry.h"
#include "kernels/conv_pack.h"
#include "kernels/gemm_scratch.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

/// Either a piece is a block and some panels, all packed before, and copies the block's window; or it is a panel that
/// it packs itself, and all blocks, whose windows are copied before. A piece is worked on in turns, a block each.
template <class T>
class Pieces {
 public:
  struct Turn {
    int64_t group;
    Block block;
    Window<T> window;
    int64_t first_panel, last_panel;
    const T* panels;  ///< from the first on
  };

  /// `in_place`: the source needs no copy.
  Pieces(const Correlation<T>& c, const WeightPacker<T>& packer, const Blocks& blocks, bool in_place)
      : c_(c),
        packer_(packer),
        blocks_(blocks),
        in_place_(in_place),
        is_copied_(!in_place && packer.panel_size() > tile_columns<T>),
        block_count_(blocks.count()),
        window_size_(is_copied_ ? blocks.window_size(c.axis, c.in_channels) : 0),
        own_panel_(packs_itself()),
        panel_blocks_(own_panel_ ? packer.panels() : min_of(packer.panels(), ceil_div(16, block_count_ * c.groups))),
        weights_(own_panel_ ? 0 : c.groups * packer.panels() * packer.panel_size()),
        copies_(own_panel_ ? c.groups * block_count_ * window_size_ : 0),
        windows_(own_panel_ ? c.groups * block_count_ : 0) {
    if (!own_panel_) packer.pack_all(weights_.data());
    if (!own_panel_ || !is_copied_) return;
    parallel_for(c.groups * block_count_, 1 + (1 << 16) / window_size_, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        windows_[i] = copy_of(i / block_count_, i % block_count_, copies_.data() + i * window_size_);
    });
  }

  int64_t count() const noexcept { return c_.groups * panel_blocks_ * (own_panel_ ? 1 : block_count_); }
  int64_t turns_each() const noexcept { return own_panel_ ? block_count_ : 1; }
  /// Elements that a piece needs for its copy.
  int64_t copy_size() const noexcept { return own_panel_ ? packer_.panel_size() : window_size_; }
  /// Multiply-adds of a piece, about.
  int64_t work() const noexcept {
    const int64_t points = blocks_.images_each * blocks_.rows_each * blocks_.columns_each;
    return turns_each() * points * ceil_div(packer_.panels(), panel_blocks_) *
           (packer_.panel_size() + 15 * tile_columns<T>);
  }

  /// Turns of a piece go in order, with the same `copy`.
  Turn turn(int64_t i, T* copy) const {
    const int64_t piece = i / turns_each(), part = piece % panel_blocks_, group = piece / panel_blocks_ % c_.groups;
    const int64_t b = own_panel_ ? i % block_count_ : piece / panel_blocks_ / c_.groups;
    const int64_t first = packer_.panels() * part / panel_blocks_, size = packer_.panel_size();
    Turn turn{group,
              blocks_(b, c_.axis, c_.batch),
              {},
              first,
              packer_.panels() * (part + 1) / panel_blocks_,
              own_panel_ ? copy : weights_.data() + (group * packer_.panels() + first) * size};
    turn.window = is_copied_ ? (own_panel_ ? windows_[group * block_count_ + b] : copy_of(group, b, copy))
                             : where_it_lies(group, turn.block);
    if (own_panel_ && b == 0) packer_.pack(group, part, copy);
    return turn;
  }

 private:
  // Panels so large, and used by so few blocks, or by one, are packed by the piece that uses them.
  static constexpr int64_t own_panel_bytes = 128 << 10, small_panel_bytes = 16 << 10;
  static constexpr int64_t own_panel_blocks = 16;

  bool packs_itself() const noexcept {
    const int64_t bytes = packer_.panel_size() * static_cast<int64_t>(sizeof(T));
    return c_.groups * packer_.panels() >= 16 && block_count_ <= own_panel_blocks &&
           bytes >= (block_count_ == 1 ? small_panel_bytes : own_panel_bytes);
  }
  Window<T> copy_of(int64_t group, int64_t b, T* to) const {
    const int64_t* src = c_.source_stride;
    return copy_window(to, c_.source + group * c_.in_channels * src[1], src, c_.in_channels, c_.axis,
                       blocks_(b, c_.axis, c_.batch));
  }
  Window<T> where_it_lies(int64_t group, const Block& block) const noexcept {
    const int64_t* src = c_.source_stride;
    const Axis* axis = c_.axis;
    const T* data = c_.source + group * c_.in_channels * src[1];
    if (in_place_) {
      data += block.image * src[0] + (block.z * axis[0].step + axis[0].base[0]) * src[2] +
              (block.y * axis[1].step + axis[1].base[0]) * src[3] + (block.x * axis[2].step + axis[2].base[0]) * src[4];
    }
    return {data, src[0], src[2], src[3], src[4]};
  }

  const Correlation<T>& c_;
  const WeightPacker<T>& packer_;
  const Blocks& blocks_;
  bool in_place_, is_copied_;
  int64_t block_count_, window_size_;
  bool own_panel_;
  int64_t panel_blocks_;
  Scratch<T> weights_, copies_;
  Scratch<Window<T>> windows_;
};

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
