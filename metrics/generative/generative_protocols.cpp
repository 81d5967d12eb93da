#include "metrics/generative/generative_protocols.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/nearest.h"
#include "metrics/generative/protocol_options.h"

namespace assay {

bool GenerativeProtocol::takes_public_statistics() const { return id.starts_with("fid") || id.starts_with("sfid"); }

const std::vector<GenerativeProtocol>& generative_protocols() {
  static const std::vector<GenerativeProtocol> table = [] {
    std::vector<GenerativeProtocol> rows;
    for (const auto& part : {frechet_scores(), kernel_and_ball_scores()})
      rows.insert(rows.end(), part.begin(), part.end());
    return rows;
  }();
  return table;
}

KeepOfFeatures kept_of_reference(std::span<const GenerativeProtocol* const> protocols) {
  const auto none = [&](SampleNeeds needs) {
    return std::none_of(protocols.begin(), protocols.end(), [&](const auto* p) { return p->needs == needs; });
  };
  if (none(SampleNeeds::features)) return KeepOfFeatures::statistics;
  const bool distances = !none(SampleNeeds::statistics) || !none(SampleNeeds::spatial_statistics) ||
                         !none(SampleNeeds::generated_features);
  return distances ? KeepOfFeatures::rounded_and_statistics : KeepOfFeatures::rounded;
}

KeepOfFeatures kept_of_generated(std::span<const GenerativeProtocol* const> protocols, bool intervals) {
  const auto is_distance = [](const GenerativeProtocol* p) {
    return p->needs == SampleNeeds::statistics || p->needs == SampleNeeds::spatial_statistics;
  };
  if (std::none_of(protocols.begin(), protocols.end(), is_distance)) return KeepOfFeatures::rounded;
  const bool distances = std::all_of(protocols.begin(), protocols.end(), is_distance);
  return distances && !intervals ? KeepOfFeatures::statistics : KeepOfFeatures::rounded_and_statistics;
}

void check_reference(const GenerativeProtocol& protocol, const FeatureSet& set) {
  switch (protocol.needs) {
    case SampleNeeds::statistics:
    case SampleNeeds::generated_features:
      if (set.has_features() || set.statistics_only()) return;
      throw InputError(
          fmt::format("{}: holds neither features nor statistics of them, and {} needs either", set.name, protocol.id));
    case SampleNeeds::spatial_statistics:
      spatial_of(set);
      return;
    case SampleNeeds::features:
      features_of(set, protocol.id);
      return;
    case SampleNeeds::logits:
      return;
  }
}

void check_generated(const GenerativeProtocol& protocol, const FeatureSet& set) {
  if (protocol.needs == SampleNeeds::logits) {
    logits_of(set, protocol.id);
  } else if (protocol.needs == SampleNeeds::generated_features) {
    features_of(set, protocol.id);
  } else {
    check_reference(protocol, set);
  }
}

const GenerativeProtocol& find_generative_protocol(const std::string& id) {
  std::vector<std::string> known;
  for (const GenerativeProtocol& protocol : generative_protocols()) {
    if (protocol.id == id) return protocol;
    known.emplace_back(protocol.id);
  }
  throw InputError(unknown_name_message("generative protocol", id, known));
}

}  // namespace assay
