#include "reproductions/objects/lost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "core/error.h"
#include "tests/reproductions/objects/fixture_cases.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

// tests/data/lost/make_fixtures.py: the five steps in NumPy, written from the text.
TEST(Lost, AgreesWithABruteForceOfItsFiveSteps) {
  EXPECT_EQ(test::for_each_fixture_case(
                "lost",
                [](const test::FixtureCase& c) {
                  const auto sizes = c.ints("sizes");
                  const auto features = c.floats("features");
                  const std::int64_t rows = sizes[0], columns = sizes[1];
                  const LostBox found =
                      lost(features, rows, columns, static_cast<std::int64_t>(features.size()) / (rows * columns),
                           sizes[4], sizes[5], {.patch = sizes[2], .candidates = sizes[3]});
                  EXPECT_THAT(found.degree, ElementsAreArray(c.ints("degree"))) << c.name();
                  EXPECT_EQ(found.seed, c.ints("seed")[0]) << c.name();
                  EXPECT_THAT(found.similar, ElementsAreArray(c.ints("similar"))) << c.name();
                  EXPECT_THAT(found.component, ElementsAreArray(c.ints("component"))) << c.name();
                  EXPECT_THAT(found.box, ElementsAreArray(c.ints("box"))) << c.name();
                }),
            21);
}

/// One feature a patch of a grid drawn as text: 'o' and 'x' are two objects that turn away from the background '.' and
/// from one another.
std::vector<float> drawn(const std::string& picture) {
  std::vector<float> features;
  for (const char c : picture) {
    if (c == '.') features.insert(features.end(), {1, 1, 0});
    if (c == 'o') features.insert(features.end(), {-1, 0, 1});
    if (c == 'x') features.insert(features.end(), {0, -1, -2});
  }
  return features;
}

TEST(Lost, TakesTheRarerOfTwoObjects) {
  const auto features = drawn(
      "....."
      ".oo.."
      ".oo.x"
      "....x"
      ".....");
  const LostBox found = lost(features, 5, 5, 3, 80, 80);
  EXPECT_EQ(found.seed, 14);  // degree 1; the other object's patches have 3, the background 18
  EXPECT_THAT(found.similar, ElementsAre(14, 19));
  EXPECT_THAT(found.box, ElementsAre(64, 32, 80, 64));
}

TEST(Lost, KeepsTheSeedsComponentOfTwoLikeObjects) {
  const auto features = drawn(
      "o...."
      "o...."
      "....."
      "...oo"
      "...oo");
  const LostBox found = lost(features, 5, 5, 3, 80, 80);
  EXPECT_EQ(found.seed, 0);  // all six have degree 5: the first
  EXPECT_THAT(found.similar, ElementsAre(0, 5, 18, 19, 23, 24));
  EXPECT_THAT(found.box, ElementsAre(0, 0, 16, 32));
}

TEST(Lost, DoesNotJoinPatchesAtACorner) {
  const auto features = drawn(
      "o..."
      ".o.."
      ".o.."
      "....");
  EXPECT_THAT(lost(features, 4, 4, 3, 64, 64).box, ElementsAre(0, 0, 16, 16));
}

TEST(Lost, IsTheFirstPatchWhereEveryPairTurnsAway) {
  // Four vertices of a tetrahedron: all products of two are -1.
  const std::vector<float> features = {1, 1, 1, 1, -1, -1, -1, 1, -1, -1, -1, 1};
  const LostBox found = lost(features, 2, 2, 3, 32, 32);
  EXPECT_THAT(found.degree, ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(found.similar, ElementsAre(0));
  EXPECT_THAT(found.box, ElementsAre(0, 0, 16, 16));
}

TEST(Lost, CoversTheImageWhereAllPatchesAreAlike) {
  const std::vector<float> features(12, 1.0f);
  EXPECT_THAT(lost(features, 3, 4, 1, 40, 60).box, ElementsAre(0, 0, 60, 40));
}

TEST(Lost, LetsNoMoreThanTheCandidatesJoinTheSeed) {
  const auto features = drawn(
      "o...."
      "o...."
      "....."
      "...oo"
      "...oo");
  EXPECT_THAT(lost(features, 5, 5, 3, 80, 80, {.candidates = 2}).similar, ElementsAre(0, 5));
}

TEST(Lost, BoxesThePatchOfASeedWithoutFeatures) {
  std::vector<float> features(9, 1.0f);
  features[4] = 0.0f;
  const LostBox found = lost(features, 3, 3, 1, 48, 48);
  EXPECT_EQ(found.seed, 4);
  EXPECT_TRUE(found.similar.empty());
  EXPECT_THAT(found.box, ElementsAre(16, 16, 32, 32));
}

TEST(Lost, PadsToThePatchAndClipsToTheImage) {
  EXPECT_EQ(padded_size(480, 16), 480);
  EXPECT_EQ(padded_size(481, 16), 496);
  EXPECT_EQ(padded_size(1, 16), 16);
  const std::vector<float> features(6, 1.0f);
  EXPECT_THAT(lost(features, 2, 3, 1, 17, 33).box, ElementsAre(0, 0, 33, 17));
}

TEST(Lost, RefusesGridsAndFeaturesThatDoNotFit) {
  const std::vector<float> features(6, 1.0f);
  const auto refused = [&](std::int64_t rows, std::int64_t columns, std::int64_t width, const LostOptions& options) {
    return message_of<InputError>([&] { lost(features, rows, columns, 1, 32, width, options); });
  };
  EXPECT_THAT(refused(2, 3, 32, {}), AllOf(HasSubstr("2 x 3 patches"), HasSubstr("accepted: 2 x 2")));
  EXPECT_THAT(refused(2, 4, 64, {}), AllOf(HasSubstr("6 numbers"), HasSubstr("accepted: 8")));
  EXPECT_THAT(refused(2, 3, 48, {.candidates = 0}), HasSubstr("at least 1"));
  std::vector<float> broken(6, 1.0f);
  broken[4] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message_of<InputError>([&] { lost(broken, 2, 3, 1, 32, 48); }), HasSubstr("patch 4 is not finite"));
}

}  // namespace
}  // namespace assay
