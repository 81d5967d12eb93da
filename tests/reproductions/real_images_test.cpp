#include "reproductions/real_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reproductions/memory_run.h"

namespace assay {
namespace {

using ::testing::SizeIs;

TEST(RealImages, AreScoredFirstAndThenAsTheMethodAdds) {
  test::MemoryRun run(nlohmann::json{{"dataset", {{"name", "shapes"}, {"size", 8}, {"count", 60}}}});
  const LabelledImages train = load_images(run.dataset(), Split::train),
                       held_out = load_images(run.dataset(), Split::validation);
  SmallFeaturesOptions options;
  options.steps = 2;
  options.features = 4;
  const FdSmall fd(run, train, options, 20);
  record_real_images(run, fd, held_out.images, [&](const at::Tensor& features, StageOutput& out) {
    EXPECT_EQ(features.size(0), held_out.images.size(0));
    out.scores.push_back({.name = "added", .value = 1.0, .protocol = "fd-small"});
    out.artifacts.push_back(real_picture(run, to_bytes(train.images), "real.png"));
  });
  const StageOutput& stage = run.stages.at("real");
  ASSERT_THAT(stage.scores, SizeIs(2));
  EXPECT_EQ(stage.scores[0].arm, "real_validation");
  EXPECT_EQ(stage.scores[0].name, "fd-small");
  EXPECT_EQ(stage.scores[0].value, fd.distance(fd.features(held_out.images)));
  EXPECT_EQ(stage.scores[1].name, "added");
  ASSERT_THAT(stage.artifacts, SizeIs(1));
  EXPECT_EQ(stage.artifacts[0].name, "real training images");
  EXPECT_EQ(stage.artifacts[0].file, run.artifact_folder() / "real.png");
  EXPECT_TRUE(std::filesystem::exists(stage.artifacts[0].file));
}

}  // namespace
}  // namespace assay
