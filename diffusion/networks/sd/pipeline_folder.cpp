#include "diffusion/networks/sd/pipeline_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/nearest.h"
#include "core/phrases.h"
#include "core/safetensors.h"
#include "diffusion/networks/sd/matching_parts.h"

namespace assay {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

json read_object(const fs::path& file, const std::string& what) {
  if (!fs::is_regular_file(file)) throw InputError(fmt::format("{}: no such file; it is {}", file.string(), what));
  json value = parse_python_json(read_file(file), file.string());
  if (!value.is_object()) throw InputError(file.string() + ": expected a JSON object");
  return value;
}

std::string class_of_part(const json& index, const std::string& part) {
  const json& value = index.at(part);
  return value.is_array() && value.size() == 2 && value[1].is_string() ? value[1].get<std::string>() : value.dump();
}

/// Whether a pipeline has a part: [null, null] stands for none.
bool has_part(const json& index, const std::string& part) {
  const auto found = index.find(part);
  return found != index.end() && !(found->is_array() && found->size() == 2 && (*found)[1].is_null());
}

struct PartRow {
  const char* name;
  std::vector<std::string> classes;
};

/// Checks that the folder is of a pipeline that is built from these parts.
void check_index(const json& index, const std::string& where) {
  static const std::vector<std::string> pipelines = {"StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"};
  static const std::vector<PartRow> parts = {{"unet", {"UNet2DConditionModel"}},
                                             {"vae", {"AutoencoderKL"}},
                                             {"text_encoder", {"CLIPTextModel", "CLIPTextModelWithProjection"}},
                                             {"tokenizer", {"CLIPTokenizer", "CLIPTokenizerFast"}},
                                             {"scheduler", {}}};
  static const std::set<std::string> passed_over = {"feature_extractor", "image_encoder", "safety_checker",
                                                    "requires_safety_checker"};
  const json pipeline = index.value("_class_name", json());
  if (std::none_of(pipelines.begin(), pipelines.end(), [&](const std::string& name) { return pipeline == name; }))
    throw InputError(
        fmt::format("{}: _class_name {} is not built; accepted: {}", where, pipeline.dump(), join(pipelines)));
  for (const PartRow& part : parts) {
    if (!index.contains(part.name)) throw InputError(fmt::format("{}: names no {}", where, part.name));
    if (part.name == std::string_view("vae") && !has_part(index, part.name)) continue;
    const std::string name = class_of_part(index, part.name);
    if (!part.classes.empty() && std::find(part.classes.begin(), part.classes.end(), name) == part.classes.end())
      throw InputError(
          fmt::format("{}: {} is of class {}; accepted: {}", where, part.name, name, join(part.classes, " or ")));
  }
  for (const auto& [key, value] : index.items()) {
    const bool known = key.starts_with('_') || passed_over.contains(key) ||
                       std::any_of(parts.begin(), parts.end(), [k = key](const PartRow& p) { return k == p.name; });
    if (!known && has_part(index, key))
      throw InputError(fmt::format("{}: {} is of class {}, which is not built", where, key, class_of_part(index, key)));
  }
}

/// What a user has who has no folder of this layout.
std::string other_layout(const fs::path& folder) {
  std::vector<std::string> single;
  for (const auto& entry : fs::directory_iterator(folder))
    if (const auto end = entry.path().extension(); end == ".ckpt" || end == ".safetensors" || end == ".pt")
      single.push_back(entry.path().filename().string());
  std::sort(single.begin(), single.end());
  return single.empty() ? ""
                        : fmt::format(
                              "; it has {}: `python3 tools/convert_weights.py --vocabulary PATH FILE FOLDER` makes "
                              "such a folder of a checkpoint in the original layout",
                              first_few(single));
}

}  // namespace

fs::path find_weights(const fs::path& folder, const std::string& stem, const std::string& variant) {
  std::vector<fs::path> accepted;
  const auto add = [&](const std::string& of) {
    const std::string dot = of.empty() ? "" : "." + of;
    accepted.push_back(folder / (stem + dot + ".safetensors"));
    accepted.push_back(folder / fmt::format("{}.safetensors.index{}.json", stem, dot));
  };
  add(variant);
  if (variant.empty()) add("fp16");
  for (const fs::path& file : accepted)
    if (fs::is_regular_file(file)) return file;
  if (!fs::is_directory(folder)) throw InputError(fmt::format("{}: no such folder", folder.string()));
  std::vector<std::string> there, pickles;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    const auto end = entry.path().extension();
    if (end == ".bin" || end == ".ckpt" || end == ".pt" || end == ".pth") pickles.push_back(name);
    if (end == ".safetensors" || is_safetensors_index(entry.path())) there.push_back(name);
  }
  std::sort(there.begin(), there.end());
  std::sort(pickles.begin(), pickles.end());
  const std::string wanted = accepted.front().filename().string();
  if (there.empty() && !pickles.empty())
    throw InputError(
        fmt::format("{}: weights as a Python pickle ({}), which may run programs and is not read; `python3 "
                    "tools/convert_weights.py {} NEW_FOLDER` converts the whole folder",
                    folder.string(), first_few(pickles), folder.parent_path().string()));
  throw InputError(fmt::format("{}: no {}{}", folder.string(), wanted,
                               there.empty() ? "" : fmt::format("; there is {}", first_few(there))));
}

PipelineFolder read_pipeline_folder(const fs::path& folder, const std::string& variant) {
  if (!fs::is_directory(folder))
    throw InputError(fmt::format("{}: no such folder; expected one as diffusers writes it", folder.string()));
  const fs::path index = folder / "model_index.json";
  if (!fs::is_regular_file(index))
    throw InputError(fmt::format(
        "{}: no model_index.json; expected a folder as diffusers writes it, with unet/, vae/, text_encoder/, "
        "tokenizer/ and scheduler/{}",
        folder.string(), other_layout(folder)));
  const json parts = read_object(index, "the list of a pipeline's parts");
  check_index(parts, index.string());
  const auto config_of = [&](const char* part) {
    const fs::path file = folder / part / "config.json";
    return std::pair(read_object(file, "the configuration of a network"), file.string());
  };
  const auto [unet, unet_where] = config_of("unet");
  const auto [text, text_where] = config_of("text_encoder");
  PipelineFolder out{folder,
                     read_sd_unet_config(unet, unet_where),
                     find_weights(folder / "unet", "diffusion_pytorch_model", variant),
                     {},
                     {},
                     read_clip_text_config(text, text_where),
                     find_weights(folder / "text_encoder", "model", variant),
                     ClipTokenizer::from_folder(folder / "tokenizer"),
                     read_object(folder / "scheduler" / "scheduler_config.json", "the configuration of a scheduler")};
  if (has_part(parts, "vae")) {
    const auto [vae, vae_where] = config_of("vae");
    out.vae = read_sd_vae_config(vae, vae_where);
    out.vae_weights = find_weights(folder / "vae", "diffusion_pytorch_model", variant);
  }
  require_matching_parts(out.unet, out.text, out.tokenizer, out.vae ? &*out.vae : nullptr, folder.string() + "/");
  return out;
}

}  // namespace assay
