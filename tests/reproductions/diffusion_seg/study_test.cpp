#include "reproductions/diffusion_seg/study.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config.h"
#include "core/error.h"
#include "reproductions/diffusion_seg/diffusion_seg.h"
#include "reproductions/tiers.h"
#include "tests/reproductions/memory_run.h"
#include "tests/support/throws.h"

namespace assay::diffusion_seg {
namespace {

using test::MemoryRun;
using test::message_of;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

nlohmann::json smoke(const std::vector<std::string>& settings, const std::string& dataset = "") {
  nlohmann::json config = method_preset("diffusion_seg", Tier::smoke, dataset);
  for (const std::string& setting : settings) set_key(config, setting);
  return config;
}

/// A run in which nothing may be trained.
class RunWithoutTraining : public MemoryRun {
 public:
  using MemoryRun::MemoryRun;
  std::filesystem::path product(const std::string& kind, const nlohmann::json& /*identity*/,
                                const std::function<void(const std::filesystem::path&)>& /*produce*/) override {
    throw Error(kind + " would be trained");
  }
};

/// What is said of these settings before anything is trained.
std::string refusal(const std::vector<std::string>& settings) {
  const nlohmann::json config = smoke(settings);
  const Config read = read_config(config);
  RunWithoutTraining run(config);
  return message_of<InputError>([&] { Study(run, read); });
}

TEST(Study, RefusesPromptsBeforeTheModelIsTrained) {
  EXPECT_THAT(refusal({"draw.template=\"pre{}fix\""}), HasSubstr("cut into other tokens here than alone"));
  EXPECT_THAT(refusal({"text_model.vocabulary.length=4"}), HasSubstr("within the 4 of a prompt"));
}

TEST(Study, ShowsTrainingImagesAsReal) {
  const auto dataset = open_dataset(read_dataset_spec(smoke({"dataset.count=40"}).at("dataset"), "dataset"));
  const at::Tensor shown = first_training_images(*dataset, 3);
  ASSERT_EQ(shown.size(0), 3);
  const std::vector<std::int64_t> train = indices(*dataset, Split::train);
  for (std::int64_t i = 0; i < 3; ++i) {
    const Image image = dataset->sample(train[static_cast<std::size_t>(i)]).image;
    for (std::int64_t p = 0; p < 256; ++p)
      for (std::int64_t c = 0; c < 3; ++c)
        ASSERT_EQ(shown[i][c].flatten()[p].item<std::uint8_t>(), image.pixels[static_cast<std::size_t>(3 * p + c)]);
  }
}

TEST(Study, SaysWhatOtherDataSetsDoNotShow) {
  const auto lines = [](const std::string& dataset) { return make_method(smoke({}, dataset))->describe(); };
  const auto unscored = Contains(HasSubstr("not scored: the masks of drawn images are known of `shapes` alone"));
  EXPECT_THAT(lines("stamps"), unscored);
  EXPECT_THAT(lines("shapes"), Not(unscored));
}

}  // namespace
}  // namespace assay::diffusion_seg
