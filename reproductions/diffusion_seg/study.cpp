#include "reproductions/diffusion_seg/study.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/philox.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "reproductions/samples/prompt_drawing.h"

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

/// [C, H, W] uint8.
at::Tensor planes_of(const Image& image) {
  const at::Tensor bytes = at::empty({image.height, image.width, image.channels}, at::kByte);
  std::memcpy(bytes.mutable_data_ptr<std::uint8_t>(), image.pixels.data(), image.pixels.size());
  return bytes.permute({2, 0, 1});
}

std::span<const float> values_of(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

/// The maps of image `row` of a pass.
KeptMaps maps_of(const AttentionRecorder& recorder, const at::Tensor& cross, const at::Tensor& self, std::int64_t row,
                 const ObjectPrompt& prompt) {
  const LatentGrid from = recorder.cross_grid(), to = recorder.self_grid();
  const at::Tensor own = cross[row].t().contiguous(), between = self[row].contiguous();
  KeptMaps maps{to.height, to.width, {}, {}};
  maps.cross = min_max(resize_bicubic(object_attention(values_of(own), own.size(1), prompt.places), from.height,
                                      from.width, to.height, to.width));
  const std::span<const float> values = values_of(between);
  maps.self.assign(values.begin(), values.end());
  return maps;
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

nlohmann::json Study::drawing() const {
  nlohmann::json all = drawing_to_json(config);
  all["model"] = model_hash;
  all["weights"] = name_of(config.text_model.weights, checkpoint_weights_names);
  all["data"] = run.dataset().hash();
  all["device"] = device().is_cpu() ? "cpu" : "cuda";
  return all;
}

std::span<const float> ObservedImages::colours_of(std::size_t image) const {
  const auto each = static_cast<std::size_t>(colours.size(1) * colours.size(2));
  return values_of(colours).subspan(image * each, each);
}

ObservedImages draw_observed(const Study& s, std::uint64_t seed, const std::vector<std::int64_t>& numbers,
                             const std::function<void(std::int64_t)>& progress) {
  ObservedImages observed;
  observed.numbers = numbers;
  observed.maps.resize(numbers.size());
  std::vector<PromptedSample> samples;
  samples.reserve(numbers.size());
  for (const std::int64_t number : numbers) {
    RandomStream random(seed, Purpose::condition, static_cast<std::uint64_t>(number));
    samples.push_back({static_cast<std::int64_t>(random.below(s.prompts.size())), number});
    observed.prompts.push_back(samples.back().prompt);
  }
  PromptDrawing drawing;
  drawing.prompts = s.states;
  drawing.weight = s.config.draw.guidance;
  drawing.scheduler = [&] { return scheduler_of_config(s.model->config().scheduler, "text_model.scheduler"); };
  drawing.steps = s.config.draw.steps;
  drawing.seed = seed;
  drawing.passes = s.passes();
  const AttentionRecording recording{
      .options = s.config.attention, .seen = [&](const SamplePass& pass, const AttentionRecorder& recorder) {
        const at::Tensor cross = recorder.cross().to(at::kCPU, at::kFloat),
                         self = recorder.self().to(at::kCPU, at::kFloat);
        for (std::int64_t row = 0; row < pass.kept; ++row) {
          const auto image = static_cast<std::size_t>(pass.begin + row);
          observed.maps[image] =
              maps_of(recorder, cross, self, row, s.prompts[static_cast<std::size_t>(observed.prompts[image])]);
        }
      }};
  const std::int64_t calls = calls_of_drawing(drawing, static_cast<std::int64_t>(numbers.size()));
  const auto images = static_cast<std::int64_t>(numbers.size());
  observed.images = draw_prompts(
      *s.model, drawing, samples, [&](std::int64_t done) { progress(done * images / calls); }, &recording);
  const KeptMaps& first = observed.maps.front();
  observed.colours = at::adaptive_avg_pool2d(observed.images.to(at::kFloat) / 255, {first.height, first.width})
                         .flatten(2)
                         .transpose(1, 2)
                         .contiguous();
  return observed;
}

std::vector<std::vector<std::int64_t>> parts_of(std::int64_t first, std::int64_t count) {
  constexpr std::int64_t most = 50;
  std::vector<std::vector<std::int64_t>> parts;
  for (std::int64_t begin = 0; begin < count; begin += most) {
    std::vector<std::int64_t>& part = parts.emplace_back();
    for (std::int64_t i = begin; i < std::min(count, begin + most); ++i) part.push_back(first + i);
  }
  return parts;
}

}  // namespace assay::diffusion_seg
