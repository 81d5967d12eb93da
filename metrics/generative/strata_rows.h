#pragma once
#include <cstdint>
#include <vector>

#include "metrics/feature_sets/strata.h"
#include "metrics/generative/generative_protocols.h"

namespace assay {

/// The rows of one protocol for each stratum, with equal numbers of each class on both sides: the mean over `draws` of
/// them where there is a choice; the interval is that of the first draw, moved onto the mean. Where the stratum has too
/// few rows the value is not defined and the note says why. KID takes subsets of at most the stratum's rows.
/// `whole` are the protocol's rows of everything: they name the metrics. The sets went through join_classes(). Throws
/// InputError where a set holds no samples.
std::vector<MetricRow> strata_rows(const GenerativeProtocol& protocol, const FeatureSet& reference,
                                   const FeatureSet& generated, const GenerativeOptions& options,
                                   const std::vector<Stratum>& strata, std::int64_t draws,
                                   const std::vector<MetricRow>& whole);

}  // namespace assay
