#include "core/config.h"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/safetensors.h"
#include "reproductions/claims/paper_tables.h"
#include "reproductions/ed_dpm/paper.h"
#include "reproductions/method_entry.h"
#include "reproductions/self_guided/paper_conditions.h"
#include "reproductions/tiers.h"
#include "tests/support/npy.h"
#include "tests/support/npz_batch.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

nlohmann::json preset(const std::string& method) { return method_preset(method, Tier::paper); }

TEST(PublishedRows, EachIsFoundByItsCellsOfThePaperTable) {
  const nlohmann::json config = preset("ed_dpm");
  std::map<std::string, std::string> row_of;
  for (const auto& [name, row] : config.at("published").items()) row_of[name] = name;
  for (const auto& [size, row] :
       {std::pair("64x64", "ADM-G 64"), {"128x128", "ADM-G 128"}, {"256x256", "CADM-G"}, {"512x512", "ADM-G 512"}})
    row_of[std::string("ImageNet ") + size] = row;
  int cells = 0;
  for (const PublishedCell& cell : method_entry("ed_dpm").published_cells(config)) {
    if (cell.table == "ImageNet 128x128") continue;  // its steps are unknown
    ASSERT_TRUE(row_of.contains(cell.row)) << cell.row;
    const nlohmann::json& row = config.at("published").at(row_of.at(cell.row));
    const auto& ours =
        *std::find_if(cell.ours.begin(), cell.ours.end(), [](const auto& o) { return o.at("stand_in") == false; });
    EXPECT_EQ(ours.at("arm"), row.at("arm")) << cell.row;
    EXPECT_EQ(ours.at("params"), (nlohmann::json{{"gamma", row.at("gamma")}, {"steps", row.at("respacing")}}))
        << cell.row;
    EXPECT_THAT(config.at("protocols"), ::testing::Contains(ours.at("protocol"))) << cell.row;
    ++cells;
  }
  EXPECT_EQ(cells, 12 * 5 + 4 * 3);
}

TEST(PublishedRows, PlansHaveThePublishedParametersAndEveryFile) {
  nlohmann::json config = preset("ed_dpm");
  set_key(config, R"(rows=["UADM(25)-G+EDS+ECT","CADM-G"])");
  const auto method = ed_dpm::paper::make_method(config);
  const nlohmann::json plan = to_json(*method->published_plan(at::kCPU));
  const auto& rows = plan.at("rows");
  ASSERT_EQ(rows.size(), 2U);
  // papers/guidance.md 3.1: counted from the official constructors.
  EXPECT_EQ(rows[0].at("networks")[0].at("parameters"), 552814086);
  EXPECT_EQ(rows[1].at("networks")[0].at("parameters"), 553838086);
  EXPECT_EQ(rows[0].at("networks")[1].at("parameters"), 54096360);
  // 250 steps cost ten times 25, and the embedding of a class next to nothing.
  EXPECT_NEAR(rows[1].at("flops_per_image").get<double>() / rows[0].at("flops_per_image").get<double>(), 10, 1e-3);
  EXPECT_EQ(rows[0].at("settings").at("gamma"), 6);
  EXPECT_EQ(rows[0].at("settings").at("entropy_scaling"), true);
  EXPECT_EQ(rows[0].at("settings").at("noise_schedule"), "linear");
  EXPECT_EQ(rows[1].at("settings").at("steps"), 250);
  EXPECT_EQ(rows[0].at("settings").at("class_conditional"), false);
  EXPECT_EQ(rows[1].at("settings").at("class_conditional"), true);
  EXPECT_EQ(rows[1].at("settings").at("image_size"), 256);
  EXPECT_GT(rows[0].at("hours").get<double>(), 0);
  EXPECT_GT(rows[0].at("memory_bytes").get<double>(), 2.2e9 / 2);
  EXPECT_THAT(rows[0].at("departures"), IsEmpty());
  // Two checkpoints of each row, the reference and Inception; hashes of all but Inception are unknown.
  ASSERT_EQ(plan.at("files").size(), 6U);
  for (const auto& file : plan.at("files"))
    EXPECT_EQ(file.at("sha256").is_null(), file.at("what") != "FID's Inception") << file;
  EXPECT_EQ(method->needs().size(), 6U);
}

TEST(PublishedRows, DeparturesAreNamedAndFreeChoicesAreNot) {
  const auto plan_of = [](const std::vector<std::string>& settings) {
    nlohmann::json config = preset("ed_dpm");
    for (const std::string& setting : settings) set_key(config, setting);
    return ed_dpm::paper::make_method(config)->published_plan(at::kCPU)->rows.at(0).departures;
  };
  EXPECT_THAT(plan_of({"row=CADM-G", "files.folder=/x", "sampling.samples=5", "networks.cond.file=y.safetensors",
                       "networks.uncond.override={\"use_fp16\":false}", "published.UADM-G.gamma=3"}),
              IsEmpty());
  EXPECT_THAT(plan_of({"row=CADM-G", "networks.cond.override={\"use_fp16\":false}", "published.CADM-G.gamma=3",
                       "sampling.clip=false"}),
              ElementsAre("/networks/cond/override", "/published/CADM-G/gamma", "/sampling/clip"));
}

/// A file of conditions with one box: x 0 to 40 of 80, y 0 to 30 of 60.
std::filesystem::path box_file(const TemporaryFolder& folder, std::int64_t id, std::int64_t right) {
  SafetensorsWriter writer;
  const std::vector<std::int64_t> ids = {id}, boxes = {0, 0, right, 30}, sizes = {60, 80};
  writer.add("ids", {1}, std::span<const std::int64_t>(ids));
  writer.add("boxes", {1, 4}, std::span<const std::int64_t>(boxes));
  writer.add("sizes", {1, 2}, std::span<const std::int64_t>(sizes));
  writer.write(folder / "boxes.safetensors");
  return folder / "boxes.safetensors";
}

self_guided::paper::ConditionSource boxes_in(const std::filesystem::path& file) {
  self_guided::paper::ConditionSource source;
  source.kind = self_guided::paper::ConditionSource::Kind::boxes;
  source.file.path = file;
  return source;
}

TEST(PaperConditions, ABoxIsShownUnderTheLoadersCropWithItsCluster) {
  const TemporaryFolder folder;
  const self_guided::paper::PaperConditions conditions(boxes_in(box_file(folder, 2, 40)), 4, 1, 16);
  const Condition all = conditions.draw(5, 0, 64);
  EXPECT_EQ(all.vector.sizes(), (std::vector<std::int64_t>{64, 4}));
  EXPECT_TRUE(all.vector.select(1, 2).eq(1).all().item<bool>());
  EXPECT_EQ(all.vector.sum().item<double>(), 64);
  ASSERT_EQ(all.layout.sizes(), (std::vector<std::int64_t>{64, 1, 16, 16}));
  // The window is 1 / U(1.05, 1.25) of the 60 rows high, so the upper 30 rows fill 30 / 57.1 of it to all that lies
  // above row 30 when it starts at row 12: between 0.375 and 0.625 of its rows.
  const at::Tensor rows = all.layout.amax({1, 3}).sum(1);
  EXPECT_GE(rows.min().item<double>(), 5);
  EXPECT_LE(rows.max().item<double>(), 10);
  EXPECT_GT((rows.max() - rows.min()).item<double>(), 0) << "every sample has the same crop";
  // Sample 40 is the same whatever was drawn before it.
  EXPECT_TRUE(conditions.draw(5, 40, 1).layout.equal(all.layout.narrow(0, 40, 1)));
}

TEST(PaperConditions, AreTheSameInNumPysFilesAndOtherIntegerTypes) {
  const TemporaryFolder folder;
  test::write_npz(folder / "boxes.npz", {{"ids", "<i4", {1, 1}, test::bytes_of(std::int32_t{2})},
                                         {"boxes", "|u1", {1, 4}, std::string("\0\0\x28\x1e", 4)},
                                         {"sizes", ">i2", {1, 2}, std::string("\0\x3c\0\x50", 4)}});
  const self_guided::paper::PaperConditions plain(boxes_in(box_file(folder, 2, 40)), 4, 1, 16),
      other(boxes_in(folder / "boxes.npz"), 4, 1, 16);
  EXPECT_TRUE(plain.draw(5, 0, 8).layout.equal(other.draw(5, 0, 8).layout));
  EXPECT_TRUE(plain.draw(5, 0, 8).vector.equal(other.draw(5, 0, 8).vector));
}

TEST(PaperConditions, IdsAndBoxesOutOfRangeAreRefused) {
  const TemporaryFolder folder;
  const auto refused = [&](std::int64_t id, std::int64_t right) {
    return message_of<InputError>(
        [&] { self_guided::paper::PaperConditions(boxes_in(box_file(folder, id, right)), 4, 1, 16); });
  };
  EXPECT_THAT(refused(4, 40), AllOf(HasSubstr("id 4 of image 0"), HasSubstr("0 to 3")));
  EXPECT_THAT(refused(1, 81), HasSubstr("leaves its 60 x 80 pixels"));
}

}  // namespace
}  // namespace assay
