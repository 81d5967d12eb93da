#include "metrics/generative/protocol_inputs.h"

#include <fmt/format.h>

#include "core/error.h"

namespace assay {

FeatureRows features_of(const FeatureSet& set, std::string_view protocol) {
  if (!set.has_features())
    throw InputError(fmt::format("{}: holds no features; {} needs `features` [N, D], statistics are not enough",
                                 set.name, protocol));
  return {set.features, set.width};
}

FeatureRows logits_of(const FeatureSet& set, std::string_view protocol) {
  if (set.logits.empty())
    throw InputError(
        fmt::format("{}: holds no class logits; {} needs `logits` [N, C], without the bias of the last "
                    "layer",
                    set.name, protocol));
  return {set.logits, set.classes};
}

}  // namespace assay
