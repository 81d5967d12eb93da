#include "reproductions/objects/tokencut.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "core/error.h"
#include "tests/reproductions/objects/fixture_cases.h"
#include "tests/support/throws.h"

// The published code's own numbers are in the pack `tokencut.ncut` (tests/bench/parity/parity_test.cpp).

namespace assay {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

// tests/data/tokencut/make_fixtures.py: the steps with SciPy's dense solver, written from the text.
TEST(TokenCut, AgreesWithADenseSolverOnGridsOfEveryShape) {
  EXPECT_EQ(test::for_each_fixture_case(
                "tokencut",
                [](const test::FixtureCase& c) {
                  const auto sizes = c.ints("sizes");
                  const auto features = c.floats("features"), numbers = c.floats("numbers");
                  const std::int64_t rows = sizes[0], columns = sizes[1];
                  const TokenCutObject found = tokencut(
                      features, rows, columns, static_cast<std::int64_t>(features.size()) / (rows * columns), sizes[3],
                      sizes[4], {.patch = sizes[2], .tau = numbers[0], .epsilon = numbers[1], .binary = sizes[5] == 1});
                  EXPECT_EQ(found.seed, c.ints("seed")[0]) << c.name();
                  EXPECT_THAT(found.components, ElementsAreArray(c.ints("components"))) << c.name();
                  EXPECT_THAT(found.mask, ElementsAreArray(c.ints("mask"))) << c.name();
                  EXPECT_THAT(found.box, ElementsAreArray(c.ints("box"))) << c.name();
                  const auto expected = c.floats("eigenvector");
                  for (std::size_t p = 0; p < expected.size(); ++p)
                    EXPECT_NEAR(found.eigenvector[p], expected[p], 1e-6)
                        << c.name() << p;  // float32 of numbers below 1
                }),
            28);
}

/// One feature a patch of a grid drawn as text: 'o', 'x' and '.' are at right angles.
std::vector<float> drawn(const std::string& picture) {
  std::vector<float> features;
  for (const char c : picture)
    for (const char kind : {'.', 'o', 'x'}) features.push_back(c == kind ? 2.0f : 0.0f);
  return features;
}

TEST(TokenCut, OfTwoBlocksIsWorkedByHand) {
  // A block of m and one of k: x is a and -b on them. With d = m + eps k and e = k + eps m, x^T D 1 = m d a - k e b = 0
  // and x^T D x = m d a^2 + k e b^2 = 1.
  const auto features = drawn(
      "....."
      ".oo.."
      ".oo.."
      ".....");
  const TokenCutOptions options{.epsilon = 1e-3};
  const TokenCutObject found = tokencut(features, 4, 5, 3, 64, 80, options);
  constexpr double m = 4, k = 16, d = m + 1e-3 * k, e = k + 1e-3 * m;
  const double a = 1 / std::sqrt(m * d * (1 + m * d / (k * e))), b = m * d * a / (k * e);
  for (std::size_t p = 0; p < 20; ++p) EXPECT_NEAR(found.eigenvector[p], features[3 * p + 1] > 0 ? a : -b, 1e-9) << p;
  EXPECT_EQ(found.seed, 6);  // of four as large, the first
  EXPECT_THAT(found.box, ElementsAre(16, 16, 48, 48));
}

TEST(TokenCut, KeepsTheSeedsPartOfTheObjectsSide) {
  const auto features = drawn(
      "......"
      ".oo..o"
      ".oo..o"
      "......");
  const TokenCutObject found = tokencut(features, 4, 6, 3, 64, 96);
  EXPECT_THAT(found.components, ElementsAre(0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 2, 0, 1, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(found.mask, ElementsAre(0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(found.box, ElementsAre(16, 16, 48, 48));
}

TEST(TokenCut, DependsOnTheDirectionsOfFeaturesAlone) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<float> features(30 * 4), longer;
  for (float& f : features) f = normal(random);
  for (std::size_t i = 0; i < features.size(); ++i) longer.push_back(features[i] * static_cast<float>(1 + i / 4));
  const TokenCutObject one = tokencut(features, 5, 6, 4, 80, 96), other = tokencut(longer, 5, 6, 4, 80, 96);
  EXPECT_EQ(one.seed, other.seed);
  EXPECT_EQ(one.mask, other.mask);
  EXPECT_EQ(tokencut(features, 5, 6, 4, 80, 96).eigenvector, one.eigenvector);
}

TEST(TokenCut, TakesAPatchWithoutFeatures) {
  auto features = drawn(
      "....."
      ".oo.."
      ".oo.."
      ".....");
  features[0] = 0;
  for (const bool binary : {true, false}) {
    const TokenCutObject found = tokencut(features, 4, 5, 3, 64, 80, {.tau = 0.0, .binary = binary});
    EXPECT_THAT(found.box, ElementsAre(16, 16, 48, 48)) << binary;
  }
}

TEST(TokenCut, FindsSomeBoxWhereAllPatchesAreAlike) {
  const std::vector<float> features(12, 1.0f);
  const TokenCutObject found = tokencut(features, 3, 4, 1, 40, 60);
  EXPECT_EQ(found.mask[static_cast<std::size_t>(found.seed)], 1);
  EXPECT_EQ(found.box, tokencut(features, 3, 4, 1, 40, 60).box);
  EXPECT_LE(found.box[2], 60);
}

TEST(TokenCut, RefusesWhatItCannotCut) {
  const std::vector<float> features(6, 1.0f);
  const auto refused = [&](std::int64_t rows, std::int64_t columns, std::int64_t width, const TokenCutOptions& o) {
    return message_of<InputError>([&] { tokencut(features, rows, columns, 1, 32, width, o); });
  };
  EXPECT_THAT(refused(2, 3, 32, {}), AllOf(HasSubstr("TokenCut: 2 x 3 patches"), HasSubstr("accepted: 2 x 2")));
  EXPECT_THAT(refused(2, 4, 64, {}), AllOf(HasSubstr("6 numbers"), HasSubstr("accepted: 8")));
  EXPECT_THAT(refused(2, 3, 48, {.tau = 1.0}), HasSubstr("0 <= tau < 1"));
  EXPECT_THAT(refused(2, 3, 48, {.epsilon = 0.0}), HasSubstr("0 < epsilon"));
  EXPECT_THAT(message_of<InputError>([&] { tokencut(features, 1, 1, 6, 16, 16); }), HasSubstr("at least two"));
  std::vector<float> broken(6, 1.0f);
  broken[4] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(message_of<InputError>([&] { tokencut(broken, 2, 3, 1, 32, 48); }), HasSubstr("patch 4 is not finite"));
}

TEST(TokenCutOptions, AreReadAsTheyAreWritten) {
  const nlohmann::json given = {{"tau", 0.3}, {"epsilon", 0.01}, {"binary", false}};
  EXPECT_EQ(to_json(read_tokencut_options(given, "x")), given);
  EXPECT_EQ(to_json(read_tokencut_options(nlohmann::json::object(), "x")), to_json(TokenCutOptions{}));
  EXPECT_THAT(message_of<InputError>([] { read_tokencut_options({{"tau", 2}}, "x"); }), HasSubstr("x.tau"));
}

}  // namespace
}  // namespace assay
