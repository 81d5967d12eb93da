#pragma once
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "diffusion/process/noise_schedule.h"
#include "diffusion/sampling/diffusers/scheduler.h"

namespace assay {

/// The forward process that a model's scheduler_config.json describes, whatever its class. Throws InputError.
NoiseSchedule schedule_of_config(const nlohmann::json& config, const std::string& where);

/// ddim, ddim_inverse, pndm, dpm, euler.
const std::vector<std::string>& scheduler_names();

/// A scheduler from the arguments of its diffusers constructor, under their names; null stands for the default. `eta`
/// and `use_clipped_model_output` of DDIM's step() are arguments here. Not built, and so accepted as false alone:
/// use_beta_sigmas, use_flow_sigmas, use_dynamic_shifting. `where` names the object in messages. Throws InputError for
/// an unknown class, argument or value.
std::unique_ptr<Scheduler> make_scheduler(const std::string& name, const nlohmann::json& arguments,
                                          const std::string& where);

/// A scheduler from its own configuration file, as diffusers writes it (read it with parse_python_json(): it may hold
/// -Infinity), by `_class_name`: PNDMScheduler, DDIMScheduler, DDIMInverseScheduler, DPMSolverMultistepScheduler or
/// EulerDiscreteScheduler. With a `name` of scheduler_names() that scheduler from another's file. Arguments of the
/// other classes, which published files hold, are passed over, as diffusers does; unknown ones throw InputError.
std::unique_ptr<Scheduler> scheduler_of_config(const nlohmann::json& config, const std::string& where,
                                               const std::string& name = "");

}  // namespace assay
