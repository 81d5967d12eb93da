#include "reproductions/class_tokens/refusals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "reproductions/tiers.h"
#include "tests/support/throws.h"

namespace assay::class_tokens {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// Tier `smoke` with these settings.
nlohmann::json smoke(const std::vector<std::string>& settings) {
  nlohmann::json config = method_preset("class_tokens", Tier::smoke);
  for (const std::string& setting : settings) set_key(config, setting);
  return config;
}

const LabelledImages& images() {
  static const LabelledImages train =
      load_images(*open_dataset(read_dataset_spec(smoke({}).at("dataset"), "dataset")), Split::train);
  return train;
}

/// What is said of these settings before anything is trained, once they are a configuration.
std::string refusal(const std::vector<std::string>& settings) {
  const Config config = read_config(smoke(settings));
  return message_of<InputError>([&] { require_learnable(config, images()); });
}

/// What is said of settings that are none.
std::string fault(const std::vector<std::string>& settings) {
  return message_of<InputError>([&] { read_config(smoke(settings)); });
}

TEST(Refusals, AreNoneOfTheTierItself) { require_learnable(read_config(smoke({})), images()); }

TEST(Refusals, NameWhatTheCaptionsHaveNot) {
  EXPECT_THAT(refusal({"words.least=1000"}), AllOf(HasSubstr("words: no word"), HasSubstr("in 1000 images of each")));
  EXPECT_THAT(refusal({"token.initial=zebra"}), HasSubstr("initial word 'zebra'"));
  EXPECT_THAT(refusal({"token.word=circle"}), HasSubstr("token 'circle' is in the vocabulary already"));
  EXPECT_THAT(refusal({"text_model.vocabulary.length=5"}),
              AllOf(HasSubstr("prompt 'a photo of newclas "), HasSubstr("accepted by this text encoder: at most 5")));
  EXPECT_THAT(refusal({R"(sample.unseen_templates=["one two three four five six seven eight nine ten eleven {}"])"}),
              AllOf(HasSubstr("prompt 'one two three"), HasSubstr("at most 16")));
  EXPECT_THAT(refusal({"augmentation.real=[1,9999]"}), HasSubstr("augmentation.real: 9999; accepted: at most "));
}

TEST(Refusals, OfAConfigurationNeedNoDataSet) {
  for (const char* word : {"", " ", "new clas", "newclas ", "new\tclas"})
    EXPECT_THAT(fault({"token.word=\"" + std::string(word) + "\""}), HasSubstr("token.word")) << word;
  EXPECT_THAT(fault({R"(templates=["a photo"])"}), HasSubstr("template 'a photo': no place for the words"));
  EXPECT_THAT(fault({R"(templates=["{} of {}"])"}), HasSubstr("template '{} of {}': more than one place"));
  EXPECT_THAT(fault({R"(sample.unseen_templates=["one"])"}), HasSubstr("template 'one': no place"));
  EXPECT_THAT(fault({R"(text_model.templates=["one"])"}), HasSubstr("template 'one': no place"));
}

TEST(Refusals, CoverSchedulersThatDrawNoise) {
  const std::string noise = "text_model.scheduler: this scheduler draws noise at its steps";
  EXPECT_THAT(fault({"text_model.scheduler._class_name=DDIMScheduler", "text_model.scheduler.eta=1"}),
              HasSubstr(noise));
  EXPECT_THAT(fault({"draw.scheduler=dpm", "text_model.scheduler.algorithm_type=sde-dpmsolver++"}), HasSubstr(noise));
  read_config(smoke({"draw.scheduler=dpm"}));
  EXPECT_THAT(fault({"text_model.scheduler.num_train_timesteps=20", "sample.steps=30"}), HasSubstr("30"));
}

}  // namespace
}  // namespace assay::class_tokens
