#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "datasets/dataset.h"
#include "images/png.h"
#include "metrics/features/conv_encoder.h"
#include "metrics/masks/corloc.h"
#include "reproductions/samples/image_tensors.h"
#include "reproductions/self_guided/algorithm/boxes.h"
#include "reproductions/self_guided/algorithm/layout.h"
#include "reproductions/self_guided/algorithm/local_features.h"
#include "reproductions/self_guided/algorithm/segmentation.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::self_guided {
namespace {

using test::indices;
using test::message_of;
using test::normal;
using test::TemporaryFolder;
using test::values;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(BoxLayout, IsOneFromTheLowerEndsUpToTheUpper) {
  const at::Tensor layout = box_layout({{1, 0, 3, 2}, {0, 2, 4, 3}}, 3, 4);
  const at::Tensor want = values({0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0,  //
                                  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1},
                                 {2, 1, 3, 4});
  EXPECT_TRUE(at::equal(layout, want)) << layout;
}

TEST(BoxLayout, RefusesBoxesThatLeaveTheImageOrAreEmpty) {
  for (const PixelBox& box : {PixelBox{0, 0, 5, 2}, {0, 0, 2, 4}, {-1, 0, 2, 2}, {2, 0, 2, 2}})
    EXPECT_THAT(message_of<InputError>([&] { box_layout({{0, 0, 1, 1}, box}, 3, 4); }), HasSubstr("box 1"));
}

TEST(CropNearest, ShowsThePixelUnderEachCentre) {
  const at::Tensor map = at::arange(16, at::kFloat).view({1, 4, 4});
  EXPECT_TRUE(at::equal(crop_nearest(map, {0, 0, 4, 4}, 4, 4), map));
  EXPECT_TRUE(at::equal(crop_nearest(map, {0, 0, 4, 4}, 2, 2), values({5, 7, 13, 15}, {1, 2, 2})));
  EXPECT_TRUE(at::equal(crop_nearest(map, {1, 2, 3, 4}, 2, 4), values({9, 9, 10, 10, 13, 13, 14, 14}, {1, 2, 4})));
  EXPECT_TRUE(at::equal(crop_nearest(map, {0.6, 0, 3.6, 4}, 1, 1), values({10}, {1, 1, 1})));
}

// python: PIL.Image.fromarray(numpy.arange(7, dtype='uint8')[None]).resize((3, 1), PIL.Image.NEAREST) -> 1 3 5,
// .resize((10, 1), ...) -> 0 1 1 2 3 3 4 5 5 6
TEST(CropNearest, ResizesAsPillowDoes) {
  const at::Tensor map = at::arange(7, at::kFloat).view({1, 1, 7});
  EXPECT_TRUE(at::equal(crop_nearest(map, {0, 0, 7, 1}, 1, 3), values({1, 3, 5}, {1, 1, 3})));
  EXPECT_TRUE(at::equal(crop_nearest(map, {0, 0, 7, 1}, 1, 10), values({0, 1, 1, 2, 3, 3, 4, 5, 5, 6}, {1, 1, 10})));
}

TEST(CropNearest, CanLoseABoxAltogether) {
  const at::Tensor layout = box_layout({{0, 0, 2, 2}}, 8, 8);
  EXPECT_EQ(crop_nearest(layout, {3, 3, 8, 8}, 4, 4).sum().item<float>(), 0.0f);
}

TEST(CropNearest, RefusesCropsThatLeaveTheMap) {
  const at::Tensor map = at::zeros({1, 4, 4});
  for (const Crop& crop : {Crop{0, 0, 4.5, 4}, {-0.5, 0, 4, 4}, {2, 0, 2, 4}, {0, 3, 4, 2}})
    EXPECT_THAT(message_of<InputError>([&] { crop_nearest(map, crop, 2, 2); }), HasSubstr("a part of the map"));
}

TEST(MaskLayouts, AreOneHotAndSayWhichClustersOccur) {
  const MaskLayouts made = mask_layouts(indices({0, 2, 2, 2, 1, 1, 1, 1}).view({2, 2, 2}), 4);
  EXPECT_THAT(made.layout.sizes(), ElementsAre(2, 4, 2, 2));
  EXPECT_TRUE(at::equal(made.layout.sum(1), at::full({2, 2, 2}, 1.0f)));
  EXPECT_TRUE(at::equal(made.layout[0][2], values({0, 1, 1, 1}, {2, 2})));
  EXPECT_TRUE(at::equal(made.occurs, values({1, 0, 1, 0, 0, 1, 0, 0}, {2, 4})));
}

TEST(MaskLayouts, RefuseIdsThatAreNoCluster) {
  EXPECT_THAT(message_of<InputError>([] {
                mask_layouts(indices({0, 4}).view({1, 1, 2}), 4);
              }),
              AllOf(HasSubstr("0 to 4"), HasSubstr("accepted: 0 to 3 of 4 clusters")));
}

class ClusterMaps : public ::testing::Test {
 protected:
  void write(const std::string& stem, const Image& map) { write_png(folder / (stem + ".png"), map); }
  std::string refused() {
    return message_of<InputError>([&] { read_cluster_maps(folder.path(), images, 21); });
  }

  TemporaryFolder folder;
  std::vector<NamedSize> images = {{"b", 2, 3}, {"a", 1, 2}};
};

TEST_F(ClusterMaps, AreMatchedByStemAndKeepTheirIds) {
  Image a(2, 1, 1, 20), b(3, 2, 1, 0);
  *b.at(2, 1) = 7;
  write("a", a);
  write("b", b);
  write("another", Image(9, 9, 1, 255));
  const auto maps = read_cluster_maps(folder.path(), images, 21);
  ASSERT_EQ(maps.size(), 2u);
  EXPECT_TRUE(at::equal(maps[0], indices({0, 0, 0, 0, 0, 7}).view({2, 3})));
  EXPECT_TRUE(at::equal(maps[1], indices({20, 20}).view({1, 2})));
}

TEST_F(ClusterMaps, AreRefusedWhereOneIsMissingWithTheCountAndTheFirst) {
  EXPECT_THAT(refused(), AllOf(HasSubstr("2 of 2"), HasSubstr("missing"), HasSubstr("first: b.png"),
                               HasSubstr("accepted: STEM.png")));
  write("b", Image(3, 2, 1, 0));
  EXPECT_THAT(refused(), AllOf(HasSubstr("1 of 2"), HasSubstr("first: a.png")));
}

TEST_F(ClusterMaps, AreRefusedWithAnotherSizeOrOtherIds) {
  write("a", Image(2, 1, 1, 0));
  write("b", Image(2, 3, 1, 0));
  EXPECT_THAT(refused(), AllOf(HasSubstr("another size"), HasSubstr("b.png is 3 x 2, its image 2 x 3")));
  write("b", Image(3, 2, 1, 21));
  EXPECT_THAT(refused(), AllOf(HasSubstr("1 of 2"), HasSubstr("b.png holds 21"), HasSubstr("raw ids 0 to 20")));
  write("b", Image(3, 2, 3, 0));
  EXPECT_THAT(refused(), HasSubstr("b.png"));
  EXPECT_THAT(message_of<InputError>([&] { read_cluster_maps(folder / "none", images, 21); }),
              HasSubstr("no such folder"));
  EXPECT_THAT(message_of<InputError>([&] { read_cluster_maps(folder.path(), images, 257); }), HasSubstr("1 to 256"));
}

/// Dark images with a bright square of 8 x 8 pixels.
at::Tensor squares(const std::vector<PixelBox>& boxes) {
  return 1.6 * box_layout(boxes, 16, 16).expand({static_cast<std::int64_t>(boxes.size()), 3, 16, 16}) - 0.8;
}

const std::vector<PixelBox> places = {{0, 0, 8, 8}, {6, 2, 14, 10}, {8, 8, 16, 16}, {3, 7, 11, 15}};

/// The colours of each pixel less the mean of its image.
LocalFeatures centred_pixels(const at::Tensor& images) {
  const at::Tensor colours = images.flatten(2).transpose(1, 2);
  return {(colours - colours.mean(1, true)).contiguous(), images.size(2), images.size(3), 1};
}

TEST(FindBoxes, FindsASquareFromCentredPixels) {
  EXPECT_EQ(find_boxes(centred_pixels(squares(places)), 0.1).boxes, places);
}

// S-9 on made images: a box that knows nothing of the image, of whatever size suits the set best, is found less often.
TEST(FindBoxes, OfPixelsLocaliseShapesMoreOftenThanTheBestCentredBox) {
  DatasetSpec spec;
  spec.name = "shapes";
  spec.count = 300;
  const auto shapes = open_dataset(spec);
  std::vector<BoxCorners> truth;
  for (const std::int64_t i : indices(*shapes, Split::train)) {
    const Box box = shapes->sample(i).box;
    truth.push_back({1.0 * box.x0, 1.0 * box.y0, 1.0 * box.x1, 1.0 * box.y1});
  }
  const auto n = static_cast<std::int64_t>(truth.size());
  const auto hits = [&](auto&& box) {
    std::int64_t count = 0;
    for (std::size_t i = 0; i < truth.size(); ++i) count += correctly_localised(box(i), std::span(&truth[i], 1));
    return count;
  };
  std::int64_t centred = 0;
  for (double margin = 0; margin < 8; margin += 0.5)
    centred = std::max(centred, hits([&](std::size_t) {
                         return BoxCorners{margin, margin, 16 - margin, 16 - margin};
                       }));
  const BoxLayouts found = find_boxes(centred_pixels(load_images(*shapes, Split::train).images), 0.1);
  const std::int64_t ours = hits([&](std::size_t i) {
    const PixelBox& box = found.boxes[i];
    return BoxCorners{1.0 * box[0], 1.0 * box[1], 1.0 * box[2], 1.0 * box[3]};
  });
  EXPECT_GT(corloc_interval(ours, n).low, corloc_interval(centred, n).high)
      << ours << " and " << centred << " of " << n;
}

TEST(FindBoxes, PutsTheBoxAroundTheComponent) {
  const BoxLayouts found =
      find_boxes(encoder_features(ConvEncoder({8, 8, 8, 1}, 3), normal({6, 3, 16, 16}, 1), 3), 0.2);
  EXPECT_THAT(found.layout.sizes(), ElementsAre(6, 1, 16, 16));
  EXPECT_THAT(found.components.sizes(), ElementsAre(6, 1, 16, 16));
  EXPECT_TRUE((found.components <= found.layout).all().item<bool>());
  for (std::int64_t i = 0; i < 6; ++i) {
    const auto& box = found.boxes[static_cast<std::size_t>(i)];
    for (const std::int64_t side : box) EXPECT_EQ(side % 2, 0);
    const at::Tensor inside = found.components[i][0];
    EXPECT_GT(inside.narrow(0, box[1], 2).sum().item<float>(), 0);
    EXPECT_GT(inside.narrow(0, box[3] - 2, 2).sum().item<float>(), 0);
    EXPECT_GT(inside.narrow(1, box[0], 2).sum().item<float>(), 0);
    EXPECT_GT(inside.narrow(1, box[2] - 2, 2).sum().item<float>(), 0);
  }
}

TEST(FindBoxes, RefusesAShareThatIsNone) {
  for (const double share : {0.0, 1.5})
    EXPECT_THAT(message_of<InputError>([&] { find_boxes(centred_pixels(squares(places)), share); }),
                HasSubstr("candidate share"));
}

TEST(LocalFeatures, HaveTheEncodersGrids) {
  const ConvEncoder encoder({8, 8, 8, 1}, 3);
  struct Row {
    std::int64_t convolutions, side, channels;
  };
  for (const Row& row : {Row{1, 16, 8}, {2, 8, 16}, {3, 8, 16}, {4, 4, 32}, {5, 4, 32}}) {
    const LocalFeatures f = encoder_features(encoder, squares(places), row.convolutions);
    EXPECT_THAT(f.values.sizes(), ElementsAre(4, row.side * row.side, row.channels));
    EXPECT_EQ(f.patch, 16 / row.side);
  }
  EXPECT_THAT(message_of<InputError>([&] { encoder_features(encoder, squares(places), 6); }), HasSubstr("1 to 5"));
  EXPECT_THAT(message_of<InputError>([&] {
                encoder_features(encoder, at::zeros({1, 3, 18, 18}), 5);
              }),
              HasSubstr("does not divide"));
}

TEST(LocalFeatures, AreCentredOverEachImageAndOfUnitLength) {
  const ConvEncoder encoder({8, 8, 8, 1}, 3);
  const at::Tensor images = normal({5, 3, 16, 16}, 2);
  const at::Tensor plain = encoder.local(images, 3).flatten(2).transpose(1, 2);
  const at::Tensor found = encoder_features(encoder, images, 3).values;
  EXPECT_LT((found.norm(2, at::IntArrayRef({2})) - 1).abs().max().item<float>(), 1e-5f);
  const at::Tensor centred = plain - plain.mean(1, true);
  EXPECT_TRUE(found.allclose(centred / centred.norm(2, at::IntArrayRef({2}), true), 1e-4, 1e-5));
}

TEST(SegmentByKMeans, SeparatesTheSquareFromItsGround) {
  KMeansConfig kmeans;
  kmeans.clusters = 2;
  kmeans.normalise = false;
  const KMeansSegmentation made = segment_by_kmeans(centred_pixels(squares(places)), kmeans);
  const at::Tensor truth = box_layout(places, 16, 16).squeeze(1).to(at::kLong);
  const std::int64_t inside = made.ids[0][0][0].item<std::int64_t>();
  EXPECT_TRUE(at::equal(made.ids == inside, truth == 1));
}

TEST(SegmentByKMeans, RepeatsForASeed) {
  const LocalFeatures features = encoder_features(ConvEncoder({8, 8, 8, 1}, 3), normal({80, 3, 16, 16}, 4), 3);
  KMeansConfig kmeans;
  kmeans.clusters = 6;
  kmeans.seed = 9;
  const at::Tensor ids = segment_by_kmeans(features, kmeans).ids;
  EXPECT_THAT(ids.sizes(), ElementsAre(80, 16, 16));
  EXPECT_TRUE(at::equal(ids, segment_by_kmeans(features, kmeans).ids));
  kmeans.seed = 10;
  EXPECT_FALSE(at::equal(ids, segment_by_kmeans(features, kmeans).ids));
}

}  // namespace
}  // namespace assay::self_guided
