#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "reproductions/class_tokens/study.h"

namespace assay::class_tokens {

/// A token that a stage has learned.
struct PairToken {
  TokenRows rows;
  std::int64_t steps = 0;  // of the optimiser
  double seconds = 0;
};

/// Learns the token of a pair with a guide in stage "learn:ARM:PAIR", or reads what that stage left: loss curve, time,
/// and the row in a file of its own.
PairToken learn_pair(Study& s, const std::string& arm, std::int64_t pair, const JudgingClassifier& guide,
                     const Drawn& drawn);

/// The tokens of the first `pairs` pairs, side by side.
std::vector<PairToken> learn_pairs(Study& s, const std::string& arm, std::int64_t pairs, const JudgingClassifier& guide,
                                   const Drawn& drawn);

}  // namespace assay::class_tokens
