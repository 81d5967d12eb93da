#include "reproductions/diffusion_seg/photographs.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "images/image_file.h"
#include "images/png.h"
#include "reproductions/diffusion_seg/algorithm/pair_files.h"
#include "tests/reproductions/memory_run.h"
#include "tests/support/throws.h"

namespace assay::diffusion_seg {
namespace {

using test::message_of;
using ::testing::Contains;
using ::testing::HasSubstr;

/// A white rectangle [x0, x1) x [y0, y1) on black.
Image rectangle(int width, int height, int channels, const Box& box) {
  Image image(width, height, channels);
  for (int y = box.y0; y < box.y1; ++y)
    for (int x = box.x0; x < box.x1; ++x)
      for (int c = 0; c < channels; ++c) image.at(x, y)[c] = 255;
  return image;
}

/// Sets of photographs, of several sizes, of one white rectangle each, which is the object.
class Photographs : public ::testing::Test {
 protected:
  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((folder_ / file).parent_path());
    write_file_atomically(folder_ / file, text);
  }
  /// DUTS-TE of these, with `empty` masks beside them.
  PhotographSet saliency(int count, int empty = 0) const {
    for (int i = 0; i < count + empty; ++i) {
      const Box box = {4, 2, 12 + i, 10};
      write("DUTS-TE/DUTS-TE-Image/" + std::to_string(i) + ".png", encode_png(rectangle(20 + i, 16, 3, box)));
      write("DUTS-TE/DUTS-TE-Mask/" + std::to_string(i) + ".png",
            encode_png(i < count ? rectangle(20 + i, 16, 1, box) : Image(20 + i, 16, 1)));
    }
    return read_photograph_set({{"kind", "saliency"}, {"id", "duts-te"}, {"folder", folder_.path().string()}}, "duts");
  }
  /// VOC of one photograph of 20 x 16 pixels, whose first box is the rectangle.
  PhotographSet voc() const {
    write("VOC/JPEGImages/a.jpg", encode_png(rectangle(20, 16, 3, {4, 2, 12, 10})));
    write("VOC/ImageSets/Main/trainval.txt", "a\n");
    const std::string name = "<name>dog</name>";
    write("VOC/Annotations/a.xml",
          "<annotation><size><width>20</width><height>16</height><depth>3</depth></size>"
          "<object>" +
              name +
              "<bndbox><xmin>5</xmin><ymin>3</ymin><xmax>12</xmax><ymax>10</ymax></bndbox></object>"
              "<object>" +
              name +
              "<bndbox><xmin>18</xmin><ymin>14</ymin><xmax>20</xmax><ymax>16</ymax></bndbox></object>"
              "</annotation>");
    return read_photograph_set({{"kind", "voc"}, {"folder", (folder_ / "VOC").string()}}, "voc07");
  }

  test::TemporaryFolder folder_;
  test::MemoryRun run_{{{"dataset", {{"name", "shapes"}, {"count", 2}}}}};
};

/// What is white in the photograph, which is the truth.
at::Tensor exact(const Image& photograph, std::int64_t height, std::int64_t width) {
  EXPECT_EQ(photograph.height, height);
  EXPECT_EQ(photograph.width, width);
  return planes_of(photograph)[0].contiguous();
}

at::Tensor everything(const Image& /*photograph*/, std::int64_t height, std::int64_t width) {
  return at::full({height, width}, 255, at::kByte);
}

TEST_F(Photographs, ScoreMapsAtTheSizeOfTheTruth) {
  const PhotographSet set = saliency(5);
  const PhotographScoring how{.most = 0, .shard = 2, .resampling = {20, 0}};
  const nlohmann::json of_exact = score_photographs(run_, set, {"exact"}, exact, how);
  EXPECT_EQ(of_exact.at("iou").get<std::vector<double>>(), std::vector<double>(5, 1.0));
  EXPECT_EQ(run_.score("score:duts:exact", "exact", "accuracy").value, 1.0);
  EXPECT_EQ(run_.score("score:duts:exact", "exact", "iou").params, (nlohmann::json{{"set", "duts"}}));
  // Kills cost two maps at most.
  for (const char* stage : {"maps:duts:exact:000000", "maps:duts:exact:000002", "maps:duts:exact:000004"})
    EXPECT_TRUE(run_.stages.contains(stage)) << stage;
  EXPECT_EQ(read_image_file(run_.artifact_folder() / "maps/duts/exact/3.png").width, 23);
  // Of a whole photograph the object is as large as its share of it.
  const nlohmann::json of_all = score_photographs(run_, set, {"all"}, everything, how);
  for (int i = 0; i < 5; ++i)
    EXPECT_DOUBLE_EQ(of_all.at("iou")[static_cast<std::size_t>(i)].get<double>(), 8.0 * (8 + i) / (16.0 * (20 + i)));
}

TEST_F(Photographs, AreTheFirstOnesAndThoseWithAnObject) {
  const PhotographSet set = saliency(3, 1);
  EXPECT_EQ(
      score_photographs(run_, set, {"exact"}, exact, {.most = 2, .shard = 9, .resampling = {20, 0}}).at("iou").size(),
      2U);
  EXPECT_THAT(run_.stages.at("score:duts:exact").notes, Contains("duts: the first 2 of 4 photographs"));
  EXPECT_EQ(score_photographs(run_, set, {"all"}, everything, {.most = 0, .shard = 9, .resampling = {20, 0}})
                .at("iou")
                .size(),
            3U);
  EXPECT_THAT(run_.stages.at("score:duts:all").notes,
              Contains("duts: 1 of 4 photographs are left out: nothing to be found"));
}

TEST_F(Photographs, HoldABoxAgainstAnyTrueOne) {
  const PhotographSet set = voc();
  const PhotographScoring how{.most = 0, .shard = 9, .resampling = {20, 0}};
  EXPECT_EQ(score_photographs(run_, set, {"exact"}, exact, how).at("corloc"), nlohmann::json({1.0}));
  EXPECT_EQ(score_photographs(run_, set, {"all"}, everything, how).at("corloc"), nlohmann::json({0.0}));
  const auto corner = [](const Image& /*photograph*/, std::int64_t height, std::int64_t width) {
    at::Tensor map = at::full({height, width}, 0, at::kByte);
    map.narrow(0, 13, 3).narrow(1, 17, 3).fill_(200);
    return map;
  };
  EXPECT_EQ(score_photographs(run_, set, {"corner"}, corner, how).at("corloc"), nlohmann::json({1.0}));
}

TEST_F(Photographs, ScoreAnAlteredArmUnderANameThatSaysSo) {
  score_photographs(run_, saliency(2), {.name = "exact", .altered = true}, exact,
                    {.most = 0, .shard = 9, .resampling = {20, 0}});
  EXPECT_EQ(run_.score("score:duts:exact", "exact (altered)", "iou").value, 1.0);
  EXPECT_TRUE(std::filesystem::exists(run_.artifact_folder() / "maps/duts/exact/1.png"));
}

TEST_F(Photographs, OfASetWithoutObjectsAreRefused) {
  const PhotographSet set = saliency(0, 2);
  EXPECT_THAT(message_of<InputError>([&] {
                score_photographs(run_, set, {"all"}, everything, {.most = 0, .shard = 9, .resampling = {20, 0}});
              }),
              HasSubstr("none of 2 photographs has an object to be found"));
}

TEST(PhotographSet, IsRefusedWhereItIsNone) {
  const auto fault = [](const nlohmann::json& object) {
    return message_of<InputError>([&] { read_photograph_set(object, "x"); });
  };
  EXPECT_THAT(fault({{"kind", "saliency"}, {"id", "duts"}, {"folder", "a"}}), HasSubstr("duts-te"));
  EXPECT_THAT(fault({{"kind", "video"}, {"folder", "a"}}), HasSubstr("known: saliency, voc, coco20k"));
  EXPECT_THAT(fault({{"kind", "voc"}}), HasSubstr("sets.x.folder: missing"));
  EXPECT_THAT(fault({{"kind", "voc"}, {"id", "ecssd"}, {"folder", "a"}}), HasSubstr("sets.x.id: 'ecssd'"));
}

TEST(Squared, KeepsColoursAndGrey) {
  const at::Tensor grey = squared(Image(9, 5, 1, 77), 16), red = squared(rectangle(4, 4, 3, {0, 0, 4, 4}), 8);
  EXPECT_EQ(grey.sizes(), (std::vector<std::int64_t>{1, 3, 16, 16}));
  EXPECT_TRUE((grey == 77).all().item<bool>());
  EXPECT_TRUE((red == 255).all().item<bool>());
}

}  // namespace
}  // namespace assay::diffusion_seg
