#include "reproductions/diffusion_seg/algorithm/attention_cut.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/philox.h"
#include "reproductions/diffusion_seg/algorithm/mask_baselines.h"
#include "tests/support/throws.h"

namespace assay::diffusion_seg {
namespace {

using test::message_of;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

using Mask = std::vector<std::uint8_t>;

/// Maps of an image with one object: a noisy disc that its own pixels attend to.
struct Example {
  std::int64_t side;
  std::vector<float> cross, self, rgb;

  AttentionMaps maps() const { return {side, side, cross, self, rgb}; }
};

Example example(std::int64_t side, std::uint64_t item) {
  RandomStream random(7, Purpose::resample, item);
  Example e{side, {}, {}, {}};
  std::vector<bool> object;
  const double centre = 0.5 * static_cast<double>(side - 1);
  for (std::int64_t y = 0; y < side; ++y)
    for (std::int64_t x = 0; x < side; ++x) {
      const double distance = std::hypot(static_cast<double>(y) - centre, static_cast<double>(x) - centre);
      object.push_back(distance < 0.3 * static_cast<double>(side));
      e.cross.push_back(static_cast<float>(0.6 * random.uniform() + (object.back() ? 0.4 : 0.0)));
      for (int k = 0; k < 3; ++k)
        e.rgb.push_back(static_cast<float>(0.2 * random.uniform() + (object.back() ? 0.7 : 0.1)));
    }
  for (std::size_t i = 0; i < object.size(); ++i) {
    std::vector<double> row;
    double sum = 0.0;
    for (std::size_t j = 0; j < object.size(); ++j) {
      row.push_back((object[i] == object[j] ? 1.0 : 0.1) * (0.5 + random.uniform()));
      sum += row.back();
    }
    for (const double value : row) e.self.push_back(static_cast<float>(value / sum));
  }
  return e;
}

TEST(AttentionCut, WithoutPairwiseTermIsTheThresholdOfOneHalf) {
  for (const Neighbourhood neighbourhood :
       {Neighbourhood::all_pairs, Neighbourhood::eight_neighbours, Neighbourhood::top_k}) {
    Example e = example(8, 1);
    e.cross[3] = 0.5f;
    e.cross[4] = std::nextafter(0.5f, 1.0f);
    e.cross[5] = std::nextafter(0.5f, 0.0f);
    e.cross[6] = 0.0f;
    e.cross[7] = 1.0f;
    const AttentionCut cut = attention_cut(e.maps(), {.lambda = 0.0, .neighbourhood = neighbourhood});
    EXPECT_EQ(cut.mask, above(e.cross, 0.5));
    EXPECT_THAT(Mask(cut.mask.begin() + 3, cut.mask.begin() + 8), ElementsAre(0, 1, 0, 0, 1));
  }
}

TEST(AttentionCut, CostsNoMoreThanAnyBaseline) {
  for (std::uint64_t item = 0; item < 5; ++item) {
    const Example e = example(12, item);
    for (const Neighbourhood neighbourhood :
         {Neighbourhood::all_pairs, Neighbourhood::eight_neighbours, Neighbourhood::top_k})
      for (const double lambda : {0.1, 0.3, 1.0, 3.0, 10.0})
        for (const bool colour : {false, true}) {
          const AttentionCutOptions options{.lambda = lambda, .neighbourhood = neighbourhood, .colour = colour};
          const GraphCut model = attention_energy(e.maps(), options);
          const AttentionCut cut = attention_cut(e.maps(), options);
          EXPECT_EQ(cut.energy, model.energy(cut.mask));
          const Mask nothing(e.cross.size(), 0), all(e.cross.size(), 1);
          for (const Mask& other :
               {above(e.cross, 0.5), above(e.cross, otsu_threshold(e.cross)), propagated_mask(e.self, e.cross, 4, 0.6),
                random_mask(144, 0.3, 1, item), nothing, all})
            EXPECT_LE(cut.energy, model.energy(other) * (1 + 1e-12));
        }
    // Enough of the pairwise term leaves one label, less of it finds the disc.
    EXPECT_THAT(attention_cut(e.maps(), {.lambda = 10.0}).area, testing::AnyOf(0.0, 1.0));
  }
}

// By hand, for two pixels a and b beside each other: W of [[.5, .5], [.25, .75]] is .375 off the diagonal, scaled to 1.
TEST(AttentionCut, HasTheEnergyOfItsFormula) {
  const std::vector<float> cross = {0.75f, 0.25f}, self = {0.5f, 0.5f, 0.25f, 0.75f}, rgb = {0, 0, 0, 0.3f, 0, 0.4f};
  const AttentionMaps maps{1, 2, cross, self, rgb};
  const double low = -std::log(0.25), high = -std::log(0.75);
  for (const Neighbourhood neighbourhood :
       {Neighbourhood::all_pairs, Neighbourhood::eight_neighbours, Neighbourhood::top_k}) {
    AttentionCutOptions options{.lambda = 2.0, .neighbourhood = neighbourhood};
    const GraphCut plain = attention_energy(maps, options);
    EXPECT_DOUBLE_EQ(plain.energy(Mask{1, 0}), 2 * high + 2);
    EXPECT_DOUBLE_EQ(plain.energy(Mask{0, 1}), 2 * low + 2);
    EXPECT_DOUBLE_EQ(plain.energy(Mask{1, 1}), high + low);
    options.colour = true;
    options.sigma = 0.5;
    EXPECT_NEAR(attention_energy(maps, options).energy(Mask{1, 0}), 2 * high + 2 * std::exp(-0.5), 1e-7);
  }
}

TEST(AttentionCut, JoinsTheEightNeighboursOfEachPixel) {
  // Equal attention everywhere: each pair of the neighbourhood weighs 1.
  const std::vector<float> cross(9, 0.5f), self(81, 1.0f / 9);
  const AttentionMaps maps{3, 3, cross, self, {}};
  const GraphCut model = attention_energy(maps, {.neighbourhood = Neighbourhood::eight_neighbours});
  const double alone = 9 * -std::log(0.5);
  for (const auto& [pixel, neighbours] : {std::pair{0, 3}, {1, 5}, {4, 8}, {5, 5}, {8, 3}, {6, 3}}) {
    Mask mask(9, 0);
    mask[static_cast<std::size_t>(pixel)] = 1;
    EXPECT_NEAR(model.energy(mask) - alone, neighbours, 1e-12) << pixel;
  }
}

TEST(AttentionCut, JoinsEachPixelToThoseItAttendsToMost) {
  // 0 attends to 1, 1 to 0, 2 to 1, 3 to 2; weights .8, .8 (once), .6 and .4 of which the largest is 1.
  const std::vector<float> cross(4, 0.5f);
  std::vector<float> half = {.2f, .8f, 0, 0, .8f, .2f, 0, 0, 0, .6f, .4f, 0, 0, 0, .4f, .6f};
  const AttentionMaps maps{1, 4, cross, half, {}};
  const GraphCut model = attention_energy(maps, {.neighbourhood = Neighbourhood::top_k, .top_k = 1});
  const double alone = 4 * -std::log(0.5);
  EXPECT_NEAR(model.energy(Mask{1, 0, 0, 0}) - alone, 1.0, 1e-6);
  EXPECT_NEAR(model.energy(Mask{0, 1, 0, 0}) - alone, 1.0 + 0.375, 1e-6);
  EXPECT_NEAR(model.energy(Mask{0, 0, 1, 0}) - alone, 0.375 + 0.25, 1e-6);
  EXPECT_NEAR(model.energy(Mask{0, 0, 0, 1}) - alone, 0.25, 1e-6);
  // More than there are is all of them.
  const Example e = example(4, 2);
  const Mask some = random_mask(16, 0.5, 1, 1);
  EXPECT_NEAR(attention_energy(e.maps(), {.neighbourhood = Neighbourhood::top_k, .top_k = 99}).energy(some),
              attention_energy(e.maps(), {}).energy(some), 1e-9);
}

TEST(AttentionCut, KeepsToItsSeeds) {
  Example e = example(6, 3);
  e.cross[0] = 0.9f;
  e.cross[1] = 0.1f;
  const AttentionCutOptions options{.lambda = 10.0, .seed_high = 0.9f, .seed_low = 0.1f};
  const AttentionCut cut = attention_cut(e.maps(), options);
  for (std::size_t i = 0; i < cut.mask.size(); ++i) {
    if (e.cross[i] >= 0.9f || e.cross[i] <= 0.1f) {
      EXPECT_EQ(cut.mask[i], e.cross[i] >= 0.9f ? 1 : 0);
    }
  }
  EXPECT_TRUE(std::isfinite(cut.energy));
}

TEST(AttentionCut, RejectsByArea) {
  const std::vector<float> self(16, 0.25f);
  const auto cut = [&](const std::vector<float>& cross, AttentionCutOptions options) {
    options.lambda = 0.0;
    return attention_cut({2, 2, cross, self, {}}, options);
  };
  const std::vector<float> none(4, 0.1f), half = {0.9f, 0.1f, 0.1f, 0.9f}, all(4, 0.9f);
  EXPECT_EQ(cut(none, {}).rejected, "area 0 is below area_least 0.02");
  EXPECT_EQ(cut(all, {}).rejected, "area 1 is above area_most 0.8");
  EXPECT_EQ(cut(half, {}).rejected, "");
  EXPECT_EQ(cut(half, {}).area, 0.5);
  EXPECT_EQ(cut(all, {.reject = false}).rejected, "");
  EXPECT_EQ(cut(half, {.area_least = 0.5, .area_most = 0.5}).rejected, "");  // the ends are accepted
}

TEST(AttentionCut, RefusesMapsThatAreNone) {
  const Example good = example(3, 1);
  const auto refused = [&](auto change) {
    Example e = good;
    change(e);
    return message_of<Error>([&] { attention_energy(e.maps(), {.colour = true}); });
  };
  EXPECT_THAT(refused([](Example& e) { e.cross[4] = 1.5f; }), HasSubstr("cross-attention: 1.5 at place 4"));
  EXPECT_THAT(refused([](Example& e) { e.cross[4] = std::nanf(""); }), HasSubstr("cross-attention: nan at place 4"));
  EXPECT_THAT(refused([](Example& e) { e.self[1] = -0.1f; }), HasSubstr("-0.1 from pixel 0 to 1"));
  EXPECT_THAT(refused([](Example& e) { e.self[9] += 0.1f; }), HasSubstr("self-attention: row 1 sums to 1."));
  EXPECT_THAT(refused([](Example& e) { e.rgb[2] = 255.0f; }), HasSubstr("colours: 255 at place 2"));
  EXPECT_THAT(refused([](Example& e) { e.rgb.clear(); }), HasSubstr("colours: 0 values for 9 x 3"));
  EXPECT_THAT(refused([](Example& e) { e.cross.pop_back(); }), HasSubstr("cross-attention: 8 values for 3 x 3"));
  EXPECT_THAT(refused([](Example& e) { e.self.pop_back(); }), HasSubstr("self-attention: 80 values for 9 x 9"));
  const AttentionCutOptions both{.seed_high = 0.2, .seed_low = 0.8};
  EXPECT_THAT(message_of<InputError>([&] { attention_energy(good.maps(), both); }), HasSubstr("and at most seed_low"));
}

TEST(AttentionCutOptions, AreReadAndWritten) {
  const nlohmann::json defaults = to_json(read_attention_cut_options(nlohmann::json::object(), "cut"));
  EXPECT_EQ(defaults, to_json(AttentionCutOptions{}));
  EXPECT_EQ(defaults.at("seed_high"), nullptr);
  const nlohmann::json given = {
      {"lambda", 0.3},   {"neighbourhood", "top_k"}, {"top_k", 5},    {"colour", true},  {"sigma", 0.2},
      {"eps", 1e-4},     {"seed_high", 0.9},         {"seed_low", 0}, {"reject", false}, {"area_least", 0.1},
      {"area_most", 0.6}};
  EXPECT_EQ(to_json(read_attention_cut_options(given, "cut")), given);
  const auto refused = [](const nlohmann::json& object) {
    return message_of<InputError>([&] { read_attention_cut_options(object, "cut"); });
  };
  EXPECT_THAT(refused({{"lamda", 1}}), HasSubstr("lambda"));
  EXPECT_THAT(refused({{"lambda", -1}}), HasSubstr("cut.lambda"));
  EXPECT_THAT(refused({{"neighbourhood", "four"}}), HasSubstr("all_pairs"));
  EXPECT_THAT(refused({{"seed_high", 0.2}, {"seed_low", 0.2}}), HasSubstr("cut.seed_low: 0.2 is not below"));
  EXPECT_THAT(refused({{"area_least", 0.9}}), HasSubstr("cut.area_least: 0.9 is above area_most, 0.8"));
}

TEST(ObjectAttention, IsTheMeanOfTheObjectsTokens) {
  const std::vector<float> maps = {0.9f, 0.1f, 0.2f, 0.3f, 0.7f, 0.4f, 0.0f, 0.5f};
  EXPECT_THAT(object_attention(maps, 4, std::vector<std::int64_t>{1, 3}), ElementsAre(FloatEq(0.2f), FloatEq(0.45f)));
  EXPECT_THAT(message_of<InputError>([&] { object_attention(maps, 4, std::vector<std::int64_t>{4}); }),
              HasSubstr("token 4; accepted: 0 to 3"));
  EXPECT_THAT(message_of<InputError>([&] { object_attention(maps, 4, {}); }), HasSubstr("no token of the object"));
  EXPECT_THAT(message_of<Error>([&] { object_attention(maps, 3, std::vector<std::int64_t>{1}); }),
              HasSubstr("8 values for 3 tokens"));
}

// F.interpolate(mode="bicubic", align_corners=False) of PyTorch 2.11.
TEST(ResizeBicubic, HasTheValuesOfPyTorch) {
  const std::vector<float> map = {.74f, .53f, .96f, .70f, .34f, .95f, .30f, .02f, .89f, .46f, .23f, .02f};
  EXPECT_THAT(
      resize_bicubic(map, 3, 4, 6, 8),
      Pointwise(FloatNear(1e-6f),
                std::vector<float>{
                    0.8134573f, 0.6958936f, 0.4955103f, 0.5867284f, 0.9231567f, 1.0285461f, 0.8492689f,  0.7445193f,
                    0.6287372f, 0.6268399f, 0.6215988f, 0.6917106f, 0.8028835f, 0.7704266f, 0.6124238f,  0.5177782f,
                    0.3163067f, 0.5093869f, 0.83298f,   0.8709133f, 0.6073808f, 0.3454107f, 0.2223395f,  0.1442305f,
                    0.3738156f, 0.5503461f, 0.8494f,    0.7897342f, 0.410328f,  0.0836768f, -0.0149072f, -0.0797998f,
                    0.7687882f, 0.7265875f, 0.6615863f, 0.4940158f, 0.323002f,  0.1330273f, 0.0346582f,  -0.0278015f,
                    1.004928f,  0.8322635f, 0.5501791f, 0.3164501f, 0.267087f,  0.1571258f, 0.0593768f,  -0.0013698f}));
  EXPECT_THAT(resize_bicubic(map, 3, 4, 2, 3),
              Pointwise(FloatNear(1e-6f),
                        std::vector<float>{0.6288499f, 0.753844f, 0.5872169f, 0.7338734f, 0.4099389f, 0.0223056f}));
  EXPECT_EQ(resize_bicubic(map, 3, 4, 3, 4), map);
  EXPECT_THAT(resize_bicubic(std::vector<float>(6, 0.25f), 2, 3, 5, 4), Each(FloatEq(0.25f)));
  EXPECT_THAT(message_of<Error>([&] { resize_bicubic(map, 3, 3, 6, 6); }), HasSubstr("12 values for 3 x 3"));
  EXPECT_THAT(message_of<Error>([&] { resize_bicubic(map, 3, 4, 0, 6); }), HasSubstr("to 0 x 6"));
}

// F.interpolate(mode="bilinear", align_corners=False) > 0.5 of PyTorch 2.11 in float64; some values are 0.5 there.
TEST(ResizeMask, HasTheMaskOfPyTorch) {
  const Mask mask = {0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0};
  const auto text = [&](std::int64_t height, std::int64_t width) {
    std::string out;
    for (const std::uint8_t label : resize_mask(mask, 3, 4, height, width)) out += label ? '1' : '0';
    return out;
  };
  EXPECT_EQ(text(7, 9), "000000000000000000111100000111100000111100000110001100110001100");
  EXPECT_EQ(text(12, 16),
            "0000000000000000000000000000000000000000000000000000000000000000"
            "1111111000000000111111110000000011111111000000001111111100000000"
            "1111100011100000111100001111000011110000111100001111000011110000");
  EXPECT_EQ(text(2, 3), "000100");
  EXPECT_EQ(text(3, 4), "000011001010");
  EXPECT_THAT(message_of<InputError>([] { resize_mask(Mask{0, 255}, 1, 2, 2, 4); }), HasSubstr("255 at place 1"));
  EXPECT_THAT(message_of<Error>([] { resize_mask(Mask{0, 1}, 2, 2, 2, 4); }), HasSubstr("2 values for 2 x 2"));
}

TEST(MinMax, ScalesToZeroAndOne) {
  EXPECT_THAT(min_max(std::vector<float>{-1, 3, 1}), ElementsAre(0, 1, 0.5f));
  EXPECT_THAT(min_max(std::vector<float>{0.3f, 0.3f}), ElementsAre(0, 0));
  EXPECT_THAT(message_of<InputError>([] {
                min_max(std::vector<float>{0, std::nanf("")});
              }),
              HasSubstr("nan at place 1"));
}

TEST(SelfAffinity, IsSymmetricWithoutDiagonalAndAtMostOne) {
  const std::vector<float> self = {0.5f, 0.25f, 0.25f, 0.75f, 0.25f, 0.0f, 0.25f, 0.5f, 0.25f};
  EXPECT_THAT(self_affinity(self), ElementsAre(0, 1, 0.5f, 1, 0, 0.5f, 0.5f, 0.5f, 0));
  EXPECT_THAT(self_affinity(std::vector<float>{1, 0, 0, 1}), Each(0));
}

}  // namespace
}  // namespace assay::diffusion_seg
