#include <string>
#include <vector>

#include "core/error.h"
#include "core/nearest.h"
#include "reproductions/ed_dpm/config.h"
#include "reproductions/ed_dpm/ed_dpm.h"
#include "reproductions/ed_dpm/paper.h"
#include "reproductions/ed_dpm/presets.h"
#include "reproductions/maskdm/config.h"
#include "reproductions/maskdm/maskdm.h"
#include "reproductions/maskdm/paper.h"
#include "reproductions/maskdm/presets.h"
#include "reproductions/method.h"
#include "reproductions/self_guided/config.h"
#include "reproductions/self_guided/paper.h"
#include "reproductions/self_guided/presets.h"
#include "reproductions/self_guided/self_guided.h"

namespace assay {

const std::vector<MethodEntry>& method_table() {
  static const std::vector<MethodEntry> table = {
      {"ed_dpm",
       "ED-DPM: classifier guidance scaled by the classifier's entropy",
       "Zheng et al., arXiv:2206.11474",
       {"smoke", "mini", "paper"},
       "emoji",
       ed_dpm::preset,
       {ed_dpm::check, ed_dpm::needs, ed_dpm::plan, {ed_dpm::prepare_features}, ed_dpm::run, ed_dpm::describe},
       {ed_dpm::paper::check,
        ed_dpm::paper::needs,
        nullptr,
        {},
        ed_dpm::paper::run,
        ed_dpm::paper::describe,
        ed_dpm::paper::published},
       ed_dpm::claims_json,
       ed_dpm::paper_table_json},
      {"maskdm",
       "Masked Diffusion Models: pre-training on the visible patches of noised images",
       "Lei et al., arXiv:2306.11363",
       {"smoke", "mini", "paper"},
       "emoji",
       maskdm::preset,
       {maskdm::check, maskdm::needs, maskdm::plan, {maskdm::prepare_features}, maskdm::run, maskdm::describe},
       {maskdm::paper::check,
        maskdm::paper::needs,
        nullptr,
        {},
        maskdm::paper::run,
        maskdm::paper::describe,
        maskdm::paper::published},
       maskdm::claims_json,
       maskdm::paper_table_json},
      {"self_guided",
       "Self-Guided Diffusion Models: clusters, boxes and masks of self-supervised features guide",
       "Hu et al., arXiv:2210.06462",
       {"smoke", "mini", "paper"},
       "emoji",
       self_guided::preset,
       {self_guided::check,
        self_guided::needs,
        self_guided::plan,
        {self_guided::prepare_features, self_guided::prepare_encoder},
        self_guided::run,
        self_guided::describe},
       {self_guided::paper::check,
        self_guided::paper::needs,
        nullptr,
        {},
        self_guided::paper::run,
        self_guided::paper::describe,
        self_guided::paper::published},
       self_guided::claims_json,
       self_guided::paper_table_json},
  };
  return table;
}

const MethodEntry& method_entry(const std::string& id) {
  std::vector<std::string> known;
  for (const MethodEntry& entry : method_table()) {
    if (entry.id == id) return entry;
    known.push_back(entry.id);
  }
  throw InputError(unknown_name_message("method", id, known));
}

}  // namespace assay
