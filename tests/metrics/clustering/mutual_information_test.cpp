#include "metrics/clustering/mutual_information.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numbers>
#include <vector>

#include "core/compensated_sum.h"
#include "metrics/clustering/clustering.h"

namespace assay {
namespace {

using Cells = std::vector<Contingency::Cell>;

/// From cells in order, so that ten million items need no ten million labels.
Contingency table_of(Cells cells) {
  std::map<std::int32_t, std::int64_t> rows, columns;
  Contingency out;
  for (const Contingency::Cell& cell : cells) {
    rows[cell.truth] += cell.count;
    columns[cell.predicted] += cell.count;
    out.n += cell.count;
  }
  for (const auto& [label, count] : rows) out.truth.push_back(count), out.truth_labels.push_back(label);
  for (const auto& [label, count] : columns) out.predicted.push_back(count), out.predicted_labels.push_back(label);
  out.cells = std::move(cells);
  return out;
}

/// n items of k equal classes, each item a cluster of its own.
Contingency singletons(std::int64_t n, std::int64_t k) {
  Contingency out;
  out.n = n;
  out.truth.assign(static_cast<std::size_t>(k), n / k);
  out.predicted.assign(static_cast<std::size_t>(n), 1);
  out.cells.reserve(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i)
    out.cells.push_back({static_cast<std::int32_t>(i / (n / k)), static_cast<std::int32_t>(i), 1});
  return out;
}

/// 1e-14 of the value.
void expect_close(double value, double expected) { EXPECT_NEAR(value, expected, 1e-14 * expected); }

TEST(CompensatedSum, KeepsWhatAPlainSumOfTenMillionTermsLoses) {
  CompensatedSum sum;
  double plain = 0.0;
  for (int i = 0; i < 10'000'000; ++i) {
    sum.add(0.1);
    plain += 0.1;
  }
  EXPECT_EQ(sum.value(), 1e6);
  EXPECT_GT(std::abs(plain - 1e6), 1e-5);
}

TEST(CompensatedSum, FindsTheSmallTermBesideLargeOnesThatCancel) {
  CompensatedSum sum;
  for (const double term : {1.0, 1e100, 1.0, -1e100}) sum.add(term);
  EXPECT_EQ(sum.value(), 2.0);
}

TEST(MutualInformation, OfOneItemAClusterIsTheEntropyOfTheClasses) {
  for (const std::int64_t n : {200'000, 10'000'000}) {
    const MutualInformation found = mutual_information(singletons(n, 8));
    expect_close(found.truth, std::log(8.0));
    expect_close(found.predicted, std::log(static_cast<double>(n)));
    expect_close(found.shared, std::log(8.0));
    EXPECT_EQ(found.truth_given_predicted, 0.0);
    expect_close(found.predicted_given_truth, std::log(static_cast<double>(n) / 8.0));
    EXPECT_EQ(v_measure(found).homogeneity, 1.0);
    EXPECT_EQ(nmi(found, Average::min), 1.0);
    expect_close(v_measure(found).completeness, std::log(8.0) / std::log(static_cast<double>(n)));
  }
}

TEST(MutualInformation, OfEqualClustersIsTheLogarithmOfTheirNumber) {
  for (const std::int64_t n : {200'000, 10'000'000}) {
    for (const std::int64_t k : {2, 10, 1000, 100'000}) {
      Cells cells;
      for (std::int32_t i = 0; i < k; ++i) cells.push_back({i, i, n / k});
      const MutualInformation found = mutual_information(table_of(cells));
      for (const double entropy : {found.truth, found.predicted, found.shared})
        expect_close(entropy, std::log(static_cast<double>(k)));
      for (const Average average : {Average::arithmetic, Average::geometric, Average::min, Average::max})
        EXPECT_EQ(nmi(found, average), 1.0);
    }
  }
}

// A quarter of either of two equal classes lies in the other's cluster: 3/4 log 3 - log 2.
TEST(MutualInformation, OfANoisyCopyOfTwoClassesIsThatOfABinaryChannel) {
  for (const std::int64_t n : {200'000, 10'000'000}) {
    const Contingency table = table_of({{0, 0, 3 * n / 8}, {0, 1, n / 8}, {1, 0, n / 8}, {1, 1, 3 * n / 8}});
    expect_close(mutual_information(table).shared, 0.75 * std::log(3.0) - std::numbers::ln2);
  }
}

TEST(MutualInformation, OfIndependentLabelsIsNothing) {
  Cells cells;
  for (std::int32_t row = 0; row < 7; ++row)
    for (std::int32_t column = 0; column < 9; ++column)
      cells.push_back({row, column, std::int64_t{row + 1} * (3 * column + 1) * 10'007});
  const Contingency table = table_of(cells);
  EXPECT_EQ(mutual_information(table).shared, 0.0);
  EXPECT_EQ(nmi(table), 0.0);
  EXPECT_EQ(v_measure(table).homogeneity, 0.0);
}

struct Reference {
  const char* name;
  Contingency table;
  MutualInformation found;
  ExpectedEntropies expected;
  double ami, ami_geometric, ami_min, ami_max;
};

// Python's mpmath with 50 digits, from the definitions: sums of p log p, and of the hypergeometric distribution.
std::vector<Reference> references() {
  Cells pairs, ten;
  for (std::int32_t i = 0; i < 2000; ++i) pairs.push_back({i, i / 2, 1});
  for (std::int32_t i = 0; i < 10; ++i) {
    if (i == 9) ten.push_back({9, 0, 100});
    ten.push_back({i, i, 999'900});
    if (i < 9) ten.push_back({i, i + 1, 100});
  }
  return {{"skewed",
           table_of({{0, 0, 9'000'000}, {0, 1, 1}, {1, 1, 700'000}, {1, 2, 40}, {2, 0, 299'948}, {2, 2, 2}, {3, 3, 9}}),
           {0.38617594663663763291, 0.25370846203878677175, 0.25366109718223277726, 0.13251484945440485565,
            0.000047364856553994484037},
           {0.3861755825800133462, 0.25370809798216248503},
           0.79283388788022368558,
           0.81038923286744367168,
           0.99981330963839662471,
           0.65685337076704339377},
          {"nearly independent",
           table_of({{0, 0, 3'000'001}, {0, 1, 2'000'000}, {1, 0, 2'999'999}, {1, 1, 2'000'000}}),
           {0.69314718055992530942, 0.673011667009256436, 1.3333333333333817284e-14, 0.69314718055991197608,
            0.67301166700924310266},
           {0.69314713055991739275, 0.67301161700924851933},
           -7.3197927652699164802e-8,
           -7.3205879400709604178e-8,
           -7.4292914594144151672e-8,
           -7.2134749433277539323e-8},
          {"pairs of singletons",
           table_of(pairs),
           {7.6009024595420823615, 6.9077552789821370521, 6.9077552789821370521, 0.69314718055994530942, 0.0},
           {0.69314718055994530942, 0.0},
           0.0,
           0.0,
           1.0,
           0.0},
          {"ten classes with a few strays",
           table_of(ten),
           {2.302585092994045684, 2.302585092994045684, 2.3015640639570147407, 0.0010210290370309432731,
            0.0010210290370309432731},
           {2.3025810429858781165, 2.3025810429858781165},
           0.99955657194341054717,
           0.99955657194341054717,
           0.99955657194341054717,
           0.99955657194341054717}};
}

TEST(MutualInformation, AgreesWithFiftyDigits) {
  for (const Reference& reference : references()) {
    SCOPED_TRACE(reference.name);
    const MutualInformation found = mutual_information(reference.table);
    expect_close(found.truth, reference.found.truth);
    expect_close(found.predicted, reference.found.predicted);
    expect_close(found.shared, reference.found.shared);
    expect_close(found.truth_given_predicted, reference.found.truth_given_predicted);
    expect_close(found.predicted_given_truth, reference.found.predicted_given_truth);
  }
}

TEST(ExpectedEntropies, AgreeWithFiftyDigits) {
  for (const Reference& reference : references()) {
    SCOPED_TRACE(reference.name);
    const ExpectedEntropies expected = expected_entropies(reference.table);
    expect_close(expected.truth_given_predicted, reference.expected.truth_given_predicted);
    expect_close(expected.predicted_given_truth, reference.expected.predicted_given_truth);
    EXPECT_NEAR(ami(reference.table), reference.ami, 1e-14);
    EXPECT_NEAR(ami(reference.table, Average::geometric), reference.ami_geometric, 1e-14);
    EXPECT_NEAR(ami(reference.table, Average::min), reference.ami_min, 1e-14);
    EXPECT_NEAR(ami(reference.table, Average::max), reference.ami_max, 1e-14);
  }
}

/// All the bits of both tables' numbers, with kept terms and without.
void expect_same_numbers(const Contingency& table, SharedTerms& terms) {
  const MutualInformation kept = mutual_information(table, terms), plain = mutual_information(table);
  EXPECT_EQ(kept.truth, plain.truth);
  EXPECT_EQ(kept.predicted, plain.predicted);
  EXPECT_EQ(kept.shared, plain.shared);
  EXPECT_EQ(kept.truth_given_predicted, plain.truth_given_predicted);
  EXPECT_EQ(kept.predicted_given_truth, plain.predicted_given_truth);
  const ExpectedEntropies kept_mean = expected_entropies(table, terms), mean = expected_entropies(table);
  EXPECT_EQ(kept_mean.truth_given_predicted, mean.truth_given_predicted);
  EXPECT_EQ(kept_mean.predicted_given_truth, mean.predicted_given_truth);
}

TEST(SharedTerms, ChangeNoBitInOneResampleAfterTheOther) {
  Cells cells;
  for (std::int32_t row = 0; row < 30; ++row)
    for (std::int32_t column = 0; column < 20; ++column) cells.push_back({row, column, 1 + (row * column) % 37});
  const Contingency table = table_of(std::move(cells));
  SharedTerms terms(table);
  for (std::int64_t r = 0; r < 20; ++r) expect_same_numbers(resample(table, 2, r), terms);
}

TEST(SharedTerms, ChangeNoBitWhereMoreTermsOccurThanAreKept) {
  Cells cells;
  for (std::int32_t i = 0; i < 900; ++i) {
    cells.push_back({i, i, 3 * i + 1});
    if (i + 1 < 900) cells.push_back({i, i + 1, 1});
  }
  const Contingency table = table_of(std::move(cells)), single = table_of({{0, 0, table.n}});
  SharedTerms few(single), many(table);
  for (std::int64_t r = 0; r < 2; ++r) {
    expect_same_numbers(resample(table, 2, r), few);
    expect_same_numbers(resample(table, 2, r), many);
  }
}

TEST(MutualInformation, DoesNotJumpWhereTheSquareOfTheItemsOutgrows64Bits) {
  // Twice the items in the same shares carry the same information.
  for (const std::int64_t scale : {std::int64_t{100'000'000}, std::int64_t{200'000'000}, std::int64_t{400'000'000}}) {
    const MutualInformation found =
        mutual_information(table_of({{0, 0, 4 * scale}, {0, 1, scale}, {1, 0, 2 * scale}, {1, 1, 3 * scale}}));
    const MutualInformation small = mutual_information(table_of({{0, 0, 4}, {0, 1, 1}, {1, 0, 2}, {1, 1, 3}}));
    expect_close(found.shared, small.shared);
    expect_close(found.truth_given_predicted, small.truth_given_predicted);
  }
}

}  // namespace
}  // namespace assay
