#include <string>
#include <utility>
#include <vector>

#include "core/nearest.h"
#include "reproductions/claims/claims.h"
#include "reproductions/claims/paper_tables.h"
#include "reproductions/method_entry.h"
#include "reproductions/method_texts.h"
#include "reproductions/tiers.h"

namespace assay {

const std::vector<MethodEntry>& method_table() {
  static const std::vector<MethodEntry> table = {
      {.id = "class_tokens",
       .title = "Discriminative Class Tokens: a learned word per class, so that a classifier sees it in what is drawn",
       .reference = "Schwartz et al., arXiv:2303.17155",
       .tiers = {Tier::smoke, Tier::mini, Tier::long_run, Tier::paper}},
      {.id = "diffusion_seg",
       .title = "DiffusionSeg: masks from a generator's attention, and a decoder that learns from them alone",
       .reference = "Ma et al., arXiv:2303.09813",
       .tiers = {Tier::smoke, Tier::mini, Tier::long_run, Tier::paper}},
      {.id = "ed_dpm",
       .title = "ED-DPM: classifier guidance scaled by the classifier's entropy",
       .reference = "Zheng et al., arXiv:2206.11474",
       .tiers = {Tier::smoke, Tier::mini, Tier::long_run, Tier::paper}},
      {.id = "maskdm",
       .title = "Masked Diffusion Models: pre-training on the visible patches of noised images",
       .reference = "Lei et al., arXiv:2306.11363",
       .tiers = {Tier::smoke, Tier::mini, Tier::long_run, Tier::paper}},
      {.id = "self_guided",
       .title = "Self-Guided Diffusion Models: clusters, boxes and masks of self-supervised features guide",
       .reference = "Hu et al., arXiv:2210.06462",
       .tiers = {Tier::smoke, Tier::mini, Tier::long_run, Tier::paper}},
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

std::vector<std::string> MethodEntry::lacks(Tier tier) const { return preset_lacks(preset(tier)); }

std::vector<ClaimTemplate> MethodEntry::claims() const {
  return read_claims(method_texts(id).claims, id + "/claims.json");
}

std::vector<PublishedCell> MethodEntry::published_cells(const nlohmann::json& config) const {
  return read_paper_tables(method_texts(id).paper_table, id + "/paper_table.json", config);
}

}  // namespace assay
