#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "metrics/generative/generative_protocols.h"

namespace assay {

/// One metric of two generated sets whose rows are paired.
struct PairScore {
  std::string metric;
  double a = 0, b = 0;
  std::vector<double> differences;  // replicates of a - b
  std::string interval;             // how they were made
  double p_value = 1;               // two-sided
  std::string test;                 // "swaps of paired rows, 2000"
  bool higher_is_better = false;
};

struct PairOptions {
  GenerativeOptions scores;
  std::int64_t swaps = 0;  // tosses behind a p-value; 0: as many as the number of differences calls for
};

using PairScores = std::vector<PairScore> (*)(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                              const PairOptions& options);

/// One protocol of `assay metric compare`.
struct PairProtocol {
  std::string_view id;
  PairScores score;
  std::int64_t metrics = 1;  // how many `score` gives
};

const std::vector<PairProtocol>& pair_protocols();

/// Throws InputError naming the known ids (and the nearest one) when there is no such protocol.
const PairProtocol& find_pair_protocol(const std::string& id);

}  // namespace assay
