#include "reproductions/diffusion_seg/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "diffusion/networks/sd/unet_layers.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "reproductions/diffusion_seg/algorithm/palette_masks.h"
#include "reproductions/samples/prompt_template.h"

namespace assay::diffusion_seg {
namespace {

/// A list of numbers, which may be empty: its part of the study is then left out.
std::vector<std::int64_t> read_ascending(ConfigReader& reader, const nlohmann::json& object, const std::string& where,
                                         const std::string& key, std::int64_t low, std::int64_t high) {
  if (!object.contains(key) || object.at(key) == nlohmann::json::array()) {
    reader.allow(key);
    return {};
  }
  std::vector<std::int64_t> numbers = reader.integers(key, {}, low, high);
  if (std::adjacent_find(numbers.begin(), numbers.end(), std::greater_equal<>()) != numbers.end())
    throw InputError(fmt::format("{}.{}: {}; accepted: numbers in ascending order", where, key, object.at(key).dump()));
  return numbers;
}

DrawConfig read_draw(const nlohmann::json& object) {
  ConfigReader reader(object, "draw");
  DrawConfig d;
  d.prompt_template = reader.text("template", d.prompt_template);
  filled_template(d.prompt_template, "");
  d.words = reader.choice("words", d.words, object_words_names);
  d.steps = reader.integer("steps", d.steps, 1, 1000);
  d.guidance = reader.real("guidance", d.guidance, 0.0, 1000.0);
  if (d.guidance == 0)
    throw InputError("draw.guidance: 0 draws the empty prompt, in which no object is named; accepted: more than 0");
  d.batch = reader.integer("batch", d.batch, 1, 1 << 16);
  reader.finish();
  return d;
}

CalibrationConfig read_calibration(const nlohmann::json& object) {
  ConfigReader reader(object, "calibration");
  CalibrationConfig c;
  c.images = reader.integer("images", c.images, 0, 100000);
  c.lambdas = reader.reals("lambdas", c.lambdas, 0.0, 1e6);
  c.thresholds = reader.reals("thresholds", c.thresholds, 0.0, 1.0);
  reader.finish();
  return c;
}

InversionConfig read_inversion(const nlohmann::json& object) {
  ConfigReader reader(object, "inversion");
  InversionConfig c;
  c.features = read_feature_options(reader);
  c.compared_steps = read_ascending(reader, object, "inversion", "compared_steps", 2, 1000);
  c.images = reader.integer("images", c.images, 2, 1'000'000);
  reader.finish();
  return c;
}

BaselineConfig read_baselines(const nlohmann::json& object) {
  ConfigReader reader(object, "baselines");
  BaselineConfig c;
  c.network = read_self_distillation_options(reader.object("network"), "baselines.network");
  c.tokencut = read_tokencut_options(reader.object("tokencut"), "baselines.tokencut");
  c.candidate_share = reader.real("candidate_share", c.candidate_share, 0.001, 1.0);
  reader.finish();
  return c;
}

/// Throws InputError where the UNet has no layer or block that is looked at.
void check_network(const Config& c) {
  const SdUNetConfig unet = read_sd_unet_config(c.text_model.network.unet, "text_model.unet");
  const std::int64_t side = c.dataset.size;
  if (unet.sample_size != std::array{side, side})
    throw InputError(fmt::format("text_model.unet.sample_size: {} x {}; accepted: dataset.size, {}",
                                 unet.sample_size[0], unet.sample_size[1], side));
  const LatentGrid grid{side, side};
  AttentionRecorder(unet, grid, 1, c.attention);
  for (const std::string& block : c.inversion.features.blocks) unet_block(unet, grid, block);
  for (std::int64_t steps : c.inversion.compared_steps)
    inversion_of_config(c.text_model.network.scheduler, "text_model.scheduler", c.inversion.features.convention, steps);
  const Inversion inversion = inversion_of_config(c.text_model.network.scheduler, "text_model.scheduler",
                                                  c.inversion.features.convention, c.inversion.features.steps);
  if (c.inversion.features.prediction >= static_cast<std::int64_t>(inversion.steps().size()))
    throw InputError(fmt::format("inversion.prediction: {}; accepted: below {}, the predictions of this inversion",
                                 c.inversion.features.prediction, inversion.steps().size()));
}

void check_palettes(const Config& c) {
  if (has_palettes(c.dataset.name)) return;
  for (const auto& [key, value] :
       {std::pair("calibration.images", c.calibration.images), {"evaluated_images", c.evaluated_images}})
    if (value > 0)
      throw InputError(
          fmt::format("{}: {}, but the masks of drawn images are known of `shapes` alone; accepted with "
                      "{}: 0",
                      key, value, c.dataset.name));
}

}  // namespace

AttentionRecorderOptions read_attention_options(const nlohmann::json& object, std::int64_t steps) {
  ConfigReader reader(object, "attention");
  AttentionRecorderOptions o;
  o.cross_side = reader.integer("cross_side", o.cross_side, 1, 1024);
  o.self_side = reader.integer("self_side", o.self_side, 1, 1024);
  if (object.contains("within") && object.at("within") == nlohmann::json::array())
    reader.allow("within");
  else
    o.within = reader.texts("within", {});
  PredictionRange range;
  range.begin = reader.integer("first_step", 0, 0, steps - 1);
  range.end = reader.integer("end_step", steps, range.begin + 1, 1 << 20);
  o.groups = {range};
  reader.finish();
  return o;
}

CutOptions read_cut_options(const nlohmann::json& object) {
  ConfigReader reader(object, "cut");
  CutOptions c;
  c.cut = read_attention_cut_options(reader.object("energy"), "cut.energy");
  c.power = reader.integer("power", c.power, 0, 64);
  c.level = reader.real("level", c.level, 0.0, 1.0);
  reader.finish();
  return c;
}

CutArm read_synthesis_arm(ConfigReader& reader) {
  const CutArm arm = reader.choice("synthesis_arm", CutArm::cut, cut_arm_names);
  if (std::find(std::begin(energy_arms), std::end(energy_arms), arm) == std::end(energy_arms))
    throw InputError(fmt::format("synthesis_arm: {}; accepted: cut_8, cut, cut_colour", name_of(arm, cut_arm_names)));
  return arm;
}

FeatureOptions read_feature_options(ConfigReader& inversion) {
  FeatureOptions o;
  o.convention = inversion.choice("convention", o.convention, inversion_convention_names);
  o.steps = inversion.integer("steps", o.steps, 2, 1000);
  o.prediction = inversion.integer("prediction", o.prediction, 0, o.steps - 1);
  o.blocks = inversion.texts("blocks", o.blocks);
  return o;
}

DecoderConfig read_decoder_config(const nlohmann::json& object) {
  ConfigReader reader(object, "decoder");
  DecoderConfig c;
  c.network = read_mask_decoder_options(reader.object("network"), "decoder.network");
  c.train = read_decoder_train_options(reader.object("train"), "decoder.train");
  c.pairs = reader.integer("pairs", c.pairs, 1, 10'000'000);
  c.fewer_pairs = read_ascending(reader, object, "decoder", "fewer_pairs", 1, c.pairs - 1);
  reader.finish();
  return c;
}

Config read_config(const nlohmann::json& object) {
  ConfigReader reader(object, "");
  Config c;
  c.dataset = read_dataset_spec(reader.object("dataset"), "dataset");
  c.text_model = read_text_model_options(reader.object("text_model"), "text_model");
  c.draw = read_draw(reader.object("draw"));
  c.attention = read_attention_options(reader.object("attention"), c.draw.steps);
  c.cut = read_cut_options(reader.object("cut"));
  c.synthesis_arm = read_synthesis_arm(reader);
  c.calibration = read_calibration(reader.object("calibration"));
  c.evaluated_images = reader.integer("evaluated_images", c.evaluated_images, 0, 1'000'000);
  c.pairs = reader.integer("pairs", c.pairs, 1, 10'000'000);
  c.inversion = read_inversion(reader.object("inversion"));
  c.decoder = read_decoder_config(reader.object("decoder"));
  c.baselines = read_baselines(reader.object("baselines"));
  c.real_images = reader.integer("real_images", c.real_images, 2, 1'000'000);
  c.bootstrap = reader.integer("bootstrap", c.bootstrap, 20, 1'000'000);
  reader.finish();
  check_network(c);
  check_palettes(c);
  network_of(c.baselines.network, c.dataset.size);
  if (c.decoder.pairs > c.pairs)
    throw InputError(
        fmt::format("decoder.pairs: {}; accepted: at most pairs, the {} that are drawn", c.decoder.pairs, c.pairs));
  return c;
}

nlohmann::json drawing_to_json(const Config& c) {
  const PredictionRange& range = c.attention.groups.front();
  return {{"dataset", to_json(c.dataset)},
          {"template", c.draw.prompt_template},
          {"words", name_of(c.draw.words, object_words_names)},
          {"steps", c.draw.steps},
          {"guidance", c.draw.guidance},
          {"cross_side", c.attention.cross_side},
          {"self_side", c.attention.self_side},
          {"within", c.attention.within},
          {"predictions", {range.begin, range.end}},
          {"energy", to_json(c.cut.cut)},
          {"power", c.cut.power},
          {"level", c.cut.level}};
}

}  // namespace assay::diffusion_seg
