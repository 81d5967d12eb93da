#pragma once
#include <string_view>

#include "metrics/feature_sets/feature_rows.h"
#include "metrics/feature_sets/feature_set.h"

namespace assay {

/// The features of a set. Throws InputError naming it, and the protocol that needs them, where it has none.
FeatureRows features_of(const FeatureSet& set, std::string_view protocol);
/// The logits of a set. Throws InputError as features_of().
FeatureRows logits_of(const FeatureSet& set, std::string_view protocol);

}  // namespace assay
