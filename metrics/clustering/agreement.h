#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "metrics/clustering/contingency.h"
#include "metrics/clustering/mutual_information.h"

/// The measures of metrics/clustering/clustering.h side by side, with replicates behind their intervals.
namespace assay {

/// A table and the logarithms that most measures need of it.
struct CountedTable {
  explicit CountedTable(Contingency counted);
  /// With terms for tables of as many items, which must outlive the object.
  CountedTable(Contingency counted, SharedTerms& shared);

  Contingency table;
  MutualInformation information;
  SharedTerms* terms = nullptr;
};

struct AgreementMeasure {
  std::string name;     // of a metric (metrics/metric_facts.h)
  std::string average;  // "geometric": what mutual information is divided by, where that is not the usual mean
  std::function<double(const CountedTable&)> value;  // NaN where the assignment is too large
  double cost;                                       // of one value, in steps of a nanosecond or so
};

/// In the order they are listed to the user. `table` is of the size that will be measured.
std::vector<AgreementMeasure> agreement_measures(const Contingency& table);

/// The value of each measure in `replicates` resamples of the items (resample()), for those measures whose replicates
/// together stay within seconds; empty for the others, and with fewer than two items. The limit counts steps, not time,
/// so that the same input has the same intervals everywhere. The values do not depend on `threads` (0: all cores).
std::vector<std::vector<double>> agreement_replicates(const Contingency& table,
                                                      const std::vector<AgreementMeasure>& measures,
                                                      std::int64_t replicates, std::uint64_t seed, int threads);

}  // namespace assay
