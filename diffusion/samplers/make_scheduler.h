#pragma once
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "diffusion/samplers/scheduler.h"

namespace assay {

/// ddim, ddim_inverse, pndm, dpm, euler.
const std::vector<std::string>& scheduler_names();

/// A scheduler from diffusers' constructor arguments, `null` standing for the default, and the table they describe.
/// `eta` and `use_clipped_model_output` of DDIM's step() are arguments here. Arguments of diffusers that change nothing
/// here when left at their defaults and are not built (use_beta_sigmas, use_flow_sigmas, use_dynamic_shifting) are
/// refused by name when set. `where` names the object in messages. Throws InputError for an unknown class, argument or
/// value.
std::unique_ptr<Scheduler> make_scheduler(const std::string& name, const nlohmann::json& arguments,
                                          const std::string& where);

}  // namespace assay
