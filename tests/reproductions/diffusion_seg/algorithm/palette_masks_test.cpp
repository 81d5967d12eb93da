#include "reproductions/diffusion_seg/algorithm/palette_masks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <cstring>

#include "datasets/shapes.h"

namespace assay::diffusion_seg {
namespace {

at::Tensor planes_of(const Image& image) {
  at::Tensor pixels = at::empty({1, image.height, image.width, image.channels}, at::kByte);
  std::memcpy(pixels.mutable_data_ptr<std::uint8_t>(), image.pixels.data(), image.pixels.size());
  return pixels.permute({0, 3, 1, 2}).contiguous();
}

TEST(PaletteMasks, FindEveryObjectColourAndShadeAndNoGrey) {
  Image image(4, 8, 3);
  for (int k = 0; k < 8; ++k)
    for (int c = 0; c < 3; ++c) {
      const int value = object_colours()[static_cast<std::size_t>(k)].rgb[c];
      const auto row = [&](int x) { return image.at(x, k) + c; };
      *row(0) = static_cast<std::uint8_t>(value);
      *row(1) = static_cast<std::uint8_t>(value / 2);
      *row(2) = static_cast<std::uint8_t>((value + 255) / 2);
      *row(3) = static_cast<std::uint8_t>(100 + (c == k % 3 ? 40 : 0));  // as colourful as a background may be
    }
  const at::Tensor mask = palette_masks(planes_of(image));
  EXPECT_TRUE((mask.narrow(2, 0, 3) == 255).all().item<bool>());
  EXPECT_TRUE((mask.narrow(2, 3, 1) == 0).all().item<bool>());
}

TEST(PaletteMasks, OfRealImagesAreTheirMasksUpToTheOutline) {
  const auto shapes = open_dataset(read_dataset_spec({{"name", "shapes"}, {"size", 32}, {"count", 60}}, "dataset"));
  double sum = 0;
  for (std::int64_t i = 0; i < 60; ++i) {
    const Sample sample = shapes->sample(i);
    const at::Tensor found = palette_masks(planes_of(sample.image)) > 0, coverage = planes_of(sample.mask).squeeze(1);
    // A pixel without any of the object is never found, and one that is the object's alone always.
    EXPECT_FALSE((found & (coverage == 0)).any().item<bool>()) << i;
    EXPECT_TRUE(found.masked_select(coverage == 255).all().item<bool>()) << i;
    const at::Tensor truth = coverage >= 128;
    sum += (found & truth).sum().item<double>() / (found | truth).sum().item<double>();
  }
  EXPECT_GT(sum / 60, 0.9);
}

TEST(PaletteMasks, AreKnownOfShapesAlone) {
  EXPECT_TRUE(has_palettes("shapes"));
  EXPECT_FALSE(has_palettes("emoji"));
}

}  // namespace
}  // namespace assay::diffusion_seg
