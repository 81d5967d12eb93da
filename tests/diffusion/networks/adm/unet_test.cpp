#include "diffusion/networks/adm/unet.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>

#include "core/error.h"
#include "core/safetensors.h"
#include "diffusion/networks/adm/adm_configurations.h"
#include "diffusion/networks/parameters.h"
#include "tests/diffusion/golden.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::indices;
using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::same_bits;
using test::TemporaryFolder;
using test::values;
using ::testing::AllOf;
using ::testing::ContainerEq;
using ::testing::HasSubstr;
using ::testing::Not;

using Shapes = std::map<std::string, std::vector<std::int64_t>>;

Shapes shapes_of(const UNet& network) {
  Shapes shapes;
  for (const Parameter& parameter : network.parameters().all()) shapes[parameter.name] = parameter.shape;
  return shapes;
}

nlohmann::json manifest(const std::string& name) {
  std::ifstream file(test::golden("manifests") / (name + ".json"));
  return nlohmann::json::parse(file);
}

UNetConfig published(const char* name) { return std::get<UNetConfig>(adm_configuration(name).network); }

TEST(UNetSize, HasTheOfficialKeysAndShapes) {
  for (const char* name : {"adm_unet_64_cond", "adm_unet_512_cond", "sgdm_in64_unet_fast_cluster5000"})
    EXPECT_THAT(shapes_of(UNet(published(name))), ContainerEq(manifest(name).at("state_dict").get<Shapes>())) << name;
}

TEST(UNetSize, OfSelfGuidedDiffusionCountsTheNullConditionAsFrozen) {
  for (const auto& [clusters, trainable] : {std::pair(1000, 74'252'803), {5000, 75'276'803}, {10000, 76'556'803}}) {
    UNetConfig config = published("sgdm_in64_unet_fast_cluster5000");
    config.cond_dim = clusters;
    const UNet network(config);
    EXPECT_EQ(network.parameters().trainable_count(), trainable);
    EXPECT_EQ(network.parameters().count(), trainable + clusters);
  }
}

/// A network small enough for a test, in evaluation mode unless dropout is given.
UNetConfig small(std::int64_t cond_dim, double dropout = 0.0) {
  UNetConfig c;
  c.image_size = 8;
  c.channel_mult = {1, 1};
  c.attention_resolutions = {};
  c.num_head_channels = 32;
  c.cond_dim = cond_dim;
  c.dropout = dropout;
  return c;
}

/// Weights of which none is zero: the official start would make the output exactly zero.
void fill(UNet& network, std::uint64_t seed = 1) {
  network.parameters().materialise(seed);
  network.parameters().assign(0.1 * normal({network.parameters().trainable_count()}, seed));
}

TEST(UNetForward, StartsAsTheZeroFunction) {
  UNet network(small(0));
  network.parameters().materialise(3);
  EXPECT_TRUE(same_bits(network.forward(normal({1, 3, 8, 8}, 1), indices({500}), {}, {}), at::zeros({1, 3, 8, 8})));
}

TEST(UNetForward, TreatsEveryRowOfABatchAlone) {
  UNet network(small(4));
  fill(network);
  const at::Tensor x = normal({3, 3, 8, 8}, 1), t = indices({0, 500, 999}), condition = normal({3, 4}, 2);
  const at::Tensor all = network.forward(x, t, {}, condition);
  EXPECT_GT(max_abs_difference(all.select(0, 0), all.select(0, 1)), 1e-3);
  for (std::int64_t i = 0; i < 3; ++i)
    EXPECT_LT(max_abs_difference(network.forward(x.narrow(0, i, 1), t.narrow(0, i, 1), {}, condition.narrow(0, i, 1)),
                                 all.narrow(0, i, 1)),
              1e-5);
}

TEST(UNetForward, DropsTheSameActivationsForTheSameSeedAndNoneWithout) {
  UNet network(small(0, 0.5)), without(small(0, 0.0));
  fill(network);
  fill(without);
  const at::Tensor x = normal({2, 3, 8, 8}, 1), t = indices({10, 900});
  const at::Tensor first = network.forward(x, t, {}, {}, 7);
  EXPECT_TRUE(same_bits(network.forward(x, t, {}, {}, 7), first));
  EXPECT_GT(max_abs_difference(network.forward(x, t, {}, {}, 8), first), 1e-3);
  EXPECT_TRUE(same_bits(network.forward(x, t, {}, {}), without.forward(x, t, {}, {})));
  EXPECT_TRUE(same_bits(without.forward(x, t, {}, {}, 7), without.forward(x, t, {}, {})));
}

TEST(UNetForward, DropoutKeepsTheMean) {
  // The average over draws has to come much closer to the undropped output than one draw does.
  UNet network(small(0, 0.5));
  fill(network);
  const at::Tensor x = normal({1, 3, 8, 8}, 1), t = indices({10}), plain = network.forward(x, t, {}, {});
  at::Tensor mean = at::zeros({1, 3, 8, 8});
  constexpr int draws = 64;
  for (int seed = 0; seed < draws; ++seed)
    mean += network.forward(x, t, {}, {}, static_cast<std::uint64_t>(seed)) / draws;
  const at::Tensor once = network.forward(x, t, {}, {}, 0);
  EXPECT_LT((mean - plain).square().mean().item<double>(), 0.25 * (once - plain).square().mean().item<double>());
}

TEST(UNetForward, ClassesChangeTheOutput) {
  UNetConfig config = small(0);
  config.num_classes = 5;
  UNet network(config);
  fill(network);
  const at::Tensor x = normal({1, 3, 8, 8}, 1), t = indices({10});
  EXPECT_GT(max_abs_difference(network.forward(x, t, indices({1}), {}), network.forward(x, t, indices({4}), {})), 1e-3);
}

TEST(UNetForward, GradientOfASumByTheLastBiasIsTheNumberOfPixels) {
  UNet network(small(0));
  fill(network);
  network.parameters().require_gradients();
  network.forward(normal({2, 3, 8, 8}, 1), indices({3, 4}), {}, {}).sum().backward();
  const Parameter& last = network.parameters().all().back();
  ASSERT_EQ(last.name, "out.2.bias");
  const at::Tensor& flat = network.parameters().flat_gradient();
  EXPECT_LT(max_abs_difference(flat.narrow(0, flat.numel() - 3, 3), values({128, 128, 128})), 1e-4);
}

TEST(UNetCondition, NullConditionIsTheZeroVector) {
  UNet network(small(4));
  fill(network);
  const at::Tensor x = normal({2, 3, 8, 8}, 1), t = indices({10, 900});
  EXPECT_TRUE(same_bits(network.predict(x, t, {}), network.forward(x, t, {}, at::zeros({2, 4}))));
}

TEST(UNetCondition, IsReplacedByTheNullVectorWhereDropped) {
  UNet network(small(3));
  fill(network);
  const at::Tensor condition = values({1, 0, 0, 0, 1, 0, 0, 0, 1}, {3, 3});
  const at::Tensor dropped = network.drop_condition(condition, indices({0, 1, 0}));
  EXPECT_TRUE(same_bits(dropped, values({1, 0, 0, 0, 0, 0, 0, 0, 1}, {3, 3})));
}

TEST(UNetCondition, IsDroppedTowardsTheStoredNullVector) {
  // The official null vector is a frozen tensor of the checkpoint, so one that is not zero must be used as it is.
  UNet network(small(2));
  fill(network);
  const TemporaryFolder folder;
  SafetensorsWriter writer;
  for (const Parameter& parameter : network.parameters().all()) {
    const at::Tensor value = parameter.name == "null_cond_emb" ? values({3, -4}, {1, 2}) : parameter.value.contiguous();
    writer.add(parameter.name, parameter.shape,
               std::span(value.const_data_ptr<float>(), static_cast<std::size_t>(value.numel())));
  }
  writer.write(folder / "state.safetensors");
  network.parameters().load(SafetensorsFile(folder / "state.safetensors"));
  EXPECT_TRUE(same_bits(network.drop_condition(values({1, 0}, {1, 2}), indices({1})), values({3, -4}, {1, 2})));
}

/// How far the output moves when every channel of the last block's activation moves by a constant of its own.
double response_to_channel_means(std::int64_t norm_groups) {
  UNetConfig config = small(0);
  config.norm_groups = norm_groups;
  UNet network(config);
  fill(network);
  const at::Tensor x = normal({2, 3, 8, 8}, 3), t = indices({10, 700});
  const at::Tensor before = network.forward(x, t, {}, {});
  for (const Parameter& parameter : network.parameters().all())
    if (parameter.name == "output_blocks.3.0.out_layers.3.bias") parameter.value.add_(normal({32}, 4));
  return max_abs_difference(before, network.forward(x, t, {}, {}));
}

TEST(UNetNormalisation, OfOneChannelAGroupHidesTheChannelsMeans) {
  EXPECT_LT(response_to_channel_means(32), 1e-4);
  EXPECT_GT(response_to_channel_means(8), 0.1);
}

TEST(UNetErrors, NameWhatTheForwardPassLacks) {
  UNet plain(small(0)), conditional(small(4));
  UNetConfig config = small(0);
  config.num_classes = 5;
  UNet classes(config);
  for (UNet* network : {&plain, &conditional, &classes}) network->parameters().materialise(0);
  const at::Tensor x = normal({2, 3, 8, 8}, 1), t = indices({1, 2});
  const auto refused = [&](const UNet& network, const at::Tensor& image, const at::Tensor& y, const at::Tensor& c) {
    return message_of<InputError>([&] { network.forward(image, t, y, c); });
  };
  EXPECT_THAT(refused(plain, normal({2, 4, 8, 8}, 1), {}, {}), HasSubstr("[B, 3, H, W]"));
  EXPECT_THAT(refused(plain, x.select(0, 0), {}, {}), HasSubstr("[B, 3, H, W]"));
  EXPECT_THAT(refused(classes, x, {}, {}), HasSubstr("needs classes"));
  EXPECT_THAT(refused(plain, x, indices({1, 2}), {}), HasSubstr("without num_classes"));
  EXPECT_THAT(refused(conditional, x, {}, {}), HasSubstr("needs a condition"));
  EXPECT_THAT(refused(plain, x, {}, at::zeros({2, 4})), HasSubstr("without cond_dim"));
  EXPECT_THAT(refused(conditional, x, {}, at::zeros({2, 5})), HasSubstr("condition must be [2, 4]"));
  EXPECT_THAT(refused(conditional, x, {}, at::zeros({1, 4})), HasSubstr("condition must be [2, 4]"));
  EXPECT_THAT(refused(conditional, x, {}, at::zeros({8})), HasSubstr("condition must be [2, 4]"));
  Condition with_text(normal({2, 5}, 2));
  with_text.text = normal({2, 3, 4}, 3);
  for (const UNet* network : {&plain, &conditional, &classes})
    EXPECT_THAT(message_of<InputError>([&] { network->predict(x, t, with_text); }),
                HasSubstr("text given to a network"));
}

TEST(UNetConfiguration, SurvivesJson) {
  const UNetConfig config = published("adm_unet_512_cond");
  const nlohmann::json object = to_json(config);
  EXPECT_EQ(to_json(read_unet_config(object, "unet")), object);
  EXPECT_EQ(shapes_of(UNet(read_unet_config(object, "unet"))), shapes_of(UNet(config)));
  EXPECT_EQ(to_json(read_unet_config(to_json(small(4)), "unet")), to_json(small(4)));
  UNetConfig grouped = small(4);
  grouped.norm_groups = 8;
  EXPECT_EQ(read_unet_config(to_json(grouped), "unet").norm_groups, 8);
}

TEST(UNetConfiguration, RefusesWhatCannotBeBuilt) {
  const auto refused = [](const char* text) {
    return message_of<InputError>([&] { UNet(read_unet_config(nlohmann::json::parse(text), "unet")); });
  };
  EXPECT_THAT(refused(R"({"model_channels": 48})"), AllOf(HasSubstr("48"), HasSubstr("multiple of 32")));
  EXPECT_THAT(refused(R"({"model_channels": 32, "channel_mult": [0.5, 1]})"), HasSubstr("multiple of 32"));
  EXPECT_THAT(refused(R"({"model_channels": 36, "norm_groups": 8})"), HasSubstr("multiple of 8, the norm_groups"));
  EXPECT_THAT(refused(R"({"image_size": 18, "channel_mult": [1, 1, 1]})"), HasSubstr("not a multiple of 4"));
  EXPECT_THAT(refused(R"({"chanel_mult": [1]})"), HasSubstr("channel_mult"));
  EXPECT_THAT(refused(R"({"num_heads": 5})"), HasSubstr("5 heads"));
  EXPECT_THAT(refused(R"({"num_head_channels": 48})"), HasSubstr("heads of 48 channels"));
  EXPECT_THAT(refused(R"({"dropout": 1.0})"), HasSubstr("unet.dropout"));
  EXPECT_THAT(refused(R"({"channel_mult": []})"), HasSubstr("unet.channel_mult"));
  UNetConfig config;
  config.model_channels = 48;
  EXPECT_THAT(message_of<InputError>([&] { UNet network(config); }), HasSubstr("multiple of 32"));
}

/// Two trainable parameters and one frozen.
void declare(Parameters& parameters) {
  parameters.declare({"a", {2, 3}, Initial::normal});
  parameters.declare({"frozen", {2}, Initial::ones, 1, false});
  parameters.declare({"b", {1000}, Initial::uniform_fan_in, 25});
}

TEST(ParametersStart, ByTheirRules) {
  Parameters parameters;
  declare(parameters);
  parameters.declare({"zero", {4}, Initial::zeros});
  parameters.materialise(5);
  EXPECT_EQ(parameters.trainable_count(), 1010);
  EXPECT_TRUE(same_bits(parameters.all()[1].value, values({1, 1})));
  EXPECT_TRUE(same_bits(parameters.all()[3].value, at::zeros({4})));
  // U(-0.2, 0.2): variance 0.04 / 3, of which 1000 draws give the mean within 5 * 0.0037.
  const at::Tensor b = parameters.all()[2].value;
  EXPECT_LE(b.abs().max().item<double>(), 0.2);
  EXPECT_GT(b.abs().max().item<double>(), 0.19);
  EXPECT_LT(std::abs(b.mean().item<double>()), 5 * 0.0037);
}

TEST(ParametersStart, FromTheSeedAndAddingALayerChangesNoOther) {
  Parameters two, again, other, three;
  for (Parameters* p : {&two, &again, &other, &three}) declare(*p);
  three.declare({"c", {5}, Initial::normal});
  two.materialise(5);
  again.materialise(5);
  other.materialise(6);
  three.materialise(5);
  EXPECT_TRUE(same_bits(two.flat(), again.flat()));
  EXPECT_FALSE(same_bits(two.flat(), other.flat()));
  EXPECT_TRUE(same_bits(two.flat(), three.flat().narrow(0, 0, two.flat().numel())));
}

TEST(ParametersStart, RefuseASecondNameAndALateOne) {
  Parameters parameters;
  declare(parameters);
  EXPECT_THAT(message_of<Error>([&] { parameters.declare({"a", {1}}); }), HasSubstr("'a' declared twice"));
  Parameters done;
  declare(done);
  done.materialise(0);
  EXPECT_THAT(message_of<Error>([&] { done.declare({"late", {1}}); }), HasSubstr("after materialise"));
}

TEST(ParametersFile, RoundTripsEveryBitUnderAPrefix) {
  const TemporaryFolder folder;
  Parameters saved, loaded;
  declare(saved);
  declare(loaded);
  saved.materialise(1);
  loaded.materialise(2);
  SafetensorsWriter writer;
  saved.save(writer, "model.");
  saved.save(writer, "ema.", saved.flat() * 2);
  writer.write(folder / "both.safetensors");
  const SafetensorsFile file(folder / "both.safetensors");
  loaded.load_partly(file, "model.");
  EXPECT_TRUE(same_bits(loaded.flat(), saved.flat()));
  loaded.load_partly(file, "ema.");
  EXPECT_TRUE(same_bits(loaded.flat(), saved.flat() * 2));
  EXPECT_TRUE(same_bits(loaded.all()[1].value, saved.all()[1].value));
}

TEST(ParametersFile, ListsWhatIsMissingExtraAndOfAnotherShapeAndLoadsNothing) {
  const TemporaryFolder folder;
  SafetensorsWriter writer;
  const std::vector<float> numbers(1000, 0.5f);
  const std::vector<std::int64_t> whole(1000, 1);
  writer.add("a", {3, 2}, std::span(numbers).first(6));
  writer.add("b", {1000}, std::span<const std::int64_t>(whole));
  writer.add("extra", {1}, std::span(numbers).first(1));
  writer.write(folder / "state.safetensors");
  Parameters parameters;
  declare(parameters);
  parameters.materialise(1);
  const at::Tensor before = parameters.flat().clone();
  EXPECT_THAT(message_of<InputError>([&] { parameters.load(SafetensorsFile(folder / "state.safetensors")); }),
              AllOf(HasSubstr("state.safetensors"), HasSubstr("a is [3, 2], expected [2, 3]"),
                    HasSubstr("missing frozen"), HasSubstr("b is I64, expected F32"), HasSubstr("unknown key extra")));
  EXPECT_TRUE(same_bits(parameters.flat(), before));
}

TEST(ParametersFile, NamesTenFaultsAtMost) {
  const TemporaryFolder folder;
  SafetensorsWriter writer;
  const float one = 1;
  writer.add("x0", {1}, std::span(&one, 1));
  writer.write(folder / "state.safetensors");
  Parameters parameters;
  for (int i = 10; i < 30; ++i) parameters.declare({fmt::format("p{}", i), {1}});
  parameters.materialise(0);
  EXPECT_THAT(
      message_of<InputError>([&] { parameters.load(SafetensorsFile(folder / "state.safetensors")); }),
      AllOf(HasSubstr("21 wrong keys (0 of another shape or type, 20 missing, 1 unknown)"), HasSubstr("missing p10"),
            HasSubstr("unknown key x0"), HasSubstr("missing p18"), Not(HasSubstr("p19"))));
}

}  // namespace
}  // namespace assay
