#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "app/torch_actions.h"
#include "bench/harness/device.h"
#include "bench/harness/text_models.h"
#include "core/elapsed.h"
#include "core/error.h"
#include "core/file.h"
#include "core/names.h"
#include "core/phrases.h"
#include "core/progress.h"
#include "diffusion/networks/computing_type.h"
#include "diffusion/networks/sd/text_to_image_folder.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "diffusion/text/unicode_text.h"
#include "reproductions/class_tokens/algorithm/token_file.h"
#include "reproductions/samples/image_tensors.h"
#include "reproductions/samples/prompt_drawing.h"
#include "reproductions/text_model.h"

namespace assay {
namespace {

constexpr at::ScalarType as_in_the_files = at::ScalarType::Undefined;
constexpr Names<at::ScalarType> dtype_names = {
    {"auto", as_in_the_files}, {"f32", at::kFloat}, {"bf16", at::kBFloat16}, {"f16", at::kHalf}};
constexpr Names<at::ScalarType> long_names = {
    {"float32", at::kFloat}, {"bfloat16", at::kBFloat16}, {"float16", at::kHalf}};

/// The first word of a prompt that its tokens do not reach any more, and what follows it.
std::string cut_from(const ClipTokenizer& tokenizer, const std::string& prompt) {
  std::size_t kept = 0;
  for (std::size_t end = prompt.find(' '); end != std::string::npos; end = prompt.find(' ', end + 1)) {
    if (tokenizer.encode(prompt.substr(0, end)).dropped > 0) break;
    kept = end + 1;
  }
  return prompt.substr(kept);
}

/// The first characters of a text, which is UTF-8.
std::string beginning_of(const std::string& text) {
  constexpr std::size_t most = 40;  // bytes
  if (text.size() <= most) return text;
  std::size_t end = most;
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

/// Says what of the prompts the model does not see, and gives {"prompt", "tokens_cut"} of each.
nlohmann::json told_prompts(const TextToImage& model, const std::vector<std::string>& prompts) {
  nlohmann::json told = nlohmann::json::array();
  for (const std::string& prompt : prompts) {
    const std::int64_t dropped = model.tokenizer().encode(prompt).dropped;
    if (dropped > 0)
      fmt::print(stderr, "assay: prompt '{}': the model takes {} tokens and does not see the last {}, from '{}' on\n",
                 beginning_of(prompt), model.tokenizer().length(), dropped,
                 beginning_of(cut_from(model.tokenizer(), prompt)));
    told.push_back({{"prompt", prompt}, {"tokens_cut", dropped}});
  }
  return told;
}

/// The configuration of the model's scheduler, or what the asked one is made from. That of a class that never clips its
/// predictions does not say whether another may: pixels have bounds to clip to, latents have none.
nlohmann::json scheduler_config(const TextToImage& model, const std::string& name) {
  nlohmann::json config = model.config().scheduler;
  if (!name.empty() && !config.contains("clip_sample")) config["clip_sample"] = model.vae() == nullptr;
  return config;
}

/// The model that the user names: what lies at a path, or what a tier trained.
std::unique_ptr<TextToImage> named_model(const DrawCommand& command, at::ScalarType type, at::Device device) {
  const bool as_kept = type == as_in_the_files;
  if (std::filesystem::is_directory(command.model))
    return as_kept ? load_text_to_image(command.model, std::nullopt, device)
                   : load_text_to_image(command.model, type, device);
  const at::ScalarType converted = as_kept ? at::kFloat : type;  // which checkpoints have
  if (std::filesystem::exists(command.model) || !names_text_model(command.model))
    return open_text_model(command.model, converted, device);
  return open_text_model(text_model_of_tier(command.model, command.store, device).string(), converted, device);
}

/// What a network keeps its weights in: those of the parameters whose names begin so.
at::ScalarType kept_type(const Parameters& parameters, const std::string& prefix) {
  for (const Parameter& parameter : parameters.all())
    if (parameter.name.starts_with(prefix)) return parameter.value.scalar_type();
  throw Error("draw: a network without weights");
}

/// {"weights": {network: type}, "computes_in": {network: type}} of a model that is not packed yet.
nlohmann::json told_types(const TextToImage& model, at::Device device) {
  nlohmann::json told;
  const auto tell = [&](const char* network, at::ScalarType kept) {
    told["weights"][network] = name_of(kept, long_names);
    told["computes_in"][network] = name_of(computing_type(kept, device), long_names);
  };
  tell("unet", kept_type(model.parameters(), TextToImage::unet_prefix));
  tell("text_encoder", kept_type(model.parameters(), TextToImage::text_prefix));
  if (model.vae()) tell("vae", kept_type(model.vae_parameters(), ""));
  return told;
}

/// The folder of the grid, made where there is none. What of it is new and stays empty goes with this object, so that a
/// refused command leaves nothing behind.
class FolderOfOutput {
 public:
  explicit FolderOfOutput(const std::filesystem::path& file) {
    namespace fs = std::filesystem;
    if (!file.has_filename() || fs::is_directory(file))
      throw InputError(fmt::format("--out '{}': is no name of a file; accepted: a PNG to write", file.string()));
    if (const fs::path end = file.extension(); !end.empty() && end != ".png" && end != ".PNG")
      throw InputError(
          fmt::format("--out '{}': ends in {}; accepted: a PNG to write, NAME.png", file.string(), end.string()));
    const fs::path folder = file.has_parent_path() ? file.parent_path() : ".";
    for (fs::path at = folder; !at.empty() && !fs::exists(at); at = at.parent_path()) made_.push_back(at);
    ensure_folder(folder);
  }
  ~FolderOfOutput() {
    std::error_code kept;  // because something is in it
    for (const std::filesystem::path& folder : made_) std::filesystem::remove(folder, kept);
  }
  FolderOfOutput(const FolderOfOutput&) = delete;
  FolderOfOutput& operator=(const FolderOfOutput&) = delete;

 private:
  std::vector<std::filesystem::path> made_;  // the innermost first
};

std::int64_t scale_of(std::int64_t asked, std::int64_t side) {
  constexpr std::int64_t least = 64;  // pixels of a tile
  return asked > 0 ? asked : std::max<std::int64_t>(1, (least + side - 1) / side);
}

}  // namespace

int draw_action(const DrawCommand& command) {
  const auto started = std::chrono::steady_clock::now();
  const at::NoGradGuard no_grad;
  Progress::silence(command.quiet);
  const at::ScalarType asked = value_of("dtype", command.dtype, dtype_names);
  const at::Device device = choose_device(command.device);
  // A GPU computes in what it keeps.
  const at::ScalarType type = asked == as_in_the_files && !device.is_cpu() ? at::kFloat : asked;
  if (!command.scheduler.empty())
    value_of("scheduler", command.scheduler,
             Names<bool>{{"ddim", true}, {"pndm", true}, {"dpm", true}, {"euler", true}});
  const FolderOfOutput folder(command.out);  // before hours of drawing

  const std::unique_ptr<TextToImage> model = named_model(command, type, device);
  const nlohmann::json config = scheduler_config(*model, command.scheduler);
  const auto scheduler = [&] {
    return scheduler_of_config(config, model->config().where + "scheduler", command.scheduler);
  };
  scheduler()->set_timesteps(command.steps);  // throws what would come after the weights were arranged
  const nlohmann::json types = told_types(*model, device);
  model->pack();
  double others = 1.0;
  if (!command.token.empty()) {
    const class_tokens::TokenFile token =
        class_tokens::read_token(command.token, model->text_width(), model->text_identity());
    model->add_token(token.token, token.row);
    others = token.other_rows_scale;
    if (std::none_of(command.prompts.begin(), command.prompts.end(), [&](const std::string& prompt) {
          const std::vector<std::int64_t> ids = model->tokenizer().pieces(prompt);
          return std::find(ids.begin(), ids.end(), model->tokenizer().vocabulary_size() - 1) != ids.end();
        }))
      fmt::print(stderr, "assay: no prompt has the word of the token, '{}'\n", token.token);
  }
  check_utf8(command.negative, "negative prompt");
  const nlohmann::json told = told_prompts(*model, command.prompts);

  PromptDrawing drawing;
  drawing.prompts = model->states(command.prompts, {}, others);
  drawing.negative = model->states({command.negative}, {}, others);
  drawing.weight = command.weight.value_or(model->vae() ? 7.5 : 3.0);
  drawing.scheduler = scheduler;
  drawing.steps = command.steps;
  drawing.seed = command.seed;
  drawing.passes = passes_of(*model, device);
  const auto rows = static_cast<std::int64_t>(command.prompts.size());
  std::vector<PromptedSample> samples;
  samples.reserve(static_cast<std::size_t>(rows * command.count));
  for (std::int64_t prompt = 0; prompt < rows; ++prompt)
    for (std::int64_t noise = 0; noise < command.count; ++noise) samples.push_back({prompt, noise});

  at::Tensor images;
  {
    Progress progress("draw", calls_of_drawing(drawing, rows * command.count), "steps");
    images = draw_prompts(*model, drawing, samples, [&](std::int64_t done) { progress.update(done); });
  }
  const std::int64_t scale = scale_of(command.scale, images.size(3));
  const at::Tensor enlarged = images.repeat_interleave(scale, 2).repeat_interleave(scale, 3);
  write_image_grid(enlarged, rows, command.count, 2, command.out);

  const double seconds = seconds_since(started);
  if (command.json)
    std::cout << nlohmann::json{{"model", command.model},
                                {"prompts", told},
                                {"negative", command.negative},
                                {"token", command.token.string()},
                                {"text_encoder", model->text_identity()},
                                {"seed", command.seed},
                                {"count", command.count},
                                {"steps", command.steps},
                                {"weight", drawing.weight},
                                {"scheduler",
                                 command.scheduler.empty() ? config.value("_class_name", "") : command.scheduler},
                                {"device", device_description(device)},
                                {"dtype", command.dtype},
                                {"weights", types.at("weights")},
                                {"computes_in", types.at("computes_in")},
                                {"image", {images.size(2), images.size(3)}},
                                {"scale", scale},
                                {"out", command.out.string()},
                                {"seconds", seconds}}
                     .dump()
              << '\n';
  else
    fmt::print("{}: a row for {}, {} of {} x {} each, in {}\n", command.out.string(), counted(rows, "prompt"),
               counted(command.count, "image"), images.size(3), images.size(2), duration_text(seconds));
  return 0;
}

}  // namespace assay
