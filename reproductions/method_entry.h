#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/tier.h"

namespace assay {

struct ClaimTemplate;
struct PublishedCell;

/// What is known of a method without its code: one row of the table of methods. The folder reproductions/ID holds
/// presets.json, claims.json and, where its paper has tables, paper_table.json. Its code is in the table of
/// reproductions/configured_method.cpp.
struct MethodEntry {
  std::string id;
  std::string title;
  std::string reference;
  std::vector<Tier> tiers;  // the smallest first, each with a preset

  /// One of `tiers`. Throws InputError with the nearest name.
  Tier tier(const std::string& name) const;
  /// As method_preset() (reproductions/tiers.h).
  nlohmann::json preset(Tier tier, const std::string& dataset = "") const;
  /// What claims.json says (reproductions/claims/claims.h).
  std::vector<ClaimTemplate> claims() const;
  /// What paper_table.json says beside a configuration (reproductions/claims/paper_tables.h); nothing where there is
  /// none.
  std::vector<PublishedCell> published_cells(const nlohmann::json& config) const;
  /// preset_lacks() (reproductions/tiers.h) of the preset of a tier.
  std::vector<std::string> lacks(Tier tier) const;
};

const std::vector<MethodEntry>& method_table();
/// Throws InputError with the known names.
const MethodEntry& method_entry(const std::string& id);

}  // namespace assay
