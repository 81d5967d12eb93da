#include "reproductions/ed_dpm/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/config.h"
#include "core/error.h"
#include "diffusion/process/respacing.h"

namespace assay::ed_dpm {
namespace {

std::vector<double> read_gammas(ConfigReader& reader, const std::string& key) {
  std::vector<double> gammas = reader.reals(key, {1, 2, 4}, 0.0, 1e6);
  std::sort(gammas.begin(), gammas.end());
  for (std::size_t i = 0; i < gammas.size(); ++i) {
    if (gammas[i] == 0) throw InputError(fmt::format("sample.{}: 0 is arm `unguided`; accepted: above 0", key));
    if (i > 0 && gammas[i] == gammas[i - 1])
      throw InputError(fmt::format("sample.{}: {} is given twice", key, gammas[i]));
  }
  return gammas;
}

SampleConfig read_sample(const nlohmann::json& object, std::int64_t schedule_steps) {
  ConfigReader reader(object, "sample");
  SampleConfig s;
  s.count = reader.integer("count", s.count, 2);
  s.selection_count = reader.integer("selection_count", s.selection_count, 2);
  s.batch = reader.integer("batch", s.batch, 1, 1 << 16);
  s.respacing = reader.text("respacing", s.respacing);
  space_timesteps(schedule_steps, s.respacing);  // throws where it does not fit
  s.sampling.kind = reader.choice("sampler", AdmSampling::Kind::ddim, adm_sampler_names);
  s.sampling.eta = reader.real("eta", 0.0, 0.0, 1.0);
  s.sampling.clip = reader.boolean("clip", true);
  s.gammas_unconditional = read_gammas(reader, "gammas_unconditional");
  s.gammas_conditional = read_gammas(reader, "gammas_conditional");
  s.entropy_floor = reader.real("entropy_floor", s.entropy_floor, 0.0, 1.0);
  reader.finish();
  return s;
}

}  // namespace

Config read_config(const nlohmann::json& object) {
  ConfigReader reader(object, "");
  Config c;
  c.dataset = read_dataset_spec(reader.object("dataset"), "dataset");
  c.label = read_label_kind(reader, c.label);
  c.fd_small = read_small_features_options(reader.object("fd_small"), "fd_small");
  const ScheduleConfig schedule = read_schedule(reader, "linear", 2);
  c.schedule = make_noise_schedule(schedule.name, schedule.steps);
  c.unet = read_unet_config(reader.object("unet"), "unet");
  c.train = read_train_options(reader.object("train"), "train");
  c.classifier = read_encoder_unet_config(reader.object("classifier"), "classifier");
  c.classifier_train = read_classifier_train_options(reader.object("classifier_train"), "classifier_train");
  c.entropy_constraint = reader.real("entropy_constraint", c.entropy_constraint, 0.0, 1000.0);
  c.diagnosed_images = reader.integer("diagnosed_images", c.diagnosed_images, 2);
  c.sample = read_sample(reader.object("sample"), c.schedule.steps());
  c.bootstrap = reader.integer("bootstrap", c.bootstrap, 20, 1000000);
  c.oracle = reader.boolean("oracle", c.oracle);
  reader.finish();

  for (const auto& [where, size] :
       {std::pair("unet", c.unet.image_size), std::pair("classifier", c.classifier.image_size)})
    if (size != c.dataset.size)
      throw InputError(
          fmt::format("{}.image_size is {}, dataset.size is {}; they must be equal", where, size, c.dataset.size));
  if (c.unet.num_classes || c.unet.cond_dim != 0)
    throw InputError("unet: num_classes and cond_dim follow from the labels; leave them out");
  if (c.unet.in_channels != 3 || c.unet.out_channels != 6)
    throw InputError("unet: in_channels must be 3 and out_channels 6: RGB images and a learned variance");
  if (reader.object("classifier").contains("out_channels"))
    throw InputError("classifier.out_channels follows from the classes of the labels; leave it out");
  if (c.classifier.in_channels != 3) throw InputError("classifier: in_channels must be 3: RGB images");
  if (c.entropy_constraint == 0)
    throw InputError("entropy_constraint: 0 makes the arms with ECT equal to those without; accepted: above 0");
  return c;
}

}  // namespace assay::ed_dpm
