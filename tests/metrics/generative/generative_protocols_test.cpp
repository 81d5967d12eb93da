#include "metrics/generative/generative_protocols.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/philox.h"
#include "metrics/metric_facts.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// Features of so many samples in three dimensions, and logits of four classes.
FeatureSet random_set(std::int64_t count, std::uint64_t seed) {
  struct Rows {
    std::vector<float> features, logits;
  };
  const auto rows = std::make_shared<Rows>();
  rows->features.resize(static_cast<std::size_t>(3 * count));
  rows->logits.resize(static_cast<std::size_t>(4 * count));
  RandomStream(seed, Purpose::noise, 0).fill_normal(rows->features);
  RandomStream(seed, Purpose::noise, 1).fill_normal(rows->logits);
  FeatureSet set;
  set.name = "set";
  set.count = count;
  set.width = 3;
  set.classes = 4;
  set.features = rows->features;
  set.logits = rows->logits;
  set.storage = rows;
  return set;
}

TEST(GenerativeProtocols, EachRowHasWordsAndScores) {
  std::set<std::string> ids;
  for (const GenerativeProtocol& protocol : generative_protocols()) {
    EXPECT_TRUE(ids.insert(protocol.id()).second) << protocol.id();
    EXPECT_EQ(protocol.words.id, protocol.id());
    EXPECT_NE(protocol.score, nullptr) << protocol.id();
  }
}

TEST(GenerativeProtocols, EveryMetricOfThemHasItsRow) {
  const FeatureSet reference = random_set(60, 1), a = random_set(50, 2), b = random_set(50, 3);
  PairOptions options;
  options.scores.bootstrap = 10;
  options.scores.kid_subsets = 2;
  options.scores.kid_subset_size = 20;
  options.swaps = 10;
  options.scores.held_out = &reference;
  std::set<std::string_view> known;
  for (const MetricFacts& metric : metric_facts()) known.insert(metric.name);
  for (const GenerativeProtocol& protocol : generative_protocols()) {
    for (const MetricRow& row : protocol.score(reference, a, options.scores))
      EXPECT_TRUE(known.contains(row.metric)) << row.metric << " of " << protocol.id();
    if (protocol.pairs == nullptr) continue;
    const std::vector<PairScore> pairs = protocol.pairs(reference, a, b, options);
    EXPECT_EQ(static_cast<std::int64_t>(pairs.size()), protocol.pair_metrics) << protocol.id();
    for (const PairScore& pair : pairs) {
      // Comparisons rank sets, so they need to know which end is the better one.
      EXPECT_NE(direction_of(pair.metric), Better::unstated) << pair.metric << " of " << protocol.id();
      EXPECT_EQ(pair.differences.size(), 10U) << pair.metric << " of " << protocol.id();
    }
  }
}

TEST(GenerativeProtocols, PublicStatisticsStandForInceptionsFeaturesAlone) {
  for (const char* id : {"fid-tf1", "fid-torch", "fid-clean", "fid-tm18", "fid-sg3", "fid-infinity", "sfid-oai"})
    EXPECT_TRUE(find_generative_protocol(id).takes_public_statistics()) << id;
  for (const char* id : {"fd-dinov2", "fd-small", "kid-seed2020", "prdc5", "pr-tf", "pr-oai", "is-tf10", "is-oai5000"})
    EXPECT_FALSE(find_generative_protocol(id).takes_public_statistics()) << id;
}

TEST(GenerativeProtocols, PassesAreNamedAfterTheFirstProtocolThatSharesThem) {
  for (const char* id : {"fid-tf1", "fid-sg3", "fid-infinity", "sfid-oai", "is-oai5000", "pr-oai", "kid-seed2020"})
    EXPECT_EQ(pass_name(find_image_protocol(id)), "fid-tf1") << id;
  for (const char* id : {"fid-torch", "fid-clean", "fid-tm18", "pr-tf", "fd-dinov2"})
    EXPECT_EQ(pass_name(find_image_protocol(id)), id);
}

TEST(GenerativeProtocols, AnUnknownIdNamesTheNearestOfItsKind) {
  EXPECT_THAT(message_of<InputError>([] { find_generative_protocol("fid-tf"); }),
              AllOf(HasSubstr("unknown generative protocol 'fid-tf'"), HasSubstr("did you mean 'fid-tf1'?")));
  EXPECT_THAT(message_of<InputError>([] { find_pair_protocol("fid-tf"); }),
              HasSubstr("unknown protocol of paired comparisons 'fid-tf'"));
  EXPECT_THAT(message_of<InputError>([] { find_image_protocol("fd-small"); }),
              AllOf(HasSubstr("unknown image protocol 'fd-small'"), Not(HasSubstr(" fd-small,"))));
}

}  // namespace
}  // namespace assay
