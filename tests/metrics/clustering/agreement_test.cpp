#include "metrics/clustering/agreement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/parallel.h"
#include "core/philox.h"
#include "metrics/clustering/clustering.h"
#include "metrics/metric_facts.h"

namespace assay {
namespace {

const std::vector<std::int64_t> truth = {0, 0, 0, 1, 1, 1, 2, 2}, predicted = {0, 0, 1, 1, 1, 2, 2, 2};

TEST(Agreement, MeasuresAreThoseOfTheSingleFunctions) {
  const CountedTable counted(contingency(truth, predicted));
  std::set<std::string> seen;
  for (const AgreementMeasure& measure : agreement_measures(counted.table)) {
    EXPECT_NE(direction_of(measure.name), Better::unstated) << measure.name;
    seen.insert(measure.name + " " + measure.average);
    if (measure.name == "ari") {
      EXPECT_EQ(measure.value(counted), ari(counted.table));
    }
    if (measure.average == "max") {
      EXPECT_EQ(measure.value(counted), nmi(counted.table, Average::max));
    }
  }
  EXPECT_EQ(seen.size(), 11U);
}

TEST(Agreement, ReplicatesAreThoseOfResampledItemsOverAnyNumberOfThreads) {
  const Contingency table = contingency(truth, predicted);
  const auto measures = agreement_measures(table);
  const auto one = agreement_replicates(table, measures, 6, 3, 1);
  EXPECT_EQ(one, agreement_replicates(table, measures, 6, 3, 2));
  const auto is_ari = [](const AgreementMeasure& measure) { return measure.name == "ari"; };
  const auto place = std::find_if(measures.begin(), measures.end(), is_ari) - measures.begin();
  for (std::int64_t r = 0; r < 6; ++r)
    EXPECT_EQ(one[static_cast<std::size_t>(place)][static_cast<std::size_t>(r)], ari(resample(table, 3, r)));
}

/// One pair of labels for each item of a table.
std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> labels_of(const Contingency& table) {
  std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> labels;
  for (const Contingency::Cell& cell : table.cells) {
    labels.first.insert(labels.first.end(), static_cast<std::size_t>(cell.count),
                        table.truth_labels[static_cast<std::size_t>(cell.truth)]);
    labels.second.insert(labels.second.end(), static_cast<std::size_t>(cell.count),
                         table.predicted_labels[static_cast<std::size_t>(cell.predicted)]);
  }
  return labels;
}

TEST(Agreement, EveryReplicateIsThatOfItsItemsScoredAnewOverAnyNumberOfThreads) {
  RandomStream random(4, Purpose::dataset, 0);
  std::vector<std::int64_t> classes, clusters;
  for (int i = 0; i < 3000; ++i) {
    const auto label = static_cast<std::int64_t>(random.below(40));
    classes.push_back(label);
    clusters.push_back(random.below(2) == 0 ? 2 * label : static_cast<std::int64_t>(random.below(80)));
  }
  const Contingency table = contingency(classes, clusters);
  const auto measures = agreement_measures(table);
  constexpr std::int64_t replicates = 30;
  // Enough work for several threads to be started.
  double cost = 0.0;
  for (const AgreementMeasure& measure : measures) cost += measure.cost;
  ASSERT_EQ(threads_worth(cost * replicates, 3), 3);
  const auto found = agreement_replicates(table, measures, replicates, 7, 3);
  EXPECT_EQ(found, agreement_replicates(table, measures, replicates, 7, 1));
  for (std::int64_t r = 0; r < replicates; ++r) {
    const auto [truths, predictions] = labels_of(resample(table, 7, r));
    ASSERT_EQ(truths.size(), classes.size());
    const CountedTable anew(contingency(truths, predictions));
    for (std::size_t m = 0; m < measures.size(); ++m)
      EXPECT_EQ(found[m][static_cast<std::size_t>(r)], measures[m].value(anew))
          << measures[m].name << " " << measures[m].average << " of replicate " << r;
  }
}

TEST(Agreement, NothingIsDrawnWithoutReplicatesOrOfOneItem) {
  const Contingency table = contingency(truth, predicted),
                    single = contingency(std::vector<std::int64_t>{0}, std::vector<std::int64_t>{1});
  for (const auto& values : agreement_replicates(table, agreement_measures(table), 0, 0, 1))
    EXPECT_TRUE(values.empty());
  for (const auto& values : agreement_replicates(single, agreement_measures(single), 9, 0, 1))
    EXPECT_TRUE(values.empty());
}

TEST(Agreement, AMeasureThatWouldTakeTooLongHasNoReplicates) {
  const Contingency table = contingency(truth, predicted);
  auto measures = agreement_measures(table);
  measures[0].cost = 1e10;
  const auto values = agreement_replicates(table, measures, 3, 0, 1);
  EXPECT_TRUE(values[0].empty());
  EXPECT_EQ(values[1].size(), 3U);
}

}  // namespace
}  // namespace assay
