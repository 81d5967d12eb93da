#include "core/tier.h"

#include <algorithm>

#include "core/error.h"
#include "core/names.h"
#include "core/nearest.h"

namespace assay {
namespace {

constexpr Names<Tier> tier_names = {
    {"smoke", Tier::smoke}, {"mini", Tier::mini}, {"long", Tier::long_run}, {"paper", Tier::paper}};

}  // namespace

std::string name_of(Tier tier) { return name_of(tier, tier_names); }

std::vector<std::string> names_of(const std::vector<Tier>& tiers) {
  std::vector<std::string> names;
  names.reserve(tiers.size());
  for (const Tier tier : tiers) names.push_back(name_of(tier));
  return names;
}

const std::vector<Tier>& all_tiers() {
  static const std::vector<Tier> all = [] {
    std::vector<Tier> tiers;
    for (const auto& [name, tier] : tier_names) tiers.push_back(tier);
    return tiers;
  }();
  return all;
}

Tier find_tier(const std::string& name, const std::vector<Tier>& accepted, const std::string& where) {
  const auto found = std::find_if(accepted.begin(), accepted.end(), [&](Tier tier) { return name_of(tier) == name; });
  if (found == accepted.end()) throw InputError(where + ": " + unknown_name_message("tier", name, names_of(accepted)));
  return *found;
}

}  // namespace assay
