#include "generated/impl.h"
#include "generated/ops.h"
#include "ops/convert.h"
#include "ops/support.h"
#include "runtime/error.h"

namespace weft::ops::impl {

namespace {

/// Where the patches of one image lie.
struct Patches {
  int64_t kernel[2], dilation[2], padding[2], stride[2];
  int64_t image[2];  ///< height and width without padding
  int64_t count[2];  ///< patches down and across

  Patches(const char* name, int64_t height, int64_t width, IntList k, IntList d, IntList p, IntList s)
      : kernel{k[0], k[1]}, dilation{d[0], d[1]}, padding{p[0], p[1]}, stride{s[0], s[1]}, image{height, width} {
    for (int i = 0; i < 2; ++i) {
      check(kernel[i] > 0, "{}: kernel size should be greater than zero, but got {}", name, Listed{k});
      check(dilation[i] > 0, "{}: dilation should be greater than zero, but got {}", name, Listed{d});
      check(padding[i] >= 0, "{}: padding should be non-negative, but got {}", name, Listed{p});
      check(stride[i] > 0, "{}: stride should be greater than zero, but got {}", name, Listed{s});
      const int64_t room = image[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1;
      count[i] = room < 0 ? 0 : room / stride[i] + 1;
      check(count[i] > 0, "{}: an image of {} x {} with padding {} holds no patch of kernel_size {} and dilation {}",
            name, height, width, Listed{p}, Listed{k}, Listed{d});
    }
  }
  int64_t padded(int i) const noexcept { return image[i] + 2 * padding[i]; }
  int64_t kernel_numel() const noexcept { return kernel[0] * kernel[1]; }
  int64_t total() const noexcept { return count[0] * count[1]; }

  /// The image, padded already, as (N, C, kH, kW, down, across).
  Tensor windows(const Tensor& image) const {
    const auto& s = image.strides();
    return view_of(image, {image.size(0), image.size(1), kernel[0], kernel[1], count[0], count[1]},
                   {s[0], s[1], s[2] * dilation[0], s[3] * dilation[1], s[2] * stride[0], s[3] * stride[1]},
                   image.offset());
  }
};

}  // namespace

Tensor unfold_im2col(const Tensor& self, IntList kernel, IntList dilation, IntList padding, IntList stride) {
  check(self.dim() == 3 || self.dim() == 4,
        "unfold: expected 3D or 4D (batch mode) tensor with possibly 0 batch size, but got {}", self.sizes());
  if (self.dim() == 4) return ops::im2col(self, kernel, dilation, padding, stride);
  return ops::squeeze_dim(ops::im2col(ops::unsqueeze(self, 0), kernel, dilation, padding, stride), Dims{0});
}

Tensor im2col(const Tensor& self, IntList kernel, IntList dilation, IntList padding, IntList stride) {
  const Patches patches("unfold", self.size(2), self.size(3), kernel, dilation, padding, stride);
  const bool padded = padding[0] > 0 || padding[1] > 0;
  const auto image =
      padded ? constant_pad_nd(self, Dims{padding[1], padding[1], padding[0], padding[0]}, Scalar(0)) : self;
  const auto windows = patches.windows(image);
  const auto out =
      weft::empty(Dims{self.size(0), self.size(1) * patches.kernel_numel(), patches.total()}, self.dtype());
  copy_elements(view_of(out, windows.sizes(), contiguous_strides(windows.sizes()), 0), windows);
  return out;
}

Tensor fold_col2im(const Tensor& self, IntList output_size, IntList kernel, IntList dilation, IntList padding,
                   IntList stride) {
  check(self.dim() == 2 || self.dim() == 3,
        "fold: expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size, but got {}", self.sizes());
  const auto columns = self.dim() == 3 ? self : ops::unsqueeze(self, 0);
  const Patches patches("fold", output_size[0], output_size[1], kernel, dilation, padding, stride);
  check(columns.size(1) % patches.kernel_numel() == 0,
        "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got input.size(1)={} "
        "and "
        "kernel_size={}",
        columns.size(1), Listed{kernel});
  check(columns.size(2) == patches.total(),
        "fold: expected size of input's dimension 2 to match the calculated number of sliding blocks {} x {} = {}, but "
        "got {}",
        patches.count[0], patches.count[1], patches.total(), columns.size(2));
  const auto image = ops::col2im(columns, output_size, kernel, dilation, padding, stride);
  return self.dim() == 3 ? image : ops::squeeze_dim(image, Dims{0});
}

Tensor col2im(const Tensor& self, IntList sizes, IntList kernel, IntList dilation, IntList padding, IntList stride) {
  const IntList size = sizes.last(2);
  const Patches patches("fold", size[0], size[1], kernel, dilation, padding, stride);
  const auto columns = packed(self);
  const int64_t batch = self.size(0), channels = self.size(1) / patches.kernel_numel();
  const auto image = zeros(Dims{batch, channels, patches.padded(0), patches.padded(1)}, self.dtype());
  const Dims shape{batch, channels, patches.kernel[0], patches.kernel[1], patches.count[0], patches.count[1]};
  const auto from = view_of(columns, shape, contiguous_strides(shape), columns.offset());
  const auto to = patches.windows(image);
  // Patches overlap; what one place of the kernel touches in all of them does not.
  for (int64_t i = 0; i < patches.kernel[0]; ++i)
    for (int64_t j = 0; j < patches.kernel[1]; ++j)
      ops::add_(select(select(to, 2, i), 2, j), select(select(from, 2, i), 2, j));
  const auto inside =
      view_of(image, {batch, channels, size[0], size[1]}, image.strides(), padding[0] * image.stride(2) + padding[1]);
  return packed(inside);
}

}  // namespace weft::ops::impl
