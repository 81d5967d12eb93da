#include "reproductions/class_tokens/paper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config.h"
#include "core/error.h"
#include "core/safetensors.h"
#include "diffusion/networks/sd/text_to_image_folder.h"
#include "diffusion/networks/vit/vit_classifier.h"
#include "reproductions/tiers.h"
#include "tests/diffusion/small_text_to_image.h"
#include "tests/reproductions/memory_run.h"
#include "tests/support/throws.h"

namespace assay::class_tokens::paper {
namespace {

using test::MemoryRun;
using test::message_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// Writes a classifier of four classes with random weights, two of one name, as the hub lays it out.
void save_classifier(const std::filesystem::path& folder) {
  const nlohmann::json config = {{"hidden_size", 8},
                                 {"num_hidden_layers", 1},
                                 {"num_attention_heads", 2},
                                 {"intermediate_size", 8},
                                 {"image_size", 224},
                                 {"patch_size", 112},
                                 {"id2label", {{"0", "bat"}, {"1", "crane"}, {"2", "red cat, tabby"}, {"3", "crane"}}}};
  std::filesystem::create_directory(folder);
  write_file_atomically(folder / "config.json", config.dump());
  VitClassifier classifier(read_vit_classifier_folder(folder), VitPooling::cls);
  classifier.parameters().materialise(3);
  SafetensorsWriter writer;
  classifier.parameters().save(writer);
  writer.write(folder / "model.safetensors");
}

/// Tier `paper` with small networks in the place of the published ones.
class PaperTier : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<test::TemporaryFolder>();
    save_text_to_image(*test::small_text_to_image(), *folder_ / "model");
    save_classifier(*folder_ / "guide");
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static void draw(MemoryRun& run, const std::vector<std::string>& settings) {
    nlohmann::json config = method_preset("class_tokens", Tier::paper);
    std::vector<std::string> all = {"files.folder=" + folder_->path().string(),
                                    "models.sd14.weights=model",
                                    "classifiers.inet.weights=guide",
                                    "row=imagenet",
                                    R"(templates=["a {}"])",
                                    "learn.epochs=1",
                                    "learn.images=1",
                                    "draw.steps=2",
                                    "evaluate.steps=2",
                                    "evaluate.images=2"};
    all.insert(all.end(), settings.begin(), settings.end());
    for (const std::string& setting : all) set_key(config, setting);
    make_method(config)->run(run);
  }
  /// What is said before anything is drawn.
  static std::string refusal(const std::vector<std::string>& settings) {
    MemoryRun run(any_dataset);
    const std::string said = message_of<InputError>([&] { draw(run, settings); });
    EXPECT_TRUE(run.stages.empty());
    return said;
  }

  /// The tier reads none, a MemoryRun has one.
  inline static const nlohmann::json any_dataset = {{"dataset", {{"name", "shapes"}, {"count", 2}}}};
  static std::unique_ptr<test::TemporaryFolder> folder_;
};
std::unique_ptr<test::TemporaryFolder> PaperTier::folder_;

TEST_F(PaperTier, LearnsAndDrawsClassesByNameAndById) {
  MemoryRun run(any_dataset);
  draw(run, {R"(published.imagenet.classes=["tabby","3"])"});
  for (const char* stage : {"learn:imagenet:tabby", "learn:imagenet:3", "sample:imagenet/plain:tabby",
                            "sample:imagenet/token:tabby", "sample:imagenet/plain:3", "sample:imagenet/token:3"})
    EXPECT_EQ(run.stages.count(stage), 1U) << stage;
  EXPECT_EQ(run.stages.size(), 6U);
  // The id stands for its label in prompts.
  EXPECT_EQ(run.stages.at("sample:imagenet/token:3").artifacts.at(0).meta.at("shows"), "crane");
  EXPECT_EQ(run.stages.at("sample:imagenet/token:tabby").artifacts.at(0).meta.at("shows"), "tabby");
}

TEST_F(PaperTier, RefusesBeforeItLearns) {
  EXPECT_THAT(refusal({R"(published.imagenet.classes=["bat","mouse"])"}), HasSubstr("class 'mouse'"));
  EXPECT_THAT(refusal({R"(published.imagenet.classes=["bat","crane"])"}),
              AllOf(HasSubstr("class 'crane': 2 of"), HasSubstr("1 ('crane') or 3 ('crane')")));
  EXPECT_THAT(refusal({R"(published.imagenet.classes=["bat","red cat","tabby"])"}),
              HasSubstr("published.imagenet.classes: 'red cat' and 'tabby' are one class"));
  const std::string bat = R"(published.imagenet.classes=["bat"])";
  EXPECT_THAT(refusal({bat, R"(templates=["a red blue cat a red blue cat {}"])"}),
              HasSubstr("accepted by this text encoder: at most 10"));
  EXPECT_THAT(refusal({bat, "token.word=red"}), HasSubstr("token 'red' is in the vocabulary already"));
  EXPECT_THAT(refusal({bat, "token.initial=zebra"}), HasSubstr("initial word 'zebra'"));
  EXPECT_THAT(refusal({bat, "evaluate.steps=1000", "draw.steps=1000", "classifiers.inet.weights=nowhere"}),
              HasSubstr("nowhere/config.json"));
}

}  // namespace
}  // namespace assay::class_tokens::paper
