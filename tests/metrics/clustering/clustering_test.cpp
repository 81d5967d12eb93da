#include "metrics/clustering/clustering.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "core/error.h"
#include "metrics/metric_facts.h"

namespace assay {
namespace {

using Labels = std::vector<std::int64_t>;

// Expected values: scikit-learn 1.9.1, sklearn.metrics on the same lists.
const Labels truth = {0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 4, 4, 4, 4, 4, 5};
const Labels found = {1, 1, 0, 0, 2, 2, 2, 3, 3, 3, 3, 1, 4, 4, 4, 4, 0, 0, 4, 4};

/// The linear congruential generator that made the long lists in Python:
/// s = (1103515245 s + 12345) mod 2^31, label = (s >> 8) mod classes.
Labels generated(std::int64_t n, std::int64_t classes, std::int64_t state) {
  Labels out;
  for (std::int64_t i = 0; i < n; ++i) {
    state = (1103515245 * state + 12345) % 2147483648;
    out.push_back((state >> 8) % classes);
  }
  return out;
}

TEST(Nmi, AgreesWithScikitLearnInEveryAverage) {
  EXPECT_NEAR(nmi(truth, found), 0.6175494811077661, 1e-12);
  EXPECT_NEAR(nmi(truth, found, Average::geometric), 0.617673610604765, 1e-12);
  EXPECT_NEAR(nmi(truth, found, Average::min), 0.6301828070776824, 1e-12);
  EXPECT_NEAR(nmi(truth, found, Average::max), 0.6054127230267279, 1e-12);
}

TEST(Ami, AgreesWithScikitLearnInEveryAverage) {
  EXPECT_NEAR(ami(truth, found), 0.39924797049271366, 1e-12);
  EXPECT_NEAR(ami(truth, found, Average::geometric), 0.39937404166002705, 1e-12);
  EXPECT_NEAR(ami(truth, found, Average::min), 0.41222901689911823, 1e-12);
  EXPECT_NEAR(ami(truth, found, Average::max), 0.3870595091182589, 1e-12);
}

TEST(Clustering, AgreesWithScikitLearnOnTwentyItems) {
  EXPECT_NEAR(ari(truth, found), 0.3658210947930574, 1e-12);
  const VMeasure v = v_measure(truth, found);
  EXPECT_NEAR(v.homogeneity, 0.6054127230267279, 1e-12);
  EXPECT_NEAR(v.completeness, 0.6301828070776824, 1e-12);
  EXPECT_NEAR(v.v_measure, 0.6175494811077661, 1e-12);
}

TEST(Clustering, AgreesWithScikitLearnOnFiveThousandItems) {
  const Labels a = generated(5000, 37, 1), b = generated(5000, 11, 2);
  Labels c;
  for (std::size_t i = 0; i < a.size(); ++i) c.push_back(b[i] < 5 ? a[i] % 11 : b[i]);
  EXPECT_NEAR(nmi(a, c), 0.25872866252779525, 1e-12);
  EXPECT_NEAR(ami(a, c), 0.2493409079742671, 1e-12);
  EXPECT_NEAR(ari(a, c), 0.07826523657047811, 1e-12);
  EXPECT_NEAR(ami(a, b), -0.0005516040214779063, 1e-12);
  EXPECT_NEAR(ari(a, b), -9.682608548902146e-05, 1e-12);
}

// Pair counts of 200,000 items multiply to 10^20, past 64 bits.
TEST(Clustering, AgreesWithScikitLearnPastSixtyFourBits) {
  const Labels a = generated(200000, 3, 5), b = generated(200000, 4, 6);
  Labels c;
  for (std::size_t i = 0; i < a.size(); ++i) c.push_back(b[i] != 0 ? a[i] : 0);
  EXPECT_NEAR(ari(a, c), 0.5446334716588463, 1e-12);
  EXPECT_NEAR(nmi(a, c), 0.6213078740405188, 1e-12);
  EXPECT_NEAR(ami(a, c), 0.621304331472342, 1e-9);  // scikit-learn's log-factorials lose digits here
}

TEST(Clustering, TreatsDegenerateLabelsAsScikitLearnDoes) {
  struct Case {
    Labels a, b;
    double nmi, ami, ari, homogeneity, completeness;
  };
  const std::vector<Case> cases = {
      {{0, 0, 0}, {1, 1, 1}, 1, 1, 1, 1, 1},
      {{0, 0, 0}, {0, 1, 2}, 0, 0, 0, 1, 0},
      {{0, 1, 2}, {0, 0, 0}, 0, 0, 0, 0, 1},
      {{0, 1, 2, 3}, {3, 1, 0, 2}, 1, 1, 1, 1, 1},
      {{}, {}, 1, 1, 1, 1, 1},
      {{7}, {9}, 1, 1, 1, 1, 1},
      {{0, 0, 1, 1}, {0, 1, 0, 1}, 0, -0.5, -0.5, 0, 0},
      {{0, 0, 1, 1}, {0, 0, 1, 2}, 0.8, 4.0 / 7.0, 4.0 / 7.0, 1, 2.0 / 3.0},
  };
  for (const Case& c : cases) {
    EXPECT_NEAR(nmi(c.a, c.b), c.nmi, 1e-12) << ::testing::PrintToString(c.a);
    EXPECT_NEAR(ami(c.a, c.b), c.ami, 1e-12) << ::testing::PrintToString(c.a);
    EXPECT_NEAR(ari(c.a, c.b), c.ari, 1e-12) << ::testing::PrintToString(c.a);
    EXPECT_NEAR(v_measure(c.a, c.b).homogeneity, c.homogeneity, 1e-12) << ::testing::PrintToString(c.a);
    EXPECT_NEAR(v_measure(c.a, c.b).completeness, c.completeness, 1e-12) << ::testing::PrintToString(c.a);
  }
}

TEST(Ami, OneItemAClusterIsAPerfectMatchAtEverySize) {
  for (std::int64_t n = 2; n < 200; ++n) {
    Labels a, b;
    for (std::int64_t i = 0; i < n; ++i) {
      a.push_back(i);
      b.push_back(n - i);
    }
    ASSERT_EQ(ami(a, b), 1.0) << n;
  }
}

TEST(Clustering, DoesNotDependOnTheNamesOfLabels) {
  Labels renamed;
  for (const std::int64_t label : found) renamed.push_back(label * 1'000'000'000'000 - 7);  // sorted, not tabulated
  EXPECT_EQ(nmi(truth, renamed), nmi(truth, found));
  EXPECT_EQ(ami(truth, renamed), ami(truth, found));
  EXPECT_EQ(ari(truth, renamed), ari(truth, found));
}

TEST(Clustering, SparseTablesGiveWhatDenseOnesDo) {
  // 40,000 items of 20,000 clusters of two on both sides: the table would have 4e8 cells.
  Labels a, b;
  for (std::int64_t i = 0; i < 40000; ++i) {
    a.push_back(i / 2);
    b.push_back((i / 2 * 7919) % 20000);
  }
  EXPECT_NEAR(nmi(a, b), 1.0, 1e-12);
  EXPECT_EQ(ari(a, b), 1.0);
  EXPECT_EQ(accuracy_many_to_one(a, b), 1.0);
}

// scipy.optimize.linear_sum_assignment on the contingency table: 12 of 20; column maxima: 14 of 20.
TEST(Accuracy, AgreesWithScipysAssignment) {
  EXPECT_DOUBLE_EQ(accuracy_one_to_one(truth, found), 0.6);
  EXPECT_DOUBLE_EQ(accuracy_many_to_one(truth, found), 0.7);
  const Labels a = generated(5000, 37, 1), b = generated(5000, 11, 2);
  Labels c;
  for (std::size_t i = 0; i < a.size(); ++i) c.push_back(b[i] < 5 ? a[i] % 11 : b[i]);
  EXPECT_DOUBLE_EQ(accuracy_one_to_one(a, c), 0.1694);
  EXPECT_DOUBLE_EQ(accuracy_many_to_one(a, c), 0.1694);
}

TEST(Accuracy, OneItemAClusterIsPureButNotOneToOne) {
  const Labels classes = {0, 0, 1, 1}, singles = {0, 1, 2, 3};
  EXPECT_DOUBLE_EQ(accuracy_many_to_one(classes, singles), 1.0);
  EXPECT_DOUBLE_EQ(accuracy_one_to_one(classes, singles), 0.5);
  EXPECT_DOUBLE_EQ(accuracy_one_to_one(singles, classes), 0.5);
  EXPECT_DOUBLE_EQ(accuracy_many_to_one(singles, classes), 0.5);
}

// The greedy choice 5 + 0 = 5 is worse than 4 + 4.
TEST(Accuracy, TheAssignmentIsNotGreedy) {
  Labels a, b;
  const auto put = [&](int row, int column, int count) {
    for (int i = 0; i < count; ++i) {
      a.push_back(row);
      b.push_back(column);
    }
  };
  put(0, 0, 5);
  put(0, 1, 4);
  put(1, 0, 4);
  EXPECT_DOUBLE_EQ(accuracy_one_to_one(a, b), 8.0 / 13.0);
}

// 200,000 items of two classes, each a cluster of its own: rounding that grows with n would show.
TEST(Clustering, NoScoreOfATableOrOfItsResamplesLeavesItsRange) {
  Labels classes, singles, halves;
  for (std::int64_t i = 0; i < 200'000; ++i) {
    classes.push_back(i % 2);
    singles.push_back(i);
    halves.push_back(i / 2);
  }
  const auto expect_in = [](const char* metric, double value) {
    const ScoreRange range = score_range(metric);
    EXPECT_GE(value, range.low) << metric;
    EXPECT_LE(value, range.high) << metric;
  };
  for (const auto& [a, b] : {std::pair{classes, singles}, {singles, classes}, {singles, halves}, {classes, halves}}) {
    const Contingency whole = contingency(a, b);
    for (std::int64_t replicate = -1; replicate < 3; ++replicate) {
      const Contingency table = replicate < 0 ? whole : resample(whole, 5, replicate);
      const MutualInformation information = mutual_information(table);
      for (const Average average : {Average::arithmetic, Average::geometric, Average::min, Average::max}) {
        expect_in("nmi", nmi(information, average));
        expect_in("ami", ami(table, information, average));
      }
      const VMeasure v = v_measure(information);
      expect_in("homogeneity", v.homogeneity);
      expect_in("completeness", v.completeness);
      expect_in("v_measure", v.v_measure);
      expect_in("ari", ari(table));
    }
  }
  EXPECT_EQ(v_measure(classes, singles).homogeneity, 1.0);
  EXPECT_EQ(nmi(classes, singles, Average::min), 1.0);
}

TEST(Clustering, NamesBothLengthsWhenTheyDiffer) {
  const Labels a = {0, 1}, b = {0, 1, 2};
  EXPECT_THAT([&] { nmi(a, b); }, ::testing::ThrowsMessage<InputError>(::testing::HasSubstr("2 true and 3 predicted")));
}

}  // namespace
}  // namespace assay
