#pragma once
#include <string>
#include <vector>

namespace assay {

/// The sizes at which a method runs, the smallest first.
enum class Tier {
  smoke,     // seconds: shows that everything works
  mini,      // minutes: trains networks of its own, as claims are judged by
  long_run,  // hours: the same with budgets at which training curves are flat
  paper      // repeats published runs from their weights
};

/// "smoke", "mini", "long", "paper".
std::string name_of(Tier tier);
std::vector<std::string> names_of(const std::vector<Tier>& tiers);

/// Every tier, the smallest first.
const std::vector<Tier>& all_tiers();

/// The one of `accepted` with this name. Throws InputError that begins with `where` and names the nearest.
Tier find_tier(const std::string& name, const std::vector<Tier>& accepted, const std::string& where);

}  // namespace assay
