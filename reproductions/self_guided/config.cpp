#include "reproductions/self_guided/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/config.h"
#include "core/error.h"
#include "core/nearest.h"
#include "reproductions/self_guided/presets.h"

namespace assay::self_guided {
namespace {

SampleConfig read_sample(const nlohmann::json& object, std::int64_t schedule_steps) {
  ConfigReader reader(object, "sample");
  SampleConfig s;
  s.count = reader.integer("count", s.count, 2);
  s.batch = reader.integer("batch", s.batch, 1, 1 << 16);
  s.ddim.steps = reader.integer("steps", s.ddim.steps, 1, schedule_steps);
  s.ddim.variant = read_ddim_variant(reader.text("variant", "sgdm"));
  s.ddim.eta = reader.real("eta", s.ddim.eta, 0.0, 1.0);
  s.ddim.weight = reader.real("weight", 2.0, -100.0, 100.0);
  s.weights =
      reader.one_of("weights", "raw", {"raw", "ema"}) == "raw" ? CheckpointWeights::raw : CheckpointWeights::ema;
  s.sweep = reader.reals("sweep", {0, 1, 2}, -100.0, 100.0);
  reader.finish();
  // The headline weight and the unguided one are always part of the curve.
  for (const double w : {0.0, s.ddim.weight})
    if (std::find(s.sweep.begin(), s.sweep.end(), w) == s.sweep.end()) s.sweep.push_back(w);
  std::sort(s.sweep.begin(), s.sweep.end());
  return s;
}

}  // namespace

nlohmann::json preset(const std::string& tier) {
  static const nlohmann::json presets = parse_json(presets_json, "self_guided/presets.json");
  std::vector<std::string> tiers;
  for (const auto& [name, value] : presets.items()) tiers.push_back(name);
  if (!presets.contains(tier)) throw InputError("self_guided: " + unknown_name_message("tier", tier, tiers));
  return presets.at(tier);
}

std::string self_label_arm(std::int64_t clusters) { return fmt::format("self_label_k{}", clusters); }

Config read_config(const nlohmann::json& object) {
  ConfigReader reader(object, "");
  Config c;
  c.dataset = read_dataset_spec(reader.object("dataset"), "dataset");
  c.label =
      reader.one_of("label", "subgroup", {"group", "subgroup"}) == "group" ? LabelKind::group : LabelKind::subgroup;
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
  c.fd_small = read_small_features_options(reader.object("fd_small"), "fd_small");
  {
    ConfigReader s(reader.object("schedule"), "schedule");
    const std::string name = s.text("name", "sqrt-linear");
    c.schedule = make_noise_schedule(name, s.integer("steps", 1000, 1, 1000000));
    s.finish();
  }
  c.unet = read_unet_config(reader.object("unet"), "unet");
  c.train = read_train_options(reader.object("train"), "train");
  c.networks =
      reader.one_of("networks", "separate", {"shared", "separate"}) == "shared" ? Networks::shared : Networks::separate;
  c.sample = read_sample(reader.object("sample"), c.schedule.steps());
  c.loss_timesteps = reader.integer("loss_timesteps", c.loss_timesteps, 1, c.schedule.steps());
  c.bootstrap = reader.integer("bootstrap", c.bootstrap, 20, 1000000);
  c.oracle = reader.boolean("oracle", c.oracle);
  reader.finish();

  if (c.unet.image_size != c.dataset.size)
    throw InputError(fmt::format("unet.image_size is {}, dataset.size is {}; they must be equal", c.unet.image_size,
                                 c.dataset.size));
  if (c.unet.num_classes || c.unet.cond_dim != 0)
    throw InputError("unet: num_classes and cond_dim follow from the conditions; leave them out");
  if (c.unet.in_channels != 3 || c.unet.out_channels != 3)
    throw InputError("unet: in_channels and out_channels must be 3: RGB images, no learned variance");
  return c;
}

}  // namespace assay::self_guided
