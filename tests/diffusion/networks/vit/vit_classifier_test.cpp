#include "diffusion/networks/vit/vit_classifier.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/safetensors.h"
#include "kernels/host_tensor.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::max_abs_difference;
using test::message_of;
using test::normal;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::filesystem::path folder(const std::string& name) {
  return std::filesystem::path(ASSAY_TEST_DATA) / "vit_classifier" / name;
}

/// Written by tests/data/vit_classifier/make_fixtures.py with transformers 5.24.0.
TEST(VitClassifier, HasTheLogitsOfTransformersWithBothPoolings) {
  for (const std::string name : {"narrow", "plain_qkv"}) {
    const SafetensorsFile cases(folder(name) / "cases.safetensors");
    for (const VitPooling pooling : {VitPooling::cls, VitPooling::patch_mean}) {
      const auto classifier = open_vit_classifier(folder(name), pooling);
      const at::Tensor expected = tensor_of(cases, "logits." + std::string(name_of(pooling, vit_pooling_names)));
      EXPECT_LT(max_abs_difference(classifier->logits(tensor_of(cases, "images")), expected), 1e-4)
          << name << " " << name_of(pooling, vit_pooling_names);
    }
  }
}

TEST(VitClassifier, TakesTheNamesThatWeightsHaveInMemoryToo) {
  const test::TemporaryFolder saved;
  std::filesystem::copy_file(folder("plain_qkv") / "config.json", saved.path() / "config.json");
  std::filesystem::copy_file(folder("plain_qkv") / "state_dict.safetensors", saved.path() / "model.safetensors");
  const SafetensorsFile cases(folder("plain_qkv") / "cases.safetensors");
  const at::Tensor logits = open_vit_classifier(saved.path(), VitPooling::cls)->logits(tensor_of(cases, "images"));
  EXPECT_LT(max_abs_difference(logits, tensor_of(cases, "logits.cls")), 1e-4);
}

TEST(VitClassifier, IsDifferentiableInTheImages) {
  const auto classifier = open_vit_classifier(folder("narrow"), VitPooling::cls);
  at::Tensor images = normal({1, 3, 24, 24}, 1);
  images.set_requires_grad(true);
  classifier->logits(images)[0][1].backward();
  const at::Tensor direction = normal({1, 3, 24, 24}, 2);
  const at::NoGradGuard no_grad;
  const double h = 1e-2;
  const auto logit = [&](double along) {
    return classifier->logits(images.detach() + along * direction)[0][1].item<double>();
  };
  EXPECT_NEAR((images.grad() * direction).sum().item<double>(), (logit(h) - logit(-h)) / (2 * h), 0.02);
}

TEST(VitClassifier, FindsAClassByOneOfItsNamesInAnyCase) {
  const VitClassifierConfig config = read_vit_classifier_folder(folder("narrow"));
  EXPECT_EQ(config.class_of("Tiger cat").id, 0);
  EXPECT_EQ(config.class_of("Tiger cat").name, "Tiger cat");
  EXPECT_EQ(config.class_of("crane").id, 1);
  EXPECT_EQ(config.class_of("tabby, tiger cat").id, 0);
  EXPECT_THAT(message_of<InputError>([&] { config.class_of("mouze"); }),
              HasSubstr("class 'mouze': none of the classifier's 3 labels; did you mean 'mouse'?"));
}

TEST(VitClassifier, LeavesNoNameOfTwoClassesToChance) {
  // As ImageNet has them: a bird and a machine, two suits, of which one's label is the other's name.
  VitClassifierConfig config;
  config.labels = {"maillot", "crane", "maillot, tank suit", "crane", "7"};
  EXPECT_THAT(message_of<InputError>([&] { config.class_of("Crane"); }),
              AllOf(HasSubstr("2 of the classifier's classes"), HasSubstr("an id, 1 ('crane') or 3 ('crane')")));
  EXPECT_THAT(message_of<InputError>([&] { config.class_of("maillot"); }),
              HasSubstr("an id, 0 ('maillot') or 2 ('maillot, tank suit')"));
  EXPECT_EQ(config.class_of("tank suit").id, 2);
  EXPECT_EQ(config.class_of("maillot, tank suit").id, 2);
  EXPECT_EQ(config.class_of("3").id, 3);
  EXPECT_EQ(config.class_of("3").name, "crane");
  EXPECT_EQ(config.class_of("7").id, 4) << "a label goes before an id";
  for (const char* none : {"5", "-1", "3 ", ""})
    EXPECT_THAT(message_of<InputError>([&] { config.class_of(none); }), HasSubstr("an id of 0 to 4")) << none;
}

TEST(VitClassifier, RefusesWhatItIsNotBuiltFor) {
  const auto classifier = open_vit_classifier(folder("narrow"), VitPooling::cls);
  EXPECT_THAT(message_of<InputError>([&] {
                classifier->logits(normal({1, 3, 16, 16}, 1));
              }),
              HasSubstr("images of [1, 3, 16, 16]; accepted: [B, 3, 24, 24]"));
  nlohmann::json config = parse_json(read_file(folder("narrow") / "config.json"), "config.json");
  const auto fault = [&](const char* key, nlohmann::json value) {
    nlohmann::json changed = config;
    changed[key] = std::move(value);
    return message_of<InputError>([&] { read_vit_classifier_config(changed, "config.json"); });
  };
  EXPECT_THAT(fault("model_type", "deit"), HasSubstr("config.json.model_type: \"deit\"; accepted: vit"));
  EXPECT_THAT(fault("hidden_act", "relu"), HasSubstr("config.json.hidden_act: \"relu\"; accepted: gelu"));
  EXPECT_THAT(fault("patch_size", 7), HasSubstr("24 is not a multiple of patch_size 7"));
  EXPECT_THAT(fault("id2label", {{"1", "x"}}), HasSubstr("no text for class 0 of 1"));
}

}  // namespace
}  // namespace assay
