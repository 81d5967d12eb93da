#include "reproductions/self_guided/paper.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <map>
#include <memory>
#include <set>

#include "core/config.h"
#include "core/error.h"
#include "diffusion/guidance/classifier_free.h"
#include "diffusion/sampling/ddim.h"
#include "reproductions/published/config.h"
#include "reproductions/published/tier.h"
#include "reproductions/samples/image_tensors.h"
#include "reproductions/samples/sample_noise.h"
#include "reproductions/samples/sample_passes.h"
#include "reproductions/self_guided/config.h"
#include "reproductions/self_guided/paper_conditions.h"
#include "reproductions/tiers.h"

namespace assay::self_guided::paper {
namespace {

struct Row {
  std::string name, arm;
  std::string network, conditions, reference;  // keys of the tables of these names
  double weight = 2;                           // w, `imagen` convention
  std::vector<std::string> unknown;
};

struct PaperConfig {
  PublishedConfig published;
  DdimOptions ddim;
  std::map<std::string, ConditionSource> conditions;
  std::vector<Row> rows;  // the selected ones
};

/// What a network is told: width of the vector, channels of the layout.
struct Told {
  std::int64_t vector = 0, layout = 0;
};

Told told(const AdmConfiguration& configuration) {
  if (const auto* unet = std::get_if<UNetConfig>(&configuration.network)) return {unet->cond_dim, unet->layout_dim};
  if (const auto* unet = std::get_if<UNetCaConfig>(&configuration.network)) return {unet->cond_dim, unet->layout_dim};
  return {};
}

std::int64_t out_channels(const AdmConfiguration& configuration) {
  return std::visit([](const auto& config) { return config.out_channels; }, configuration.network);
}

Row read_row(const nlohmann::json& object, const std::string& name) {
  const std::string where = "published." + name;
  ConfigReader reader(object, where);
  Row row;
  row.name = name;
  row.arm = reader.text("arm", "");
  if (row.arm.empty()) throw InputError(where + ".arm: missing");
  row.network = reader.text("network", "");
  row.conditions = reader.text("conditions", "");
  row.reference = reader.text("reference", "");
  row.weight = reader.real("w", row.weight, -100.0, 100.0);
  row.unknown = reader.texts("unknown", {});
  reader.finish();
  return row;
}

/// Throws InputError where a row's network and conditions do not fit each other.
void check_row(const PaperConfig& c, const Row& row) {
  const std::string where = "published." + row.name;
  require_entry(c.published.networks, "network", row.network, where + ".network");
  require_entry(c.conditions, "conditions", row.conditions, where + ".conditions");
  require_entry(c.published.references, "reference", row.reference, where + ".reference");
  const AdmConfiguration& network = c.published.networks.at(row.network).configuration;
  if (std::holds_alternative<EncoderUNetConfig>(network.network) || out_channels(network) != 3)
    throw InputError(
        fmt::format("published.{}.network: {} is no network of Self-Guided Diffusion: RGB images, no learned variance",
                    row.name, row.network));
  using enum ConditionSource::Kind;
  const ConditionSource::Kind kind = c.conditions.at(row.conditions).kind;
  const Told asked = told(network);
  const bool fits = kind == none    ? row.weight == 0 || asked.vector == 0
                    : kind == boxes ? asked.vector > 0 && asked.layout == 1
                    : kind == masks ? asked.vector > 0 && asked.layout == asked.vector
                                    : asked.vector > 0 && asked.layout == 0;
  if (!fits)
    throw InputError(fmt::format(
        "published.{}: conditions {} do not fit network {}, which takes a vector of {} and {} layout channel(s)",
        row.name, row.conditions, row.network, asked.vector, asked.layout));
}

PaperConfig read_paper_config(const nlohmann::json& object) {
  ConfigReader reader(object, "");
  PaperConfig c;
  c.published = read_published_config(reader);
  read_networks(reader, c.published);
  {
    ConfigReader s(reader.object("sampling"), "sampling");
    read_amounts(s, c.published);
    c.ddim.steps = s.integer("steps", c.ddim.steps, 1, 999);
    c.ddim.variant = value_of("DDIM variant", s.text("variant", "sgdm"), ddim_variant_names);
    c.ddim.eta = s.real("eta", 0.0, 0.0, 1.0);
    c.ddim.clip = s.boolean("clip", true);
    c.ddim.threshold_quantile = s.real("threshold_quantile", 1.0, 0.0, 1.0);
    s.finish();
  }
  for (const auto& [name, source] : reader.object("conditions").items())
    c.conditions.emplace(name, read_condition_source(source, "conditions." + name, c.published.folder));
  reader.finish();
  for (const auto& [name, row] : object.at("published").items()) check_row(c, read_row(row, name));
  for (const std::string& name : c.published.rows) c.rows.push_back(read_row(object.at("published").at(name), name));
  return c;
}

NoiseSchedule schedule_of(const PaperConfig& c, const Row& row) {
  return make_noise_schedule(c.published.networks.at(row.network).configuration.noise_schedule, 1000);
}

class Paper final : public PublishedMethod<PaperConfig> {
 public:
  explicit Paper(const nlohmann::json& config)
      : PublishedMethod("run(s) of the authors' README", method_preset("self_guided", Tier::paper), config,
                        read_paper_config(config)) {}

 private:
  std::vector<NeededFile> files(const Row& row) const override;
  std::set<std::string> networks(const Row& row) const override { return {row.network}; }
  std::vector<std::string> also_free(const Row& row) const override;
  PlannedRow planned(const Row& row, at::Device device) const override;
  AddDrawing begin(Run& run) const override;

  nlohmann::json settings(const Row& row) const;
};

std::vector<NeededFile> Paper::files(const Row& row) const {
  const PaperConfig& c = config_;
  std::vector<NeededFile> files = c.conditions.at(row.conditions).files();
  files.insert(files.begin(), c.published.networks.at(row.network).file);
  files.push_back(c.published.references.at(row.reference));
  files.push_back(c.published.inception);
  return files;
}

std::vector<std::string> Paper::also_free(const Row& row) const {
  std::vector<std::string> free;
  for (const auto& [name, source] : config_.conditions) {
    if (name != row.conditions) free.push_back("/conditions/" + name);
    for (const char* key : {"/file", "/masks", "/from"}) free.push_back("/conditions/" + name + key);
  }
  for (const auto& [name, reference] : config_.published.references) free.push_back("/references/" + name);
  return free;
}

nlohmann::json Paper::settings(const Row& row) const {
  const PaperConfig& c = config_;
  const AdmConfiguration& network = c.published.networks.at(row.network).configuration;
  const Told asked = told(network);
  return {{"w", row.weight},
          {"w_cfg", to_cfg(row.weight)},
          {"sampler", c.ddim.variant == DdimVariant::sgdm ? "ddim, sgdm's steps" : "ddim, adm's steps"},
          {"steps", c.ddim.steps},
          {"eta", c.ddim.eta},
          {"clip", c.ddim.clip},
          {"threshold_quantile", c.ddim.threshold_quantile},
          {"noise_schedule", network.noise_schedule},
          {"diffusion_steps", 1000},
          {"image_size", image_size(network)},
          {"condition_vector", asked.vector},
          {"layout_channels", asked.layout},
          {"conditions", "drawn from those of the training images"},
          {"seed", "of the run; sample i draws noise and condition from Philox streams of its own"},
          {"quantisation", "trunc(clamp((x + 1) * 127.5, 0, 255))"}};
}

PlannedRow Paper::planned(const Row& row, at::Device device) const {
  const PaperConfig& c = config_;
  PlannedRow out;
  out.settings = settings(row);
  out.networks = {planned_network("diffusion", c.published.networks.at(row.network))};
  const NetworkCost& cost = out.networks[0].cost;
  const Told asked = told(c.published.networks.at(row.network).configuration);
  const Condition condition = asked.vector > 0 ? at::empty({0, asked.vector}) : at::Tensor();
  const std::int64_t evaluations = ClassifierFreeGuidance(condition, row.weight).evaluations().most;
  out.flops = static_cast<double>(c.ddim.steps) * cost.flops * static_cast<double>(evaluations);
  out.memory_bytes = cost.predict_bytes(largest_pass(device));
  out.loading_bytes = 8 * cost.parameters;
  out.unknown = row.unknown;
  return out;
}

Paper::AddDrawing Paper::begin(Run& run) const {
  const auto read = std::make_shared<std::map<std::string, PaperConditions>>();
  for (const Row& row : config_.rows) {
    const AdmConfiguration& network = config_.published.networks.at(row.network).configuration;
    const Told asked = told(network);
    read->try_emplace(row.name, config_.conditions.at(row.conditions), asked.vector, asked.layout, image_size(network));
  }
  return [this, &c = config_, &run, read](const Row& row, const PlannedRow& /*planned*/, PublishedTask& work) {
    const PublishedNetwork& network = c.published.networks.at(row.network);
    const std::int64_t side = image_size(network.configuration);
    work.params = {{"w", row.weight}, {"w_cfg", to_cfg(row.weight)}, {"steps", c.ddim.steps}};
    work.timing = fmt::format("{}, {} steps", pass_shape(run.device(), side), c.ddim.steps);
    work.draw = [&run, &row, &network, &conditions = *read, side, sampler = DdimSampler(schedule_of(c, row), c.ddim),
                 passes = passes(run.device()), denoiser = std::shared_ptr<const Denoiser>()](
                    std::int64_t first, std::int64_t count, const std::function<void(std::int64_t)>& progress) mutable {
      if (!denoiser) denoiser = load_denoiser(network, run.device());
      const auto drawn = [&](const SamplePass& pass) {
        const std::int64_t sample = first + pass.begin;
        const auto noise = [&](std::int64_t step) {
          return sample_noise(sample, pass.rows, {3, side, side}, run.seed(), step).to(run.device());
        };
        ClassifierFreeGuidance guidance(conditions.at(row.name).draw(run.seed(), sample, pass.rows).to(run.device()),
                                        row.weight);
        return to_bytes(
            sampler.sample(*denoiser, guidance, noise(0), [&](std::int64_t step) { return noise(step + 1); }));
      };
      DrawnImages images;
      images.bytes = draw_in_passes(count, passes, drawn, progress);
      return images;
    };
  };
}

}  // namespace

std::unique_ptr<Method> make_method(const nlohmann::json& config) { return std::make_unique<Paper>(config); }

}  // namespace assay::self_guided::paper
