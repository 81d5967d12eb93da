#include "reproductions/published/tier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config.h"
#include "core/error.h"
#include "tests/reproductions/memory_run.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A paper whose rows are weights of their own, without a network that the program knows.
struct Row {
  std::string name, arm, reference = "set";
  double gamma = 0;
};

struct PaperConfig {
  PublishedConfig published;
  std::vector<Row> rows;
};

nlohmann::json rows_of_a_test() {
  return {{"references", {{"set", {{"file", "set.npz"}, {"official", "set.npz"}, {"from", "somebody"}}}}},
          {"published", {{"first", {{"gamma", 1.0}}}, {"second", {{"gamma", 2.0}}}}},
          {"protocols", {"fid-tf1"}},
          {"unknown", {"of the paper"}}};
}

PaperConfig read_paper_config(const nlohmann::json& object) {
  ConfigReader reader(object, "");
  PaperConfig c;
  c.published = read_published_config(reader);
  c.published.images = 4;
  reader.finish();
  for (const std::string& name : c.published.rows)
    c.rows.push_back({name, "arm of " + name, "set", object.at("published").at(name).at("gamma").get<double>()});
  return c;
}

class Paper : public PublishedMethod<PaperConfig> {
 public:
  explicit Paper(const nlohmann::json& config)
      : PublishedMethod("row(s) of a test", rows_of_a_test(), config, read_paper_config(config)) {}

  mutable int begun = 0;

 private:
  std::vector<NeededFile> files(const Row& row) const override {
    NeededFile weights;
    weights.what = "weights of " + row.name;
    weights.path = config_.published.folder / (row.name + ".safetensors");
    weights.official = row.name + ".pt";
    return {weights, config_.published.references.at(row.reference), config_.published.inception};
  }
  std::set<std::string> networks(const Row& /*row*/) const override { return {}; }
  std::vector<std::string> also_free(const Row& row) const override {
    return row.name == "first" ? std::vector<std::string>{"/published/first/gamma"} : std::vector<std::string>{};
  }
  PlannedRow planned(const Row& row, at::Device /*device*/) const override {
    PlannedRow out;
    out.settings = {{"gamma", row.gamma}};
    out.flops = 10;
    out.unknown = {"of " + row.name};
    return out;
  }
  AddDrawing begin(Run& /*run*/) const override {
    ++begun;
    return [](const Row& /*row*/, const PlannedRow& /*planned*/, PublishedTask& /*task*/) {};
  }
};

nlohmann::json config_in(const TemporaryFolder& folder) {
  nlohmann::json config = rows_of_a_test();
  config["files"] = {{"folder", folder.path().string()}};
  return config;
}

TEST(PublishedMethod, AsksForTheFilesOfItsRowsEachOnce) {
  const TemporaryFolder folder;
  folder.file("second.safetensors", "");
  EXPECT_THAT(Paper(config_in(folder)).needs(),
              ElementsAre(HasSubstr("first.safetensors"), HasSubstr("set.npz"), HasSubstr("inception.safetensors")));
  nlohmann::json second = config_in(folder);
  second["row"] = "second";
  EXPECT_THAT(Paper(second).needs(), ElementsAre(HasSubstr("set.npz"), HasSubstr("inception.safetensors")));
  EXPECT_THAT(Paper(second).describe(), ElementsAre(AllOf(HasSubstr("1 row(s) of a test"), HasSubstr("4 images"))));
}

TEST(PublishedMethod, PlansRowsWithWhatAllPapersSay) {
  const TemporaryFolder folder;
  nlohmann::json config = config_in(folder);
  config["published"]["first"]["gamma"] = 7.0;
  config["published"]["second"]["gamma"] = 8.0;
  const std::optional<PublishedPlan> plan = Paper(config).published_plan(at::kCPU);
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->rows.size(), 2U);
  const PlannedRow &first = plan->rows[0], &second = plan->rows[1];
  EXPECT_EQ(first.name, "first");
  EXPECT_EQ(first.images, 4);
  EXPECT_EQ(first.flops, 10);
  EXPECT_EQ(first.files.size(), 3U);
  EXPECT_EQ(first.settings, nlohmann::json({{"gamma", 7.0},
                                            {"arm", "arm of first"},
                                            {"samples", 4},
                                            {"batch", 50},
                                            {"shard", 500},
                                            {"protocols", {"fid-tf1"}}}));
  EXPECT_THAT(first.unknown, ElementsAre("of the paper", "of first"));
  EXPECT_THAT(first.departures, IsEmpty());
  EXPECT_THAT(second.departures, ElementsAre("/published/second/gamma"));
  EXPECT_GT(plan->speed.flops_per_second, 0);
}

TEST(PublishedMethod, LooksAtItsFilesBeforeAnythingIsDrawn) {
  const TemporaryFolder folder;
  const Paper paper(config_in(folder));
  const nlohmann::json config = {{"dataset", {{"name", "shapes"}, {"size", 8}}}};
  test::MemoryRun run(config);
  EXPECT_THAT(test::message_of<InputError>([&] { paper.run(run); }), HasSubstr("inception.safetensors"));
  EXPECT_EQ(paper.begun, 0);
  EXPECT_THAT(run.stages, IsEmpty());
}

}  // namespace
}  // namespace assay
