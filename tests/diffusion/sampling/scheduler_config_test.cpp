#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config.h"
#include "core/error.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "tests/support/throws.h"

// The texts are what diffusers 0.42.1 writes for `save_pretrained`.
namespace assay {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* dpm = R"({"_class_name": "DPMSolverMultistepScheduler", "_diffusers_version": "0.42.1",
  "algorithm_type": "dpmsolver++", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
  "dynamic_thresholding_ratio": 0.995, "euler_at_final": false, "final_sigmas_type": "zero", "flow_shift": 1.0,
  "lambda_min_clipped": -Infinity, "lower_order_final": true, "num_train_timesteps": 1000,
  "prediction_type": "epsilon", "rescale_betas_zero_snr": false, "sample_max_value": 1.0, "solver_order": 2,
  "solver_type": "midpoint", "steps_offset": 0, "thresholding": false, "time_shift_type": "exponential",
  "timestep_spacing": "linspace", "trained_betas": null, "use_beta_sigmas": false, "use_dynamic_shifting": false,
  "use_exponential_sigmas": false, "use_flow_sigmas": false, "use_karras_sigmas": false, "use_lu_lambdas": false,
  "variance_type": null})";
// Stable Diffusion 1's own file: clip_sample is not PNDM's.
constexpr const char* pndm = R"({"_class_name": "PNDMScheduler", "_diffusers_version": "0.7.0.dev0",
  "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "clip_sample": false,
  "num_train_timesteps": 1000, "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1,
  "trained_betas": null})";

std::unique_ptr<Scheduler> scheduler(const char* text, const std::string& name = "") {
  return scheduler_of_config(parse_python_json(text, "file"), "scheduler_config.json", name);
}

TEST(SchedulerConfig, IsReadAsDiffusersWritesIt) {
  const auto multistep = scheduler(dpm);
  multistep->set_timesteps(20);
  EXPECT_EQ(multistep->sigmas().back(), 0);
  const auto plms = scheduler(pndm);
  plms->set_timesteps(2);
  EXPECT_THAT(plms->timesteps(), ElementsAre(501, 1, 1));
}

TEST(SchedulerConfig, AnotherSamplerMayBeMadeOfIt) {
  const auto inverse = scheduler(pndm, "ddim_inverse");
  inverse->set_timesteps(50);
  EXPECT_EQ(inverse->timesteps().front(), 1);
  EXPECT_EQ(inverse->timesteps().back(), 981);
  EXPECT_THAT(message_of<InputError>([] { scheduler(pndm, "dim"); }), HasSubstr("ddim"));
}

TEST(SchedulerConfig, RefusesWhatIsNotBuiltByItsKey) {
  const auto fault = [](nlohmann::json patch) {
    nlohmann::json config = parse_python_json(dpm, "file");
    config.update(patch);
    return message_of<InputError>([&] { scheduler_of_config(config, "scheduler_config.json"); });
  };
  EXPECT_THAT(fault({{"beta_schedule", "cosine"}}), HasSubstr("scheduler_config.json: unknown beta_schedule 'cosine'"));
  EXPECT_THAT(fault({{"use_flow_sigmas", true}}), HasSubstr("scheduler_config.json.use_flow_sigmas is not built"));
  EXPECT_THAT(fault({{"use_beta_sigmas", true}}), HasSubstr("use_beta_sigmas"));
  EXPECT_THAT(fault({{"solver_ordr", 2}}), HasSubstr("solver_ordr"));
  EXPECT_THAT(fault({{"_class_name", "LCMScheduler"}}), AllOf(HasSubstr("LCMScheduler"), HasSubstr("PNDMScheduler")));
}

}  // namespace
}  // namespace assay
