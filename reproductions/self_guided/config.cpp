#include "reproductions/self_guided/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/config.h"
#include "core/error.h"

namespace assay::self_guided {
namespace {

constexpr Names<Part> part_names = {
    {"guidance", Part::guidance}, {"layouts", Part::layouts}, {"long_tail", Part::long_tail}};
constexpr Names<Networks> networks_names = {{"shared", Networks::shared}, {"separate", Networks::separate}};

SampleConfig read_sample(const nlohmann::json& object, std::int64_t schedule_steps) {
  ConfigReader reader(object, "sample");
  SampleConfig s;
  s.count = reader.integer("count", s.count, 6);  // as many as neighbour balls need
  s.batch = reader.integer("batch", s.batch, 1, 1 << 16);
  s.sampler = reader.choice("sampler", SamplerKind::ddim, sampler_names);
  s.ddim.steps = reader.integer("steps", s.ddim.steps, 1, schedule_steps);
  s.ddim.variant = value_of("DDIM variant", reader.text("variant", "sgdm"), ddim_variant_names);
  s.ddim.eta = reader.real("eta", s.ddim.eta, 0.0, 1.0);
  s.guidance = read_guidance_options(reader, 2.0);
  if (s.guidance.weight == 0) throw InputError("sample.weight: 0 is arm `uncond_w0`; accepted: any other weight");
  s.weights = reader.choice("weights", CheckpointWeights::raw, checkpoint_weights_names);
  s.sweep = reader.reals("sweep", {0, 1, 2}, -100.0, 100.0);
  reader.finish();
  // The headline weight and the unguided one are always part of the curve.
  for (const double w : {0.0, s.guidance.weight})
    if (std::find(s.sweep.begin(), s.sweep.end(), w) == s.sweep.end()) s.sweep.push_back(w);
  std::sort(s.sweep.begin(), s.sweep.end());
  return s;
}

LayoutConfig read_layouts(const nlohmann::json& object) {
  ConfigReader reader(object, "layouts");
  LayoutConfig c;
  c.box_convolutions = reader.integer("box_convolutions", c.box_convolutions, 1, 5);
  c.candidate_share = reader.real("candidate_share", c.candidate_share, 1e-6, 1.0);
  c.mask_clusters = reader.integer("mask_clusters", c.mask_clusters, 1, 256);
  c.mask_convolutions = reader.integer("mask_convolutions", c.mask_convolutions, 1, 5);
  c.masks = reader.text("masks", "");
  c.unet = read_unet_ca_config(reader.object("unet"), "layouts.unet");
  c.sweep = reader.reals("sweep", {}, -100.0, 100.0);
  reader.finish();
  return c;
}

std::vector<double> read_imbalances(ConfigReader& reader) {
  std::vector<double> rhos = reader.reals("imbalances", {}, 1.0, 1e6);
  std::sort(rhos.begin(), rhos.end());
  for (std::size_t i = 1; i < rhos.size(); ++i)
    if (rhos[i] == rhos[i - 1]) throw InputError(fmt::format("imbalances: {} is given twice", rhos[i]));
  return rhos;
}

}  // namespace

bool has(const Config& config, Part part) {
  return std::find(config.parts.begin(), config.parts.end(), part) != config.parts.end();
}

nlohmann::json settings_of_networks(const Config& c) {
  nlohmann::json parts = nlohmann::json::array(), encoders = nlohmann::json::array();
  for (const Part part : c.parts) parts.push_back(name_of(part, part_names));
  for (const Encoder encoder : c.encoders) encoders.push_back(name_of(encoder, encoder_names));
  return {{"dataset", to_json(c.dataset)},
          {"label", c.label == LabelKind::group ? "group" : "subgroup"},
          {"parts", parts},
          {"clusters", c.clusters},
          {"kmeans",
           {{"iterations", c.kmeans.iterations},
            {"max_points_per_centroid", c.kmeans.max_points_per_centroid},
            {"assign_normalised", c.kmeans.assign_normalised}}},
          {"encoder", to_json(c.encoder)},
          {"encoders", encoders},
          {"schedule", {{"name", c.schedule.name}, {"steps", c.schedule.steps()}}},
          {"unet", to_json(c.unet)},
          {"train", to_json(c.train)},
          {"networks", name_of(c.networks, networks_names)},
          {"uncond_model", c.uncond_model}};
}

Config read_config(const nlohmann::json& object) {
  ConfigReader reader(object, "");
  Config c;
  c.dataset = read_dataset_spec(reader.object("dataset"), "dataset");
  c.label = read_label_kind(reader, c.label);
  c.parts = reader.choices("parts", {Part::guidance}, part_names);
  c.pretrained = reader.text("pretrained", "");
  c.clusters = reader.integers("clusters", {100, 400}, 1, 1000000);
  for (std::size_t i = 0; i < c.clusters.size(); ++i)
    if (std::count(c.clusters.begin(), c.clusters.end(), c.clusters[i]) > 1)
      throw InputError(fmt::format("clusters: {} is given twice", c.clusters[i]));
  {
    ConfigReader k(reader.object("kmeans"), "kmeans");
    c.kmeans.iterations = k.integer("iterations", c.kmeans.iterations, 1, 100000);
    c.kmeans.max_points_per_centroid = k.integer("max_points_per_centroid", c.kmeans.max_points_per_centroid, 0);
    c.kmeans_fits = k.integer("fits", c.kmeans_fits, 1, 1000);
    c.kmeans.assign_normalised = k.boolean("assign_normalised", c.kmeans.assign_normalised);
    k.finish();
  }
  c.encoder = read_simclr_options(reader.object("encoder"), "encoder");
  c.encoders = reader.choices("encoders", {Encoder::simclr}, encoder_names);
  c.fd_small = read_small_features_options(reader.object("fd_small"), "fd_small");
  const ScheduleConfig schedule = read_schedule(reader, "sqrt-linear", 1);
  c.schedule = make_noise_schedule(schedule.name, schedule.steps);
  c.unet = read_unet_config(reader.object("unet"), "unet");
  c.train = read_train_options(reader.object("train"), "train");
  c.networks = reader.choice("networks", Networks::separate, networks_names);
  c.uncond_model = reader.boolean("uncond_model", c.uncond_model);
  c.layouts = read_layouts(reader.object("layouts"));
  c.imbalances = read_imbalances(reader);
  c.sample = read_sample(reader.object("sample"), c.schedule.steps());
  try {
    make_sampler(c.sample.sampler, c.schedule, c.sample.ddim);  // refuses what the sampler cannot follow
  } catch (const InputError& error) {
    throw InputError(fmt::format("sample: {}", error.what()));
  }
  c.loss_timesteps = reader.integer("loss_timesteps", c.loss_timesteps, 1, c.schedule.steps());
  c.bootstrap = reader.integer("bootstrap", c.bootstrap, 20, 1000000);
  c.oracle = reader.boolean("oracle", c.oracle);
  reader.finish();

  const auto check_network = [&](const std::string& where, const TorsoConfig& torso, const ConditionConfig& condition) {
    if (torso.image_size != c.dataset.size)
      throw InputError(fmt::format("{}.image_size is {}, dataset.size is {}; they must be equal", where,
                                   torso.image_size, c.dataset.size));
    if (condition.cond_dim != 0 || condition.layout_dim != 0)
      throw InputError(where + ": cond_dim and the layout follow from the conditions; leave them out");
    if (torso.in_channels != 3 || torso.out_channels != 3)
      throw InputError(where + ": in_channels and out_channels must be 3: RGB images, no learned variance");
  };
  check_network("unet", c.unet, c.unet);
  if (c.unet.num_classes) throw InputError("unet: num_classes follows from the conditions; leave it out");
  if (has(c, Part::layouts)) check_network("layouts.unet", c.layouts.unet, c.layouts.unet);
  if (has(c, Part::long_tail) && c.imbalances.size() < 2)
    throw InputError("imbalances: part long_tail needs two or more, as in [1, 10, 50]");
  return c;
}

}  // namespace assay::self_guided
