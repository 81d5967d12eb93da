#include "reproductions/diffusion_seg/paper.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/config.h"
#include "core/error.h"
#include "core/hash.h"
#include "datasets/annotated/name_list.h"
#include "diffusion/networks/sd/pipeline_folder.h"
#include "diffusion/networks/sd/text_to_image_folder.h"
#include "diffusion/networks/sd/unet_layers.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "metrics/features/vision_transformer.h"
#include "reproductions/diffusion_seg/paper_config.h"
#include "reproductions/diffusion_seg/synthesis.h"
#include "reproductions/diffusion_seg/trained_decoder.h"
#include "reproductions/objects/found_objects.h"
#include "reproductions/objects/patch_keys.h"
#include "reproductions/published/config.h"
#include "reproductions/published/hub_model.h"
#include "reproductions/published/step_speed.h"
#include "reproductions/samples/prompt_template.h"
#include "reproductions/tiers.h"

namespace assay::diffusion_seg::paper {
namespace {

/// What a pass of an image costs, and what is kept of it.
struct Costs {
  HubModelCost model;
  double decoder = 0;      // of the mask decoder
  double transformer = 0;  // of an image as large as the model's
  std::int64_t feature_values = 0;
};

Costs costs_of(const PaperConfig& c) {
  Costs costs{cost_of(c.model)};
  const SdUNetConfig unet = read_sd_unet_config(c.model.unet, "unet");
  const LatentGrid grid{unet.sample_size[0], unet.sample_size[1]};
  const auto width = static_cast<double>(c.decoder.network.width);
  const double positions = static_cast<double>(c.decoder.network.side) * static_cast<double>(c.decoder.network.side);
  for (const std::string& name : c.inversion.blocks) {
    const SdUNetBlock block = unet_block(unet, grid, name);
    costs.feature_values += block.channels * block.grid.positions();
    costs.decoder += 2 * static_cast<double>(block.channels * block.grid.positions()) * width;
  }
  costs.decoder += positions * (2 * 2 * 9 * width * width + 2 * width);
  const VisionTransformerConfig& vit = c.transformer.config;
  const auto d = static_cast<double>(vit.embed_dim);
  const std::int64_t patches = c.model.side / vit.patch_size;  // a side
  const auto places = static_cast<double>(patches);
  const double tokens = places * places + 1;
  costs.transformer =
      static_cast<double>(vit.depth) * ((8 + 4 * vit.mlp_ratio) * d * d * tokens + 4 * d * tokens * tokens);
  return costs;
}

/// All that is read before anything is drawn: what is wrong with the last row is said before days of the first.
struct Inputs {
  PipelineFolder folder;
  std::vector<ObjectPrompt> prompts;
};

Inputs checked_inputs(const PaperConfig& c) {
  Inputs inputs{read_pipeline_folder(c.model.folder.path), {}};
  const std::string where = (inputs.folder.folder / "scheduler").string();
  scheduler_of_config(inputs.folder.scheduler, where, c.synthesis.scheduler)->set_timesteps(c.synthesis.steps);
  const auto predictions = static_cast<std::int64_t>(
      inversion_of_config(inputs.folder.scheduler, where, c.inversion.convention, c.inversion.steps).steps().size());
  if (c.inversion.prediction >= predictions)
    throw InputError(fmt::format("inversion.prediction: {}; accepted: below {}, the predictions of this inversion",
                                 c.inversion.prediction, predictions));
  const LatentGrid grid{inputs.folder.unet.sample_size[0], inputs.folder.unet.sample_size[1]};
  static_cast<void>(AttentionRecorder(inputs.folder.unet, grid, 1, c.attention));
  for (const std::string& block : c.inversion.blocks) unet_block(inputs.folder.unet, grid, block);
  for (const std::string& name : read_name_list(c.words.path))
    inputs.prompts.push_back(object_prompt(inputs.folder.tokenizer, c.synthesis.prompt_template, name));
  detect_vision_transformer(c.transformer.file.path);
  for (const Row& row : c.rows) open_photographs(c.sets.at(row.set));
  return inputs;
}

/// The states of all prompts, each encoded alone: they depend on no other.
at::Tensor states_of(const TextToImage& model, const std::vector<ObjectPrompt>& prompts) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> states;
  states.reserve(prompts.size());
  for (const ObjectPrompt& prompt : prompts) states.push_back(model.states({prompt.text}));
  return at::cat(states);
}

/// The features of the pairs that a decoder learns from.
struct FeaturesOfPairs {
  std::vector<std::int64_t> channels;
  std::function<DecoderFeatures()> open;
};

/// The pairs that are images `images` of those that are kept.
std::vector<std::int64_t> numbers_of(const std::vector<std::int64_t>& kept, const std::vector<std::int64_t>& images) {
  std::vector<std::int64_t> numbers;
  numbers.reserve(images.size());
  for (const std::int64_t image : images) numbers.push_back(kept.at(static_cast<std::size_t>(image)));
  return numbers;
}

class Paper final : public Method {
 public:
  explicit Paper(const nlohmann::json& config)
      : config_(read_paper_config(config)), preset_(method_preset("diffusion_seg", Tier::paper)), asked_(config) {
    costs_of(config_);  // refuses blocks that the planned network does not have
  }

  std::vector<std::string> needs() const override {
    std::vector<NeededFile> all;
    for (const Row& row : config_.rows)
      for (NeededFile& file : files(row)) all.push_back(std::move(file));
    return missing_lines(all);
  }
  std::vector<std::string> describe() const override {
    const PaperConfig& c = config_;
    return {fmt::format("{} published row(s): {} pairs of '{}', {} steps, guidance {:g}, masks of arm {}",
                        c.rows.size(), c.synthesis.pairs, c.synthesis.prompt_template, c.synthesis.steps,
                        c.synthesis.guidance, name_of(c.arm, cut_arm_names)),
            fmt::format("a decoder of {} weights: {} steps of {} images; features in {}, {:.1f} MB a pair in float16",
                        decoder_weights(), c.decoder.train.steps, c.decoder.train.batch,
                        name_of(c.features, feature_place_names),
                        static_cast<double>(2 * costs_of(c).feature_values) / 1e6)};
  }
  std::optional<PublishedPlan> published_plan(at::Device device) const override {
    PublishedPlan plan;
    for (const Row& row : config_.rows) plan.rows.push_back(planned(row, device));
    plan.speed = measure_step_speed(device, false);
    return plan;
  }
  void run(Run& run) const override;

 private:
  std::vector<NeededFile> files(const Row& row) const {
    return {config_.model.folder, config_.words, config_.transformer.file, config_.sets.at(row.set).folder};
  }
  std::int64_t decoder_weights() const;
  PlannedRow planned(const Row& row, at::Device device) const;
  std::vector<std::string> departures_of(const Row& row) const {
    return departures(preset_, asked_, row.name,
                      {"/files", "/row", "/rows", "/unknown", "/sets", "/words", "/images", "/shard", "/bootstrap",
                       "/features", "/synthesis/batch"});
  }
  std::unique_ptr<MaskDecoder> decoder_of(Run& run, const TextToImage& model, const Inputs& inputs) const;
  FeaturesOfPairs features_of(Run& run, const TextToImage& model, const PairSet& pairs,
                              const std::vector<std::int64_t>& kept) const;
  void score_row(Run& run, const Row& row, const TextToImage& model, const MaskDecoder& decoder,
                 const VisionTransformer& transformer) const;

  PaperConfig config_;
  nlohmann::json preset_, asked_;
};

std::int64_t Paper::decoder_weights() const {
  const SdUNetConfig unet = read_sd_unet_config(config_.model.unet, "unet");
  std::vector<std::int64_t> channels;
  for (const std::string& name : config_.inversion.blocks)
    channels.push_back(unet_block(unet, {unet.sample_size[0], unet.sample_size[1]}, name).channels);
  return MaskDecoder(channels, config_.decoder.network).parameters().trainable_count();
}

PlannedRow Paper::planned(const Row& row, at::Device device) const {
  const PaperConfig& c = config_;
  const Costs costs = costs_of(c);
  const PhotographSet& set = c.sets.at(row.set);
  const double drawn = 2 * costs.model.unet.flops * static_cast<double>(c.synthesis.steps) + costs.model.text.flops +
                       costs.model.decoder.flops;
  // The inversion stops behind the features; encoding is counted as decoding, which costs more.
  const double inverted =
      costs.model.unet.flops * static_cast<double>(c.inversion.prediction + 1) + costs.model.decoder.flops;
  const auto shown = static_cast<double>(c.decoder.train.steps * c.decoder.train.batch);
  const double features = inverted * (c.features == FeaturePlace::files ? static_cast<double>(c.decoder.pairs) : shown);
  PlannedRow plan;
  plan.name = row.name;
  // Pairs and decoder are made once, and counted where they are made.
  const bool first = row.name == c.rows.front().name;
  plan.settings = {{"set", row.set},
                   {"pairs", c.synthesis.pairs},
                   {"steps", c.synthesis.steps},
                   {"guidance", c.synthesis.guidance},
                   {"scheduler", c.synthesis.scheduler.empty() ? "the folder's" : c.synthesis.scheduler},
                   {"mask", name_of(c.arm, cut_arm_names)},
                   {"lambda", c.cut.cut.lambda},
                   {"inversion", fmt::format("prediction {} of {}", c.inversion.prediction, c.inversion.steps)},
                   {"decoder_steps", c.decoder.train.steps},
                   {"pairs_and_decoder", first ? "made in this row" : "made in row " + c.rows.front().name}};
  if (c.features == FeaturePlace::files) plan.settings["feature_bytes"] = 2 * costs.feature_values * c.decoder.pairs;
  plan.files = files(row);
  plan.networks = {{"diffusion", "UNet", c.model.unet, costs.model.unet},
                   {"text encoder", "CLIP", c.model.text_encoder, costs.model.text},
                   {"autoencoder", "VAE", c.model.vae, costs.model.decoder}};
  plan.images = c.images > 0 ? std::min(c.images, set.published_images) : set.published_images;
  plan.flops = inverted + costs.decoder + 2 * costs.transformer;
  if (first)
    plan.training_flops = drawn * static_cast<double>(c.synthesis.pairs) + features + 3 * costs.decoder * shown;
  const std::int64_t rows = passes_of_published_network(device, c.synthesis.batch).rows_of(c.synthesis.pairs);
  const HubModelCost& m = costs.model;
  plan.memory_bytes = 4 * (m.unet.parameters + m.text.parameters + m.decoder.parameters) +
                      std::max(m.unet.predict_bytes(2 * rows) - 4 * m.unet.parameters,
                               m.decoder.predict_bytes(rows) - 4 * m.decoder.parameters);
  plan.loading_bytes = 8 * (m.unet.parameters + m.text.parameters + m.decoder.parameters);
  plan.departures = departures_of(row);
  plan.unknown = c.unknown;
  return plan;
}

FeaturesOfPairs Paper::features_of(Run& run, const TextToImage& model, const PairSet& pairs,
                                   const std::vector<std::int64_t>& kept) const {
  const PaperConfig& c = config_;
  const PassShape passes = passes_of_published_network(run.device(), c.synthesis.batch);
  const auto of_pairs = [&model, &pairs, passes, seed = run.seed(), options = c.inversion](
                            const std::vector<std::int64_t>& numbers, const std::function<void(std::int64_t)>& done) {
    return image_features(model, FeatureKind::inversion, options, pairs.images(numbers), numbers, seed, passes, done);
  };
  const auto count = static_cast<std::int64_t>(kept.size());
  const std::vector<std::int64_t> channels =
      feature_channels(model, FeatureKind::inversion, c.inversion, pairs.height(), pairs.width());
  if (c.features == FeaturePlace::computed) {
    DecoderFeatures features{.count = count, .channels = channels};
    features.load = [of_pairs, kept](const std::vector<std::int64_t>& images) {
      return of_pairs(numbers_of(kept, images), [](std::int64_t) {});
    };
    return {channels, [features] { return features; }};
  }
  const auto progress = run.progress("features of pairs", count, "images");
  std::vector<std::filesystem::path> shards;
  for (std::int64_t first = 0; first < count; first += c.shard) {
    shards.push_back(run.artifact_folder() / fmt::format("features-{:08}.safetensors", first));
    run.stage(fmt::format("features:{:08}", first), [&](StageOutput& /*out*/) {
      const std::vector<std::int64_t> numbers(kept.begin() + first, kept.begin() + std::min(count, first + c.shard));
      std::vector<at::Tensor> scales = of_pairs(numbers, [&](std::int64_t done) { progress(first + done); });
      for (at::Tensor& scale : scales) scale = scale.to(at::kHalf);
      write_features(shards.back(), scales);
    });
  }
  return {channels, [shards] { return features_in_files(shards); }};
}

std::unique_ptr<MaskDecoder> Paper::decoder_of(Run& run, const TextToImage& model, const Inputs& inputs) const {
  const PaperConfig& c = config_;
  const PassShape passes = passes_of_published_network(run.device(), c.synthesis.batch);
  const PredictionRange& range = c.attention.groups.front();
  std::vector<std::string> words;
  words.reserve(inputs.prompts.size());
  for (const ObjectPrompt& prompt : inputs.prompts) words.push_back(prompt.words);
  PairMaking making{.drawing = {.model = model,
                                .prompts = inputs.prompts,
                                .states = states_of(model, inputs.prompts),
                                .scheduler =
                                    [&] {
                                      return scheduler_of_config(inputs.folder.scheduler,
                                                                 model.config().where + "scheduler",
                                                                 c.synthesis.scheduler);
                                    },
                                .steps = c.synthesis.steps,
                                .guidance = c.synthesis.guidance,
                                .attention = c.attention,
                                .passes = passes},
                    .arm = c.arm,
                    .cut = c.cut,
                    .lambda = c.cut.cut.lambda,
                    .pairs = c.synthesis.pairs,
                    .part = passes.rows,
                    .palettes = false,
                    .made_by = {{"what", "diffusion_seg pairs"},
                                {"model",
                                 {hash_file(inputs.folder.unet_weights), hash_file(inputs.folder.vae_weights),
                                  hash_file(inputs.folder.text_weights)}},
                                {"own_scheduler", inputs.folder.scheduler},
                                {"scheduler", c.synthesis.scheduler},
                                {"words", hash_text(nlohmann::json(words).dump())},
                                {"template", c.synthesis.prompt_template},
                                {"steps", c.synthesis.steps},
                                {"guidance", c.synthesis.guidance},
                                {"cross_side", c.attention.cross_side},
                                {"self_side", c.attention.self_side},
                                {"within", c.attention.within},
                                {"predictions", {range.begin, range.end}},
                                {"energy", to_json(c.cut.cut)},
                                {"arm", name_of(c.arm, cut_arm_names)},
                                {"pairs", c.synthesis.pairs},
                                {"seed", run.seed()},
                                {"device", run.device().is_cpu() ? "cpu" : "cuda"}}};
  const PairSet pairs = synthesised(run, making);
  const std::vector<std::int64_t> kept = kept_pairs(pairs, c.decoder.pairs);
  const FeaturesOfPairs features = features_of(run, model, pairs, kept);
  return trained_decoder(run, c.decoder,
                         {.name = "decoder",
                          .identity = {{"pairs", pairs.made_by()},
                                       {"used", kept.size()},
                                       {"masks", cut_mask},
                                       {"features", to_json(FeatureKind::inversion, c.inversion)},
                                       {"place", name_of(c.features, feature_place_names)}},
                          .channels = features.channels,
                          .side = pairs.width(),
                          .features = features.open,
                          .masks = [&]() -> DecoderMasks {
                            return [&](const std::vector<std::int64_t>& images) {
                              return pairs.masks(cut_mask, numbers_of(kept, images)).to(at::kFloat) / 255;
                            };
                          }});
}

void Paper::score_row(Run& run, const Row& row, const TextToImage& model, const MaskDecoder& decoder,
                      const VisionTransformer& transformer) const {
  const PaperConfig& c = config_;
  const PhotographSet& set = c.sets.at(row.set);
  const PhotographScoring how{c.images, c.shard, {c.bootstrap, run.seed()}};
  const std::vector<std::string> changed = departures_of(row);
  const bool altered = !changed.empty();
  const PhotographArm inversion{"inversion", altered}, tokencut{"tokencut", altered}, lost{"lost", altered};
  const std::int64_t side = model.unet().config().sample_size[0] * model.latent_factor();
  const MapOfPhotograph by_decoder = [&](const Image& photograph, std::int64_t height, std::int64_t width) {
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> maps =
        image_features(model, FeatureKind::inversion, c.inversion, squared(photograph, side), {0}, run.seed(),
                       passes_of_published_network(run.device(), 1), [](std::int64_t) {});
    for (at::Tensor& scale : maps) scale = scale.to(run.device());
    return (decoder.logits(maps, height, width).sigmoid() * 255).round().to(at::kByte).squeeze(0).to(at::kCPU);
  };
  const auto by_keys = [&](const std::function<FoundObjects(const LocalFeatures&, const Image&)>& find) {
    return [&run, &transformer, find](const Image& photograph, std::int64_t height, std::int64_t width) {
      const at::Tensor padded = padded_photograph(photograph, transformer.config().patch_size).to(run.device());
      at::Tensor mask = find(patch_keys(transformer, padded), photograph).masks;
      // A mask may have another size than its photograph.
      if (mask.size(2) != height || mask.size(3) != width) {
        const std::vector<std::int64_t> size = {height, width};
        mask = at::upsample_nearest2d(mask, size);
      }
      return (mask > 0.5).to(at::kByte).squeeze(0).squeeze(0) * 255;
    };
  };
  const MapOfPhotograph by_tokencut = by_keys([&](const LocalFeatures& keys, const Image& photograph) {
    return find_by_tokencut(keys, c.tokencut, photograph.height, photograph.width);
  });
  const MapOfPhotograph by_lost = by_keys([&](const LocalFeatures& keys, const Image& photograph) {
    const auto patches = static_cast<double>(keys.rows * keys.columns);
    return find_by_lost(keys, std::min(1.0, static_cast<double>(c.candidates) / patches), photograph.height,
                        photograph.width);
  });
  const nlohmann::json ours = score_photographs(run, set, inversion, by_decoder, how),
                       of_tokencut = score_photographs(run, set, tokencut, by_tokencut, how),
                       of_lost = score_photographs(run, set, lost, by_lost, how);
  run.stage("paired:" + set.name, [&](StageOutput& out) {
    const bool masks = ours.contains("iou");
    const nlohmann::json reference = {{"images", set.name}};
    if (masks)
      add_mask_protocols(out, reference, "> 0");
    else
      add_corloc_protocol(out, reference, "of the set");
    const std::string name = masks ? "iou" : "corloc", protocol = masks ? "tokencut" : "corloc-lost";
    const auto values = ours.at(name).get<std::vector<double>>();
    for (const auto& [other, found] : {std::pair(&tokencut, &of_tokencut), {&lost, &of_lost}}) {
      const auto of_other = found->at(name).get<std::vector<double>>();
      add_difference(out, name, protocol, {inversion.scored(), &values}, {other->scored(), &of_other}, how.resampling,
                     {{"set", set.name}});
    }
    for (const std::string& departure : changed)
      out.notes.push_back(fmt::format("{}: {} is not as in the tier's preset", row.name, departure));
  });
}

void Paper::run(Run& run) const {
  const Inputs inputs = checked_inputs(config_);
  const auto model = load_text_to_image(config_.model.folder.path, at::kFloat, run.device());
  const std::unique_ptr<MaskDecoder> decoder = decoder_of(run, *model, inputs);
  const std::filesystem::path& weights = config_.transformer.file.path;
  const VisionTransformer transformer(detect_vision_transformer(weights), weights, run.device());
  for (const Row& row : config_.rows) score_row(run, row, *model, *decoder, transformer);
}

}  // namespace

std::unique_ptr<Method> make_method(const nlohmann::json& config) { return std::make_unique<Paper>(config); }

}  // namespace assay::diffusion_seg::paper
