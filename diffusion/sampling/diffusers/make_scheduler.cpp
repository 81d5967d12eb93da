#include "diffusion/sampling/diffusers/make_scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>

#include "core/config.h"
#include "core/error.h"
#include "core/nearest.h"
#include "diffusion/process/beta_schedule.h"
#include "diffusion/sampling/diffusers/ddim_scheduler.h"
#include "diffusion/sampling/diffusers/dpm_scheduler.h"
#include "diffusion/sampling/diffusers/euler_scheduler.h"
#include "diffusion/sampling/diffusers/pndm_scheduler.h"

namespace assay {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

constexpr Names<FinalSigma> final_sigma_names = {{"zero", FinalSigma::zero}, {"sigma_min", FinalSigma::sigma_min}};
constexpr Names<DpmAlgorithm> algorithm_names = {{"dpmsolver", DpmAlgorithm::dpmsolver},
                                                 {"dpmsolver++", DpmAlgorithm::dpmsolver_pp},
                                                 {"sde-dpmsolver", DpmAlgorithm::sde_dpmsolver},
                                                 {"sde-dpmsolver++", DpmAlgorithm::sde_dpmsolver_pp}};
constexpr Names<DpmSolverType> solver_names = {{"midpoint", DpmSolverType::midpoint}, {"heun", DpmSolverType::heun}};

NoiseSchedule read_table(ConfigReader& reader, bool may_rescale) {
  BetaScheduleOptions o;
  o.num_train_timesteps = reader.integer("num_train_timesteps", o.num_train_timesteps, 1, 1'000'000);
  o.beta_start = reader.real("beta_start", o.beta_start, 0, 1);
  o.beta_end = reader.real("beta_end", o.beta_end, 0, 1);
  o.beta_schedule = reader.text("beta_schedule", o.beta_schedule);
  o.trained_betas = reader.reals("trained_betas", {}, 0, 1);
  if (may_rescale) o.rescale_betas_zero_snr = reader.boolean("rescale_betas_zero_snr", o.rescale_betas_zero_snr);
  return make_beta_schedule(o);
}

std::int64_t read_offset(ConfigReader& reader) { return reader.integer("steps_offset", 0, 0, 1'000'000); }

std::optional<double> read_clip(ConfigReader& reader) {
  const bool clip = reader.boolean("clip_sample", true);
  const double range = reader.real("clip_sample_range", 1.0, 0, infinity);
  return clip ? std::optional(range) : std::nullopt;
}

std::optional<DynamicThreshold> read_thresholding(ConfigReader& reader) {
  const bool on = reader.boolean("thresholding", false);
  DynamicThreshold t;
  t.ratio = reader.real("dynamic_thresholding_ratio", t.ratio, 0, 1);
  t.max_value = reader.real("sample_max_value", t.max_value, 0, infinity);
  return on ? std::optional(t) : std::nullopt;
}

FinalSigma read_final_sigma(ConfigReader& reader) {
  return reader.choice("final_sigmas_type", FinalSigma::zero, final_sigma_names);
}

SigmaSpacing read_sigma_spacing(ConfigReader& reader, bool with_lu) {
  SigmaSpacing chosen = SigmaSpacing::table;
  int asked = 0;
  const auto ask = [&](const char* key, SigmaSpacing spacing) {
    if (!reader.boolean(key, false)) return;
    chosen = spacing;
    ++asked;
  };
  ask("use_karras_sigmas", SigmaSpacing::karras);
  ask("use_exponential_sigmas", SigmaSpacing::exponential);
  if (with_lu) ask("use_lu_lambdas", SigmaSpacing::lu);
  if (asked > 1) throw InputError("more than one way to place sigmas; accepted: one of use_karras_sigmas and its like");
  return chosen;
}

void refuse(ConfigReader& reader, const std::string& where, const std::vector<std::string>& keys) {
  for (const std::string& key : keys)
    if (reader.boolean(key, false)) throw InputError(fmt::format("{}.{} is not built; accepted: false", where, key));
}

Spacing spacing_of(ConfigReader& reader, Spacing fallback) {
  return value_of("timestep_spacing", reader.text("timestep_spacing", name_of(fallback, spacing_names)), spacing_names);
}

Prediction prediction_of(ConfigReader& reader) {
  return value_of("prediction_type", reader.text("prediction_type", "epsilon"), prediction_names);
}

std::unique_ptr<Scheduler> ddim(ConfigReader& reader, const std::string& /*where*/) {
  NoiseSchedule table = read_table(reader, true);
  DdimSchedulerOptions o;
  o.clip = read_clip(reader);
  o.set_alpha_to_one = reader.boolean("set_alpha_to_one", o.set_alpha_to_one);
  o.steps_offset = read_offset(reader);
  o.prediction = prediction_of(reader);
  o.thresholding = read_thresholding(reader);
  o.spacing = spacing_of(reader, Spacing::leading);
  o.eta = reader.real("eta", o.eta, 0, 1);
  o.use_clipped_model_output = reader.boolean("use_clipped_model_output", o.use_clipped_model_output);
  return std::make_unique<DdimScheduler>(std::move(table), o);
}

std::unique_ptr<Scheduler> ddim_inverse(ConfigReader& reader, const std::string& /*where*/) {
  NoiseSchedule table = read_table(reader, true);
  DdimInverseOptions o;
  o.clip = read_clip(reader);
  o.set_alpha_to_one = reader.boolean("set_alpha_to_one", o.set_alpha_to_one);
  o.steps_offset = read_offset(reader);
  o.prediction = prediction_of(reader);
  o.spacing = spacing_of(reader, Spacing::leading);
  return std::make_unique<DdimInverseScheduler>(std::move(table), o);
}

std::unique_ptr<Scheduler> pndm(ConfigReader& reader, const std::string& /*where*/) {
  NoiseSchedule table = read_table(reader, false);
  PndmOptions o;
  o.skip_prk_steps = reader.boolean("skip_prk_steps", o.skip_prk_steps);
  o.set_alpha_to_one = reader.boolean("set_alpha_to_one", o.set_alpha_to_one);
  o.steps_offset = read_offset(reader);
  o.prediction = prediction_of(reader);
  o.spacing = spacing_of(reader, Spacing::leading);
  return std::make_unique<PndmScheduler>(std::move(table), o);
}

std::unique_ptr<Scheduler> dpm(ConfigReader& reader, const std::string& where) {
  NoiseSchedule table = read_table(reader, true);
  DpmOptions o;
  o.algorithm = reader.choice("algorithm_type", DpmAlgorithm::dpmsolver_pp, algorithm_names);
  o.order = reader.integer("solver_order", o.order, 1, 3);
  o.type = reader.choice("solver_type", DpmSolverType::midpoint, solver_names);
  o.prediction = prediction_of(reader);
  o.thresholding = read_thresholding(reader);
  o.lower_order_final = reader.boolean("lower_order_final", o.lower_order_final);
  o.euler_at_final = reader.boolean("euler_at_final", o.euler_at_final);
  o.final_sigma = read_final_sigma(reader);
  o.sigmas = read_sigma_spacing(reader, true);
  o.lambda_min_clipped = reader.real("lambda_min_clipped", o.lambda_min_clipped, -infinity, infinity);
  o.learned_variance = reader.one_of("variance_type", "none", {"none", "learned", "learned_range"}) != "none";
  o.spacing = spacing_of(reader, Spacing::linspace);
  o.steps_offset = read_offset(reader);
  refuse(reader, where, {"use_beta_sigmas", "use_flow_sigmas", "use_dynamic_shifting"});
  // Read with flow sigmas alone.
  reader.allow("flow_shift");
  reader.allow("time_shift_type");
  return std::make_unique<DpmScheduler>(std::move(table), o);
}

std::unique_ptr<Scheduler> euler(ConfigReader& reader, const std::string& where) {
  NoiseSchedule table = read_table(reader, true);
  EulerOptions o;
  const std::string prediction = reader.text("prediction_type", "epsilon");
  o.prediction =
      prediction == "original_sample" ? Prediction::sample : value_of("prediction_type", prediction, prediction_names);
  o.log_linear = reader.one_of("interpolation_type", "linear", {"linear", "log_linear"}) == "log_linear";
  o.sigmas = read_sigma_spacing(reader, false);
  // 0 is no sigma: it stands for the default, which is the chain's own end.
  if (const double s = reader.real("sigma_min", 0, 0, infinity); s > 0) o.sigma_min = s;
  if (const double s = reader.real("sigma_max", 0, 0, infinity); s > 0) o.sigma_max = s;
  o.spacing = spacing_of(reader, Spacing::linspace);
  o.continuous_timesteps = reader.one_of("timestep_type", "discrete", {"discrete", "continuous"}) == "continuous";
  o.steps_offset = read_offset(reader);
  o.final_sigma = read_final_sigma(reader);
  refuse(reader, where, {"use_beta_sigmas"});
  return std::make_unique<EulerScheduler>(std::move(table), o);
}

struct Entry {
  const char* name;
  const char* class_name;  // in diffusers
  std::unique_ptr<Scheduler> (*make)(ConfigReader& reader, const std::string& where);
  /// The arguments of its constructor beside those of all schedulers.
  std::vector<std::string_view> own;
};

const std::vector<Entry>& entries() {
  static const std::vector<Entry> table = {
      {"ddim",
       "DDIMScheduler",
       ddim,
       {"clip_sample", "clip_sample_range", "set_alpha_to_one", "thresholding", "dynamic_thresholding_ratio",
        "sample_max_value", "rescale_betas_zero_snr"}},
      {"ddim_inverse",
       "DDIMInverseScheduler",
       ddim_inverse,
       {"clip_sample", "clip_sample_range", "set_alpha_to_one", "rescale_betas_zero_snr"}},
      {"pndm", "PNDMScheduler", pndm, {"skip_prk_steps", "set_alpha_to_one"}},
      {"dpm",
       "DPMSolverMultistepScheduler",
       dpm,
       {"solver_order",         "algorithm_type",         "solver_type",
        "lower_order_final",    "euler_at_final",         "final_sigmas_type",
        "use_karras_sigmas",    "use_exponential_sigmas", "use_beta_sigmas",
        "use_lu_lambdas",       "use_flow_sigmas",        "flow_shift",
        "use_dynamic_shifting", "time_shift_type",        "lambda_min_clipped",
        "variance_type",        "thresholding",           "dynamic_thresholding_ratio",
        "sample_max_value",     "rescale_betas_zero_snr"}},
      {"euler",
       "EulerDiscreteScheduler",
       euler,
       {"interpolation_type", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "sigma_min",
        "sigma_max", "timestep_type", "final_sigmas_type", "rescale_betas_zero_snr"}}};
  return table;
}

bool lists(const Entry& entry, const std::string& key) {
  return std::find(entry.own.begin(), entry.own.end(), key) != entry.own.end();
}

}  // namespace

NoiseSchedule schedule_of_config(const nlohmann::json& config, const std::string& where) {
  nlohmann::json given = config;
  for (const auto& [key, value] : config.items())
    if (value.is_null()) given.erase(key);
  ConfigReader reader(given, where);
  return read_table(reader, true);
}

const std::vector<std::string>& scheduler_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    all.reserve(entries().size());
    for (const Entry& entry : entries()) all.emplace_back(entry.name);
    return all;
  }();
  return names;
}

std::unique_ptr<Scheduler> make_scheduler(const std::string& name, const nlohmann::json& arguments,
                                          const std::string& where) {
  if (!arguments.is_object() && !arguments.is_null())
    throw InputError(fmt::format("{}: accepted: an object of arguments", where));
  nlohmann::json given = arguments.is_null() ? nlohmann::json::object() : arguments;
  for (const auto& [key, value] : arguments.items())
    if (value.is_null()) given.erase(key);
  for (const Entry& entry : entries()) {
    if (entry.name != name) continue;
    try {
      ConfigReader reader(given, where);
      auto scheduler = entry.make(reader, where);
      reader.finish();
      return scheduler;
    } catch (const InputError& fault) {
      // What names no key of the configuration does not know whose it is.
      const std::string_view said = fault.what();
      if (said.starts_with(where)) throw;
      throw InputError(fmt::format("{}: {}", where, said));
    }
  }
  throw InputError(where + ": " + unknown_name_message("scheduler", name, scheduler_names()));
}

std::unique_ptr<Scheduler> scheduler_of_config(const nlohmann::json& config, const std::string& where,
                                               const std::string& name) {
  if (!config.is_object()) throw InputError(where + ": expected the configuration of a scheduler, an object");
  const nlohmann::json given = config.value("_class_name", nlohmann::json());
  std::vector<std::string> classes;
  classes.reserve(entries().size());
  const Entry* chosen = nullptr;
  for (const Entry& entry : entries()) {
    classes.emplace_back(entry.class_name);
    if (name.empty() ? given == entry.class_name : name == entry.name) chosen = &entry;
  }
  if (!chosen && !name.empty()) throw InputError(unknown_name_message("scheduler", name, scheduler_names()));
  if (!chosen) throw InputError(fmt::format("{}: _class_name {}; accepted: {}", where, given.dump(), join(classes)));
  nlohmann::json arguments = nlohmann::json::object();
  for (const auto& [key, value] : config.items()) {
    const bool of_others =
        std::any_of(entries().begin(), entries().end(), [&key = key](const Entry& entry) { return lists(entry, key); });
    if (!key.starts_with('_') && (lists(*chosen, key) || !of_others)) arguments[key] = value;
  }
  return make_scheduler(chosen->name, arguments, where);
}

}  // namespace assay
