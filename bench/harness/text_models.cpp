#include "bench/harness/text_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <vector>

#include "bench/harness/recorded_run.h"
#include "bench/harness/run_request.h"
#include "core/error.h"
#include "datasets/dataset.h"
#include "reproductions/configured_method.h"
#include "reproductions/text_model.h"

namespace assay {
namespace {

/// Methods with a text model, as "class_tokens:mini".
std::string examples(Tier tier) {
  std::string all;
  for (const MethodEntry& entry : method_table())
    if (std::find(entry.tiers.begin(), entry.tiers.end(), tier) != entry.tiers.end() &&
        entry.preset(tier, "").contains("text_model"))
      all += fmt::format("{}{}:{}", all.empty() ? "" : ", ", entry.id, name_of(tier));
  return all;
}

std::vector<std::string> captions_of(const Dataset& dataset) {
  const std::vector<std::int64_t> chosen = indices(dataset, Split::train);
  std::vector<std::string> captions;
  captions.reserve(chosen.size());
  for (const std::int64_t index : chosen) captions.push_back(dataset.items()[static_cast<std::size_t>(index)].name);
  return captions;
}

}  // namespace

bool names_text_model(const std::string& name) {
  return name.find(':') != std::string::npos && name.find('/') == std::string::npos;
}

std::filesystem::path text_model_of_tier(const std::string& name, const std::filesystem::path& store,
                                         at::Device device) {
  std::vector<std::string> parts;
  std::istringstream text(name);
  for (std::string part; std::getline(text, part, ':');) parts.push_back(part);
  if (parts.size() < 2 || parts.size() > 3)
    throw InputError(fmt::format("model '{}': accepted: METHOD:TIER or METHOD:TIER:DATASET, such as {}", name,
                                 examples(Tier::mini)));
  RunRequest request;
  request.tier = parts[1];
  if (parts.size() == 3) request.dataset = parts[2];
  const ConfiguredMethod configured = configured_method(parts[0], request);
  const nlohmann::json& config = configured.config;
  if (!config.contains("text_model") || !config.contains("dataset"))
    throw InputError(
        fmt::format("model '{}': this tier trains no text model; accepted: {}", name, examples(Tier::mini)));
  for (const std::string& missing : configured.method->needs()) throw InputError("missing: " + missing);
  const std::unique_ptr<Dataset> dataset = open_dataset(read_dataset_spec(config.at("dataset"), "dataset"));
  const TextModelOptions options = read_text_model_options(config.at("text_model"), "text_model");
  const std::vector<std::string> captions = captions_of(*dataset);

  const std::filesystem::path folder = store.has_parent_path() ? store.parent_path() : std::filesystem::path(".");
  const auto place = [&](at::Device trained_on) {
    return product_file(folder, text_model_kind,
                        text_model_identity(options, captions, dataset->hash(), trained_on, shared_text_model_seed));
  };
  const std::filesystem::path own = place(device),
                              other = place(device.is_cpu() ? at::Device(at::kCUDA) : at::Device(at::kCPU));
  for (const std::filesystem::path& file : {own, other})
    if (std::filesystem::is_regular_file(file)) return file;
  throw InputError(fmt::format(
      "model '{}': not trained yet, {} is absent; `assay run {} --tier {}{} --store {}` trains it", name, own.string(),
      parts[0], parts[1], request.dataset.empty() ? "" : " --dataset " + request.dataset, store.string()));
}

}  // namespace assay
