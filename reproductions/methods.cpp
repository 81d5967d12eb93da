#include <string>
#include <utility>
#include <vector>

#include "core/nearest.h"
#include "reproductions/claims/claims.h"
#include "reproductions/claims/paper_tables.h"
#include "reproductions/ed_dpm/ed_dpm.h"
#include "reproductions/ed_dpm/paper.h"
#include "reproductions/maskdm/maskdm.h"
#include "reproductions/maskdm/paper.h"
#include "reproductions/method.h"
#include "reproductions/method_texts.h"
#include "reproductions/self_guided/paper.h"
#include "reproductions/self_guided/self_guided.h"
#include "reproductions/tiers.h"

namespace assay {

const std::vector<MethodEntry>& method_table() {
  static const std::vector<MethodEntry> table = {
      {.id = "ed_dpm",
       .title = "ED-DPM: classifier guidance scaled by the classifier's entropy",
       .reference = "Zheng et al., arXiv:2206.11474",
       .tiers = {Tier::smoke, Tier::mini, Tier::long_run, Tier::paper},
       .trained = ed_dpm::make_method,
       .paper = ed_dpm::paper::make_method},
      {.id = "maskdm",
       .title = "Masked Diffusion Models: pre-training on the visible patches of noised images",
       .reference = "Lei et al., arXiv:2306.11363",
       .tiers = {Tier::smoke, Tier::mini, Tier::long_run, Tier::paper},
       .trained = maskdm::make_method,
       .paper = maskdm::paper::make_method},
      {.id = "self_guided",
       .title = "Self-Guided Diffusion Models: clusters, boxes and masks of self-supervised features guide",
       .reference = "Hu et al., arXiv:2210.06462",
       .tiers = {Tier::smoke, Tier::mini, Tier::long_run, Tier::paper},
       .trained = self_guided::make_method,
       .paper = self_guided::paper::make_method},
  };
  return table;
}

const MethodEntry& method_entry(const std::string& id) {
  return find_named(method_table(), &MethodEntry::id, "method", id);
}

Tier MethodEntry::tier(const std::string& name) const { return find_tier(name, tiers, id); }

nlohmann::json MethodEntry::preset(Tier tier, const std::string& dataset) const {
  return method_preset(id, tier, dataset);
}

ConfiguredMethod MethodEntry::configured(Tier tier, nlohmann::json config) const {
  std::unique_ptr<Method> method = tier == Tier::paper ? paper(config) : trained(config);
  // What is wrong with the claims or the tables is said now, not after hours of runs.
  claims_in(claims(), tier, config);
  published_cells(config);
  return {this, tier, std::move(config), std::move(method)};
}

std::vector<ClaimTemplate> MethodEntry::claims() const {
  return read_claims(method_texts(id).claims, id + "/claims.json");
}

std::vector<PublishedCell> MethodEntry::published_cells(const nlohmann::json& config) const {
  return read_paper_tables(method_texts(id).paper_table, id + "/paper_table.json", config);
}

}  // namespace assay
