#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "core/error.h"
#include "core/file.h"
#include "core/safetensors.h"
#include "datasets/dataset.h"
#include "images/png.h"
#include "kernels/host_tensor.h"
#include "metrics/features/augment.h"
#include "metrics/features/conv_encoder.h"
#include "metrics/features/small_features.h"
#include "reproductions/method.h"
#include "reproductions/samples/image_tensors.h"
#include "reproductions/self_guided/algorithm/pca.h"
#include "reproductions/self_guided/algorithm/simclr.h"
#include "reproductions/self_guided/config.h"
#include "reproductions/tiers.h"
#include "tests/diffusion/golden.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::self_guided {
namespace {

using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::same_bits;
using test::TemporaryFolder;
using test::values;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(MethodTable, EveryPresetPassesItsOwnCheck) {
  for (const MethodEntry& method : method_table())
    for (const Tier tier : method.tiers) {
      const ConfiguredMethod made = method.configured(tier, method.preset(tier));
      EXPECT_THAT(made.method->describe(), ::testing::Not(IsEmpty())) << method.id << ", " << name_of(tier);
      EXPECT_NO_THROW(made.method->plan()) << method.id << ", " << name_of(tier);
    }
}

TEST(MethodTable, EveryPresetPassesOnEveryDataset) {
  for (const MethodEntry& method : method_table())
    for (const Tier tier : method.tiers)
      for (const DatasetEntry& dataset : dataset_table()) {
        const nlohmann::json preset = method.preset(tier, dataset.name);
        EXPECT_NO_THROW(method.configured(tier, preset)) << method.id << ", " << name_of(tier) << ", " << dataset.name;
        if (preset.contains("dataset")) {
          EXPECT_EQ(preset.at("dataset").at("name"), dataset.name);
        }
      }
}

TEST(TierPreset, OfAnotherDatasetKeepsTheSizeAndTakesWhatIsSaidOfThatSet) {
  const char* const text =
      R"({"mini": {"dataset": {"name": "emoji", "size": 24, "seed": 3}, "label": "group", "steps": 5,
                               "on": {"shapes": {"dataset": {"group": "colour"}, "steps": 7}}}})";
  const auto on = [&](const char* dataset) { return tier_preset(text, "m", Tier::mini, dataset); };
  const nlohmann::json own = {
      {"dataset", {{"name", "emoji"}, {"size", 24}, {"seed", 3}}}, {"label", "group"}, {"steps", 5}};
  EXPECT_EQ(on(""), own);
  EXPECT_EQ(on("emoji"), own);
  EXPECT_EQ(on("shapes"), nlohmann::json({{"dataset", {{"name", "shapes"}, {"size", 24}, {"group", "colour"}}},
                                          {"label", "group"},
                                          {"steps", 7}}));
  EXPECT_EQ(on("another"),
            nlohmann::json({{"dataset", {{"name", "another"}, {"size", 24}}}, {"label", "group"}, {"steps", 5}}));
}

TEST(MethodTable, NamesTheNearestMethodAndTier) {
  EXPECT_THAT(message_of<InputError>([] { method_entry("self_guide"); }), HasSubstr("did you mean 'self_guided'?"));
  EXPECT_THAT(message_of<InputError>([] { method_entry("self_guided").tier("smok"); }),
              HasSubstr("did you mean 'smoke'?"));
}

/// What the check says of the smoke preset with one value changed.
std::string refused(const std::string& pointer, const nlohmann::json& value) {
  nlohmann::json config = method_preset("self_guided", Tier::smoke);
  config[nlohmann::json::json_pointer(pointer)] = value;
  return message_of<InputError>([&] { self_guided::read_config(config); });
}

TEST(SelfGuidedConfig, NamesTheNearestKeyInEveryPart) {
  EXPECT_THAT(refused("/cluster", 3), HasSubstr("did you mean 'clusters'?"));
  EXPECT_THAT(refused("/unet/chanel_mult", 3), AllOf(HasSubstr("unet"), HasSubstr("did you mean 'channel_mult'?")));
  EXPECT_THAT(refused("/train/step", 3), AllOf(HasSubstr("train"), HasSubstr("did you mean 'steps'?")));
  EXPECT_THAT(refused("/sample/sweeps", 3), AllOf(HasSubstr("sample"), HasSubstr("did you mean 'sweep'?")));
  EXPECT_THAT(refused("/kmeans/iteration", 3), AllOf(HasSubstr("kmeans"), HasSubstr("did you mean 'iterations'?")));
  EXPECT_THAT(refused("/encoder/temprature", 3), AllOf(HasSubstr("encoder"), HasSubstr("did you mean 'temperature'?")));
  EXPECT_THAT(refused("/fd_small/feature", 3), AllOf(HasSubstr("fd_small"), HasSubstr("did you mean 'features'?")));
  EXPECT_THAT(refused("/schedule/nam", "linear"), AllOf(HasSubstr("schedule"), HasSubstr("did you mean 'name'?")));
}

TEST(SelfGuidedConfig, RefusesWhatCannotBeRun) {
  EXPECT_THAT(refused("/clusters", {4, 8, 4}), HasSubstr("clusters: 4 is given twice"));
  EXPECT_THAT(refused("/clusters", nlohmann::json::array()), HasSubstr("clusters"));
  EXPECT_THAT(refused("/clusters", {0}), HasSubstr("clusters"));
  EXPECT_THAT(refused("/unet/image_size", 32),
              AllOf(HasSubstr("unet.image_size is 32"), HasSubstr("dataset.size is 16")));
  EXPECT_THAT(refused("/unet/cond_dim", 4), HasSubstr("follow from the conditions"));
  EXPECT_THAT(refused("/unet/out_channels", 6), HasSubstr("must be 3"));
  EXPECT_THAT(refused("/sample/steps", 1001), HasSubstr("1 to 1000"));
  EXPECT_THAT(refused("/sample/eta", 2), HasSubstr("sample.eta"));
  EXPECT_THAT(refused("/schedule/name", "sqrt-linea"), HasSubstr("did you mean 'sqrt-linear'?"));
  EXPECT_THAT(refused("/label", "groups"), HasSubstr("did you mean 'group'?"));
  EXPECT_THAT(refused("/networks", "seperate"), HasSubstr("did you mean 'separate'?"));
  EXPECT_THAT(refused("/train", 5), HasSubstr("expected an object"));
  EXPECT_THAT(refused("/sample/weight", 0), HasSubstr("uncond_w0"));
  EXPECT_THAT(refused("/sample/interval", {5, 1}), HasSubstr("guidance interval [5, 1]; accepted: two noise levels"));
  EXPECT_THAT(refused("/sample/sampler", "plm"), HasSubstr("did you mean 'plms'?"));
  EXPECT_THAT(refused("/sample/steps", 1000), HasSubstr("step 1000"));
  EXPECT_THAT(refused("/parts", {"guidance", "layout"}), HasSubstr("did you mean 'layouts'?"));
  EXPECT_THAT(refused("/parts", nlohmann::json::array()), HasSubstr("parts: expected a list of at least one"));
  EXPECT_THAT(refused("/encoders", {"pca", "pca"}), HasSubstr("pca is given twice"));
  EXPECT_THAT(refused("/imbalances", {10}), HasSubstr("two or more"));
  EXPECT_THAT(refused("/imbalances", {10, 10}), HasSubstr("10 is given twice"));
  EXPECT_THAT(refused("/imbalances", {0.5, 10}), HasSubstr("imbalances"));
  EXPECT_THAT(refused("/layouts/unet/image_size", 32), HasSubstr("layouts.unet.image_size is 32"));
  EXPECT_THAT(refused("/layouts/unet/layout_dim", 3), HasSubstr("layout_dim"));
  EXPECT_THAT(refused("/layouts/candidate_share", 0), HasSubstr("candidate_share"));
  EXPECT_THAT(refused("/layouts/mask_cluster", 3), HasSubstr("did you mean 'mask_clusters'?"));
}

TEST(SelfGuidedConfig, SweepHoldsTheHeadlineWeightAndTheUnguidedOne) {
  nlohmann::json config = method_preset("self_guided", Tier::smoke);
  config["sample"]["sweep"] = {3, 1};
  config["sample"]["weight"] = 1.5;
  EXPECT_THAT(self_guided::read_config(config).sample.sweep, ElementsAre(0, 1, 1.5, 3));
}

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
  const Image grid = read_png(folder / "grid.png");
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

LabelledImages shapes(Split split = Split::train) {
  DatasetSpec spec;
  spec.name = "shapes";
  spec.size = 16;
  spec.count = 60;
  return load_images(*open_dataset(spec), split);
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

TEST(Pca, FindsTheAxesOfTwoDimensionsByHand) {
  // (3, 4) and (-4, 3) are orthogonal, of length 5; along the first the points spread by 2, along the second by 1.
  const at::Tensor points =
      values({7, 9, -5, -7, -3, 4, 5, -2}, {4, 1, 1, 2});  // (1, 1) + {2, -2} u, (1, 1) + {1, -1} v
  const at::Tensor found = pca_features(points, 2);
  EXPECT_LT(max_abs_difference(found.select(1, 0).abs(), values({10, 10, 0, 0})), 1e-4);
  EXPECT_LT(max_abs_difference(found.select(1, 1).abs(), values({0, 0, 5, 5})), 1e-4);
  EXPECT_NEAR(found.select(1, 0).sum().item<double>(), 0.0, 1e-4);
  EXPECT_TRUE(same_bits(pca_features(points, 1).select(1, 0), found.select(1, 0)));
  EXPECT_TRUE(same_bits(pca_features(points.narrow(0, 0, 2), 2, points), found.narrow(0, 0, 2)));
}

TEST(Pca, RefusesMoreComponentsThanPixels) {
  EXPECT_THAT(message_of<InputError>([] { pca_features(normal({4, 1, 1, 2}, 1), 3); }), HasSubstr("3 components of 2"));
  EXPECT_THROW(pca_features(normal({4, 1, 1, 2}, 1), 0), InputError);
}

TEST(NtXent, EqualsADoubleLoopOverPairs) {
  constexpr std::int64_t n = 5, d = 4;
  constexpr double temperature = 0.3;
  const at::Tensor a = normal({n, d}, 1), b = normal({n, d}, 2);
  const at::Tensor z = at::cat({a, b}).to(at::kDouble);
  const double* p = z.const_data_ptr<double>();
  const auto similarity = [&](std::int64_t i, std::int64_t j) {
    double dot = 0, ii = 0, jj = 0;
    for (std::int64_t k = 0; k < d; ++k) {
      dot += p[i * d + k] * p[j * d + k];
      ii += p[i * d + k] * p[i * d + k];
      jj += p[j * d + k] * p[j * d + k];
    }
    return dot / std::sqrt(ii * jj) / temperature;
  };
  double loss = 0;
  for (std::int64_t i = 0; i < 2 * n; ++i) {
    double all = 0;
    for (std::int64_t j = 0; j < 2 * n; ++j)
      if (j != i) all += std::exp(similarity(i, j));
    loss += std::log(all) - similarity(i, (i + n) % (2 * n));
  }
  EXPECT_NEAR(nt_xent(a, b, temperature).item<double>(), loss / (2 * n), 1e-5);
}

TEST(NtXent, OfEqualViewsThatAreOrthogonalToAllOthersIsWorkedByHand) {
  // n = 2, temperature 1: each row sees its partner at e^1 and two others at e^0.
  const at::Tensor a = values({3, 0, 0, 2}, {2, 2});
  EXPECT_NEAR(nt_xent(a, a, 1.0).item<double>(), std::log(1 + 2 * std::exp(-1.0)), 1e-6);
}

SimclrOptions tiny_simclr() {
  SimclrOptions o;
  o.width = 8;
  o.features = 16;
  o.projection = 8;
  o.steps = 40;
  o.batch = 16;
  return o;
}

TEST(Simclr, LowersItsLossAndDependsOnItsSeedAlone) {
  const at::Tensor images = shapes().images;
  std::vector<double> loss;
  const auto note = [&](std::int64_t, double value) { loss.push_back(value); };
  const ConvEncoder encoder = train_simclr(images, tiny_simclr(), 5, note);
  ASSERT_THAT(loss, SizeIs(40));
  const auto mean = [&](std::size_t begin) {
    double sum = 0;
    for (std::size_t i = begin; i < begin + 5; ++i) sum += loss[i] / 5;
    return sum;
  };
  EXPECT_LT(mean(35), mean(0) - 0.3);
  const std::vector<double> first = loss;
  loss.clear();
  const ConvEncoder again = train_simclr(images, tiny_simclr(), 5, note);
  EXPECT_EQ(loss, first);
  EXPECT_TRUE(same_bits(features_in_batches(again, images), features_in_batches(encoder, images)));
}

TEST(Simclr, OptionsSurviveJsonAndRefuseWhatIsOutOfRange) {
  const nlohmann::json object = to_json(tiny_simclr());
  EXPECT_EQ(to_json(read_simclr_options(object, "encoder")), object);
  EXPECT_THAT(message_of<InputError>([] {
                read_simclr_options({{"batch", 1}}, "encoder");
              }),
              HasSubstr("encoder.batch"));
  EXPECT_THAT(message_of<InputError>([] {
                read_simclr_options({{"temperature", 0}}, "encoder");
              }),
              HasSubstr("encoder.temperature"));
}

at::Tensor unit_images(std::int64_t count, std::uint64_t seed) { return normal({count, 3, 8, 8}, seed).clamp(-1, 1); }

Augmentation everything() {
  Augmentation ranges;
  ranges.smallest_crop = 0.5;
  ranges.shift = 0.1;
  ranges.flip = true;
  ranges.brightness = 0.2;
  ranges.contrast = 0.3;
  ranges.colour = 0.4;
  ranges.grey = 0.3;
  ranges.channel_shuffle = 0.5;
  return ranges;
}

TEST(Augment, ByNothingLeavesImagesUnchanged) {
  const at::Tensor images = unit_images(4, 1);
  EXPECT_LT(max_abs_difference(augment(images, Augmentation{}, 3, 0), images), 1e-5);
}

TEST(Augment, GivesAnImageTheSameChangeInAnyBatch) {
  const at::Tensor images = unit_images(6, 1);
  const at::Tensor all = augment(images, everything(), 3, 100);
  EXPECT_GT(max_abs_difference(all, images), 0.1);
  EXPECT_TRUE(same_bits(augment(images.narrow(0, 2, 3).contiguous(), everything(), 3, 102), all.narrow(0, 2, 3)));
  EXPECT_FALSE(same_bits(augment(images, everything(), 4, 100), all));
}

TEST(Augment, StaysInRange) {
  const at::Tensor out = augment(unit_images(32, 2), everything(), 1, 0);
  EXPECT_LE(out.abs().max().item<double>(), 1.0);
}

TEST(Augment, FlipsAboutHalfOfTheImagesExactly) {
  Augmentation ranges;
  ranges.flip = true;
  const at::Tensor images = unit_images(200, 2), mirrored = images.flip({3});
  const at::Tensor out = augment(images, ranges, 9, 0);
  int flipped = 0;
  for (std::int64_t i = 0; i < 200; ++i) {
    const double straight = max_abs_difference(out.select(0, i), images.select(0, i));
    const double turned = max_abs_difference(out.select(0, i), mirrored.select(0, i));
    EXPECT_LT(std::min(straight, turned), 1e-5);
    flipped += turned < straight;
  }
  EXPECT_NEAR(flipped, 100, 5 * std::sqrt(50.0));
}

TEST(Augment, ByGreyGivesEveryChannelTheirMean) {
  Augmentation ranges;
  ranges.grey = 1.0;
  const at::Tensor images = unit_images(3, 2), out = augment(images, ranges, 1, 0);
  for (std::int64_t c = 0; c < 3; ++c) EXPECT_LT(max_abs_difference(out.select(1, c), images.mean(1)), 1e-5);
}

TEST(Augment, ByChannelShuffleKeepsTheChannelsInSomeOrder) {
  Augmentation ranges;
  ranges.channel_shuffle = 1.0;
  const at::Tensor images = unit_images(60, 2), out = augment(images, ranges, 1, 0);
  std::set<std::vector<std::int64_t>> orders;
  for (std::int64_t i = 0; i < 60; ++i) {
    std::vector<std::int64_t> order;
    for (std::int64_t c = 0; c < 3; ++c)
      for (std::int64_t k = 0; k < 3; ++k)
        if (max_abs_difference(out.select(0, i).select(0, c), images.select(0, i).select(0, k)) < 1e-5)
          order.push_back(k);
    std::vector<std::int64_t> sorted = order;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_THAT(sorted, ElementsAre(0, 1, 2));
    orders.insert(order);
  }
  EXPECT_THAT(orders, SizeIs(6));  // all six, missed with probability 6 (5/6)^60 = 1e-4; the seed is fixed
}

TEST(Augment, ByBrightnessShiftsAConstantImage) {
  Augmentation ranges;
  ranges.brightness = 0.25;
  const at::Tensor out = augment(at::full({40, 3, 4, 4}, 0.5), ranges, 1, 0);
  const at::Tensor level = out.select(1, 0).select(1, 0).select(1, 0);
  EXPECT_LT(max_abs_difference(out, level.view({40, 1, 1, 1}).expand({40, 3, 4, 4})), 1e-6);
  EXPECT_LE((level - 0.5).abs().max().item<double>(), 0.25 + 1e-6);
  EXPECT_LT(level.min().item<double>(), 0.35);
  EXPECT_GT(level.max().item<double>(), 0.65);
}

TEST(ConvEncoder, RoundTripsThroughItsFile) {
  const TemporaryFolder folder;
  const ConvEncoder saved({8, 6, 4}, 1);
  ConvEncoder loaded({8, 6, 4}, 2);
  const at::Tensor images = unit_images(3, 5);
  saved.save(folder / "encoder", "trained on this");
  EXPECT_FALSE(same_bits(features_in_batches(loaded, images), features_in_batches(saved, images)));
  loaded.load(folder / "encoder", "trained on this");
  EXPECT_TRUE(same_bits(features_in_batches(loaded, images), features_in_batches(saved, images)));
  EXPECT_TRUE(
      same_bits(loaded.head(features_in_batches(loaded, images)), saved.head(features_in_batches(saved, images))));
}

TEST(ConvEncoder, RefusesFilesOfSomethingElse) {
  const TemporaryFolder folder;
  const ConvEncoder saved({8, 6, 4}, 1);
  saved.save(folder / "encoder", "trained on this");
  ConvEncoder same({8, 6, 4}, 2), wider({16, 6, 4}, 2);
  EXPECT_THAT(message_of<InputError>([&] { same.load(folder / "encoder", "trained on that"); }),
              HasSubstr("another network"));
  EXPECT_THAT(message_of<InputError>([&] { wider.load(folder / "encoder", "trained on this"); }),
              HasSubstr("another shape"));
  const std::string whole = read_file(folder / "encoder");
  folder.file("cut", whole.substr(0, whole.size() - 1));
  EXPECT_THAT(message_of<InputError>([&] { same.load(folder / "cut", "trained on this"); }), HasSubstr("cut"));
}

TEST(ConvEncoder, GivesFeaturesOfItsWidthsForAnyNumberOfImages) {
  const ConvEncoder encoder({8, 6, 4}, 1);
  const at::Tensor images = unit_images(65, 5);  // one more than a batch
  const at::Tensor pooled = pooled_in_batches(encoder, images);
  ASSERT_EQ(pooled.sizes(), (at::IntArrayRef{65, 32}));
  const at::Tensor features = features_in_batches(encoder, images);
  ASSERT_EQ(features.sizes(), (at::IntArrayRef{65, 6}));
  EXPECT_LT(max_abs_difference(features.narrow(0, 64, 1), features_in_batches(encoder, images.narrow(0, 64, 1))), 1e-5);
  EXPECT_LT(max_abs_difference(encoder.features(pooled), features), 1e-5);
}

TEST(ConvEncoder, DescendsAlongTheGradient) {
  ConvEncoder encoder({8, 6, 4}, 1);
  const at::Tensor images = unit_images(4, 5);
  const auto loss = [&] { return encoder.head(encoder.features(encoder.pooled(images))).square().mean(); };
  const double before = loss().item<double>();
  for (int i = 0; i < 10; ++i) encoder.descend(loss(), 1e-2, 0.0);
  EXPECT_LT(loss().item<double>(), 0.5 * before);
}

TEST(ConvEncoder, RefusesSizesOutOfRange) {
  EXPECT_THAT(message_of<InputError>([] { ConvEncoder({12, 6, 4}, 1); }), HasSubstr("multiple of 8"));
  EXPECT_THROW(ConvEncoder({8, 0, 4}, 1), InputError);
}

TEST(CaptionVocabulary, CountsLowerCaseWordsOnceACaption) {
  const std::vector<std::string> captions = {"Red heart, HEART!", "a red-heart x", "blue 2nd heart", "blues"};
  EXPECT_THAT(caption_vocabulary(captions, 1), ElementsAre("blue", "blues", "heart", "nd", "red"));
  EXPECT_THAT(caption_vocabulary(captions, 2), ElementsAre("heart", "red"));
  EXPECT_THAT(caption_vocabulary(captions, 3), ElementsAre("heart"));
  EXPECT_THAT(caption_vocabulary(captions, 4), IsEmpty());
}

TEST(SmallFeatures, TrainsToNameTheWordsOfCaptions) {
  const LabelledImages set = shapes();
  SmallFeaturesOptions options;
  options.width = 8;
  options.features = 16;
  options.steps = 60;
  options.batch = 16;
  options.least_occurrences = 5;
  std::vector<double> loss;
  const ConvEncoder encoder = train_small_features(set.images, set.captions, options, 2,
                                                   [&](std::int64_t, double value) { loss.push_back(value); });
  ASSERT_THAT(loss, SizeIs(60));
  EXPECT_LT(loss.back(), 0.9 * loss.front());
  EXPECT_EQ(encoder.config().outputs, static_cast<std::int64_t>(caption_vocabulary(set.captions, 5).size()));
  EXPECT_EQ(empty_small_features(set.captions, options).config().outputs, encoder.config().outputs);
}

TEST(SmallFeatures, RefusesCaptionsWithoutAFrequentWord) {
  SmallFeaturesOptions options;
  options.least_occurrences = 2;
  EXPECT_THAT(message_of<InputError>([&] {
                empty_small_features({"one", "two"}, options);
              }),
              HasSubstr("no word occurs in 2 captions"));
}

}  // namespace
}  // namespace assay::self_guided
