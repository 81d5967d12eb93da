#include "reproductions/configured_method.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "core/error.h"
#include "reproductions/claims/claims.h"
#include "reproductions/claims/paper_tables.h"
#include "reproductions/class_tokens/class_tokens.h"
#include "reproductions/class_tokens/paper.h"
#include "reproductions/diffusion_seg/diffusion_seg.h"
#include "reproductions/diffusion_seg/paper.h"
#include "reproductions/ed_dpm/ed_dpm.h"
#include "reproductions/ed_dpm/paper.h"
#include "reproductions/maskdm/maskdm.h"
#include "reproductions/maskdm/paper.h"
#include "reproductions/self_guided/paper.h"
#include "reproductions/self_guided/self_guided.h"

namespace assay {
namespace {

/// Throws InputError where the configuration is not a complete one of the tier.
using Make = std::unique_ptr<Method> (*)(const nlohmann::json& config);

/// The code of a method.
struct Maker {
  std::string_view id;
  Make trained;  // in the tiers that train networks of their own
  Make paper;    // in Tier::paper, which repeats published runs; null where there is none
};

constexpr Maker makers[] = {
    {"class_tokens", class_tokens::make_method, class_tokens::paper::make_method},
    {"diffusion_seg", diffusion_seg::make_method, diffusion_seg::paper::make_method},
    {"ed_dpm", ed_dpm::make_method, ed_dpm::paper::make_method},
    {"maskdm", maskdm::make_method, maskdm::paper::make_method},
    {"self_guided", self_guided::make_method, self_guided::paper::make_method},
};

Make make_of(const MethodEntry& entry, Tier tier) {
  for (const Maker& maker : makers)
    if (maker.id == entry.id)
      if (const Make make = tier == Tier::paper ? maker.paper : maker.trained) return make;
  throw Error(
      fmt::format("{}: no code of its tier {} is in reproductions/configured_method.cpp", entry.id, name_of(tier)));
}

}  // namespace

ConfiguredMethod configured(const MethodEntry& entry, Tier tier, nlohmann::json config) {
  std::unique_ptr<Method> method = make_of(entry, tier)(config);
  // What is wrong with the claims or the tables is said now, not after hours of runs.
  claims_in(entry.claims(), tier, config);
  entry.published_cells(config);
  return {&entry, tier, std::move(config), std::move(method)};
}

}  // namespace assay
