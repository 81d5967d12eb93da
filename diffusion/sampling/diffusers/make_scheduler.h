#pragma once
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "diffusion/sampling/diffusers/scheduler.h"

namespace assay {

/// ddim, ddim_inverse, pndm, dpm, euler.
const std::vector<std::string>& scheduler_names();

/// What is done with arguments that the class does not have: refused; or passed over, as diffusers does with the
/// configuration of another class.
enum class UnknownArguments { refused, ignored };

/// A scheduler from the arguments of its diffusers constructor, under their names; null stands for the default. `eta`
/// and `use_clipped_model_output` of DDIM's step() are arguments here. Not built, and so accepted as false alone:
/// use_beta_sigmas, use_flow_sigmas, use_dynamic_shifting. `where` names the object in messages. Throws InputError for
/// an unknown class, argument or value.
std::unique_ptr<Scheduler> make_scheduler(const std::string& name, const nlohmann::json& arguments,
                                          const std::string& where,
                                          UnknownArguments unknown = UnknownArguments::refused);

/// The scheduler of a model's scheduler_config.json: the class it names as `_class_name`, or the class `name` made from
/// the same configuration where that is not empty (diffusers' from_config). Configurations on the hub hold arguments of
/// other classes as well, which are passed over. Throws InputError for a class that is not built and bad values.
std::unique_ptr<Scheduler> make_configured_scheduler(const nlohmann::json& configuration, const std::string& where,
                                                     const std::string& name = "");

/// The forward process of such a configuration, and what its network predicts. Throw InputError.
NoiseSchedule configured_schedule(const nlohmann::json& configuration, const std::string& where);
Prediction configured_prediction(const nlohmann::json& configuration, const std::string& where);

}  // namespace assay
