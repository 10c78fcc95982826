// The switch of convolutions. Their operators come from the table.
#pragma once

namespace weft::ops {

/// Whether float32 convolutions of 3 x 3 may go by Winograd's F(2 x 2, 3 x 3), which is faster, and whose errors go
/// with the largest pixel times the largest weight of a result, not with the largest product. Process-wide; an atomic.
bool winograd_enabled() noexcept;
void set_winograd_enabled(bool enabled) noexcept;

}  // namespace weft::ops
