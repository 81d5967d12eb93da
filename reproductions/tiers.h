#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/tier.h"
#include "datasets/dataset.h"

namespace assay {

/// A tier of a method's presets.json (`text`), with every key present. A tier with the key `like` is what the tier of
/// that name has, under a merge patch of its other keys (RFC 7396). On a `dataset` that is not the tier's own (empty:
/// the tier's own) that set's defaults hold, apart from the size the networks are made for, and then what the tier's
/// key `on` says of it, a merge patch too. Throws InputError for a tier or a `like` that is not there, with the known
/// tiers, and for tiers that are like each other in a circle.
nlohmann::json tier_preset(const char* text, const std::string& method, Tier tier, const std::string& dataset);

/// tier_preset() of the presets.json of a method's folder.
nlohmann::json method_preset(const std::string& method, Tier tier, const std::string& dataset = "");

/// What a data set needs that this machine lacks, and how to get it; one line each.
std::vector<std::string> dataset_needs(const DatasetSpec& dataset);

/// What a preset names and this machine lacks, one line each: its data set, or the files and folders that its parts
/// give by the keys `file`, `masks` and `weights`, which lie in files.folder, and `folder`. Which of them a single row
/// of a table needs, Method::needs() says.
std::vector<std::string> preset_lacks(const nlohmann::json& preset);

}  // namespace assay
