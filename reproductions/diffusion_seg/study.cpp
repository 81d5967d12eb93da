#include "reproductions/diffusion_seg/study.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/stack.h>
#include <fmt/format.h>

#include <set>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "reproductions/diffusion_seg/algorithm/pair_files.h"

namespace assay::diffusion_seg {
namespace {

/// What the objects of prompts are called: each name that a training image has, once.
std::vector<std::string> object_names(const Dataset& dataset, ObjectWords words) {
  std::set<std::string> names;
  for (const Item& item : dataset.items())
    if (item.split == Split::train)
      names.insert(words == ObjectWords::caption ? item.name
                   : words == ObjectWords::group ? dataset.groups()[static_cast<std::size_t>(item.group)]
                                                 : dataset.subgroups()[static_cast<std::size_t>(item.subgroup)]);
  return {names.begin(), names.end()};
}

std::vector<ObjectPrompt> prompts_of(const ClipTokenizer& tokenizer, const Dataset& dataset, const Config& config) {
  std::vector<ObjectPrompt> prompts;
  for (const std::string& name : object_names(dataset, config.draw.words))
    prompts.push_back(object_prompt(tokenizer, config.draw.prompt_template, name));
  return prompts;
}

/// The text model. Prompts that its vocabulary cannot say are refused before it is trained.
std::filesystem::path model_file(Run& run, const Config& config) {
  const LabelledImages train = load_images(run.dataset(), Split::train);
  const TextModelOptions& options = config.text_model;
  prompts_of(ClipTokenizer::learned(train.captions, options.merges, options.length), run.dataset(), config);
  return shared_text_model(run, options, train, shared_text_model_seed);
}

at::Tensor states_of(const TextToImage& model, const std::vector<ObjectPrompt>& prompts) {
  const at::NoGradGuard no_grad;
  std::vector<std::string> texts;
  texts.reserve(prompts.size());
  for (const ObjectPrompt& prompt : prompts) texts.push_back(prompt.text);
  return model.states(texts);
}

}  // namespace

at::Tensor first_training_images(const Dataset& dataset, std::int64_t most) {
  std::vector<at::Tensor> images;
  for (const std::int64_t i : indices(dataset, Split::train)) {
    if (static_cast<std::int64_t>(images.size()) == most) break;
    images.push_back(planes_of(dataset.sample(i).image));
  }
  return at::stack(images);
}

MaskedImages held_out_images(const Dataset& dataset, std::int64_t most) {
  MaskedImages real;
  std::vector<at::Tensor> images, masks;
  for (const std::int64_t i : indices(dataset, Split::validation)) {
    if (static_cast<std::int64_t>(images.size()) == most) break;
    const Sample sample = dataset.sample(i);
    const at::Tensor mask = (planes_of(sample.mask).squeeze(0) >= 128).to(at::kByte) * 255;
    if (!mask.any().item<bool>()) {
      ++real.left_out;
      continue;
    }
    images.push_back(planes_of(sample.image));
    masks.push_back(mask);
    real.boxes.push_back({static_cast<double>(sample.box.x0), static_cast<double>(sample.box.y0),
                          static_cast<double>(sample.box.x1), static_cast<double>(sample.box.y1)});
  }
  if (images.size() < 2)
    throw InputError(fmt::format("data set {}: {} held-out images with a mask; accepted: at least 2", dataset.name(),
                                 images.size()));
  real.images = at::stack(images).contiguous();
  real.masks = at::stack(masks).contiguous();
  return real;
}

Study::Study(Run& r, const Config& c) : run(r), config(c), real(held_out_images(r.dataset(), c.real_images)) {
  const std::filesystem::path file = model_file(r, c);
  model_hash = hash_file(file);
  model = load_text_model(file, c.text_model.weights, at::kFloat, r.device());
  prompts = prompts_of(model->tokenizer(), r.dataset(), c);
  states = states_of(*model, prompts);
}

Study::Study(const Study& whole, Run& part)
    : run(part),
      config(whole.config),
      real(whole.real),
      model_hash(whole.model_hash),
      model(whole.model),
      prompts(whole.prompts),
      states(whole.states) {}

PassShape Study::passes() const { return passes_of_small_network(device(), config.draw.batch); }

ObservedDrawing Study::observed() const {
  return {.model = *model,
          .prompts = prompts,
          .states = states,
          .scheduler = [this] { return scheduler_of_config(model->config().scheduler, "text_model.scheduler"); },
          .steps = config.draw.steps,
          .guidance = config.draw.guidance,
          .attention = config.attention,
          .passes = passes()};
}

nlohmann::json Study::drawing() const {
  nlohmann::json all = drawing_to_json(config);
  all["model"] = model_hash;
  all["weights"] = name_of(config.text_model.weights, checkpoint_weights_names);
  all["data"] = run.dataset().hash();
  all["device"] = device().is_cpu() ? "cpu" : "cuda";
  return all;
}

}  // namespace assay::diffusion_seg
