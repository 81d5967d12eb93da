#include "metrics/generative/generative_protocols.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/nearest.h"
#include "metrics/generative/protocol_inputs.h"

namespace assay {
namespace {

template <class Fits>
const GenerativeProtocol& find(const std::string& id, const char* kind, Fits fits) {
  std::vector<std::string> known;
  for (const GenerativeProtocol& protocol : generative_protocols()) {
    if (!fits(protocol)) continue;
    if (protocol.id() == id) return protocol;
    known.push_back(protocol.id());
  }
  throw InputError(unknown_name_message(kind, id, known));
}

}  // namespace

std::string PairOptions::swaps_text() const { return fmt::format("swaps of paired rows, {}", swaps); }

bool GenerativeProtocol::takes_public_statistics() const {
  return pixels && pixels->network == FeatureNetworkId::inception &&
         (needs == SampleNeeds::statistics || needs == SampleNeeds::spatial_statistics ||
          needs == SampleNeeds::generated_features);
}

const std::vector<GenerativeProtocol>& generative_protocols() {
  static const std::vector<GenerativeProtocol> table = [] {
    std::vector<GenerativeProtocol> rows;
    for (const auto& part : {frechet_protocols(), kernel_and_ball_protocols(), embedding_protocols()})
      rows.insert(rows.end(), part.begin(), part.end());
    return rows;
  }();
  return table;
}

KeepOfFeatures kept_of_reference(std::span<const GenerativeProtocol* const> protocols) {
  const auto none = [&](SampleNeeds needs) {
    return std::none_of(protocols.begin(), protocols.end(), [&](const auto* p) { return p->needs == needs; });
  };
  if (none(SampleNeeds::features) && none(SampleNeeds::held_out)) return KeepOfFeatures::statistics;
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
      throw InputError(fmt::format("{}: holds neither features nor statistics of them, and {} needs either", set.name,
                                   protocol.id()));
    case SampleNeeds::spatial_statistics:
      spatial_of(set);
      return;
    case SampleNeeds::features:
    case SampleNeeds::held_out:
      features_of(set, protocol.id());
      return;
    case SampleNeeds::logits:
    case SampleNeeds::generated_alone:
      return;
  }
}

void check_generated(const GenerativeProtocol& protocol, const FeatureSet& set) {
  if (protocol.needs == SampleNeeds::logits) {
    logits_of(set, protocol.id());
  } else if (protocol.needs == SampleNeeds::generated_features || protocol.needs == SampleNeeds::generated_alone) {
    features_of(set, protocol.id());
  } else {
    check_reference(protocol, set);
  }
}

const GenerativeProtocol& find_generative_protocol(const std::string& id) {
  return find(id, "generative protocol", [](const GenerativeProtocol&) { return true; });
}

const GenerativeProtocol& find_pair_protocol(const std::string& id) {
  return find(id, "protocol of paired comparisons", [](const GenerativeProtocol& p) { return p.pairs != nullptr; });
}

const ImageProtocol& find_image_protocol(const std::string& id) {
  return *find(id, "image protocol", [](const GenerativeProtocol& p) { return p.pixels.has_value(); }).pixels;
}

const std::string& pass_name(const ImageProtocol& protocol) {
  const auto& all = generative_protocols();
  const auto first =
      std::find_if(all.begin(), all.end(), [&](const auto& p) { return p.pixels && p.pixels->same_pass(protocol); });
  if (first == all.end()) throw Error("a pass over images that no protocol takes has no name");
  return first->id();
}

}  // namespace assay
