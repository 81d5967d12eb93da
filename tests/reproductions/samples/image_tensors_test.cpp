#include "reproductions/samples/image_tensors.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/safetensors.h"
#include "datasets/dataset.h"
#include "images/image_file.h"
#include "kernels/host_tensor.h"
#include "tests/diffusion/golden.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::max_abs_difference;
using test::same_bits;
using test::TemporaryFolder;

using test::values;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Bytes, AreTruncatedAsSelfGuidedDiffusionDoes) {
  EXPECT_TRUE(at::equal(to_bytes(values({-2.0f, -1.0f, 0.0f, 0.999f, 1.0f, 1.5f})),
                        values({0, 0, 127, 254, 255, 255}).to(at::kByte)));
  const SafetensorsFile pack(test::golden("sgdm.sampler") / "cases.safetensors");
  EXPECT_TRUE(
      same_bits(to_bytes(tensor_of(pack, "to_uint8/in.x")).to(at::kLong), tensor_of(pack, "to_uint8/out.uint8")));
}

TEST(Bytes, GoBackToTheEndsOfTheRange) {
  EXPECT_LT(max_abs_difference(from_bytes(values({0, 51, 255}).to(at::kByte)), values({-1.0f, -0.6f, 1.0f})), 1e-6);
}

TEST(ImageGrid, PlacesTilesRowByRowWithWhiteBetween) {
  const TemporaryFolder folder;
  at::Tensor bytes = at::zeros({3, 3, 2, 2}, at::kByte);
  for (std::int64_t i = 0; i < 3; ++i) bytes.select(0, i).fill_(10 * (i + 1));
  bytes.select(0, 0).select(0, 2).fill_(99);  // the blue of the first image
  write_image_grid(bytes, 2, 2, 1, folder / "grid.png");
  const Image grid = read_image_file(folder / "grid.png");
  ASSERT_EQ(grid.width, 5);
  ASSERT_EQ(grid.height, 5);
  const auto pixel = [&](std::size_t y, std::size_t x) {
    const auto* p = grid.pixels.data() + 3 * (y * 5 + x);
    return std::vector<int>{p[0], p[1], p[2]};
  };
  EXPECT_THAT(pixel(0, 0), ElementsAre(10, 10, 99));
  EXPECT_THAT(pixel(1, 1), ElementsAre(10, 10, 99));
  EXPECT_THAT(pixel(0, 2), ElementsAre(255, 255, 255));
  EXPECT_THAT(pixel(0, 3), ElementsAre(20, 20, 20));
  EXPECT_THAT(pixel(2, 0), ElementsAre(255, 255, 255));
  EXPECT_THAT(pixel(3, 0), ElementsAre(30, 30, 30));
  EXPECT_THAT(pixel(4, 4), ElementsAre(255, 255, 255));  // a place without an image
}

TEST(LoadImages, HoldsTheSplitsPixelsAndLabelsInOrder) {
  DatasetSpec spec;
  spec.name = "shapes";
  spec.size = 16;
  spec.count = 60;
  const auto dataset = open_dataset(spec);
  const auto chosen = indices(*dataset, Split::validation);
  const LabelledImages set = load_images(*dataset, Split::validation);
  ASSERT_EQ(set.images.size(0), static_cast<std::int64_t>(chosen.size()));
  ASSERT_THAT(chosen, ::testing::Not(IsEmpty()));
  const auto last = chosen.size() - 1;
  const Item& item = dataset->items()[static_cast<std::size_t>(chosen[last])];
  EXPECT_EQ(set.groups[last], item.group);
  EXPECT_EQ(set.subgroups[last], item.subgroup);
  EXPECT_EQ(set.captions[last], item.name);
  const Image image = dataset->sample(chosen[last]).image;
  const at::Tensor stored = set.images.select(0, static_cast<std::int64_t>(last));
  for (std::int64_t c = 0; c < 3; ++c)
    EXPECT_NEAR(stored.select(0, c).select(0, 5).select(0, 9).item<double>(),
                image.pixels[static_cast<std::size_t>(3 * (5 * 16 + 9) + c)] / 127.5 - 1, 1e-6);
}

}  // namespace
}  // namespace assay
