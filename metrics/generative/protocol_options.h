#pragma once
#include "metrics/generative/generative_protocols.h"
#include "metrics/generative/inception_score.h"
#include "metrics/generative/kid.h"
#include "metrics/generative/prdc.h"

namespace assay {

// The options of each protocol's function, in one place for single scores and comparisons.
KidOptions kid_seed2020(const GenerativeOptions& options);
PrdcOptions prdc5(const GenerativeOptions& options);
PrdcOptions pr_tf(const GenerativeOptions& options);
PrdcOptions pr_oai(const GenerativeOptions& options);
InceptionScoreOptions is_tf10(const GenerativeOptions& options);
InceptionScoreOptions is_oai5000(const GenerativeOptions& options);

/// The features of a set. Throws InputError naming it where it has none.
FeatureRows features_of(const FeatureSet& set, std::string_view protocol);
/// The logits of a set. Throws InputError naming it where it has none.
FeatureRows logits_of(const FeatureSet& set, std::string_view protocol);

}  // namespace assay
