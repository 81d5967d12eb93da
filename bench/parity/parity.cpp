#include "bench/parity/parity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "bench/parity/module_ids.h"
#include "bench/parity/modules.h"
#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/interrupt.h"
#include "core/nearest.h"
#include "core/safetensors.h"
#include "kernels/thread_count.h"

namespace assay {
namespace {

using parity::Case;
using parity::Module;
using parity::ModuleEntry;
using parity::modules;
using parity::Outputs;
using parity::to_tensor;

nlohmann::json compare(const std::string& name, const std::string& output, const at::Tensor& got_any,
                       const at::Tensor& want, double rtol, double atol) {
  nlohmann::json row = {{"name", name}, {"output", output}, {"max_abs", 0.0}, {"max_rel", 0.0}, {"ok", true}};
  if (!got_any.defined() || got_any.sizes() != want.sizes()) {
    row["ok"] = false;
    row["fault"] =
        got_any.defined() ? fmt::format("{} elements, expected {}", got_any.numel(), want.numel()) : "not computed";
    return row;
  }
  const at::Tensor got = got_any.detach().to(at::kCPU).to(at::kDouble).contiguous();
  const at::Tensor expected = want.to(at::kDouble).contiguous();
  const double *g = got.const_data_ptr<double>(), *w = expected.const_data_ptr<double>();
  const bool exact = want.scalar_type() == at::kLong;
  double max_abs = 0, max_rel = 0;
  bool ok = true;
  for (std::int64_t i = 0; i < got.numel(); ++i) {
    if (!std::isfinite(g[i]) || !std::isfinite(w[i])) {
      ok = ok && ((std::isnan(g[i]) && std::isnan(w[i])) || g[i] == w[i]);
      continue;
    }
    const double difference = std::abs(g[i] - w[i]);
    max_abs = std::max(max_abs, difference);
    if (w[i] != 0) max_rel = std::max(max_rel, difference / std::abs(w[i]));
    ok = ok && (exact ? difference == 0 : difference <= atol + rtol * std::abs(w[i]));
  }
  row["max_abs"] = max_abs;
  row["max_rel"] = max_rel;
  row["ok"] = ok;
  return row;
}

nlohmann::json read_pack(const std::filesystem::path& pack) {
  const std::filesystem::path file = pack / "pack.json";
  if (!std::filesystem::is_regular_file(file))
    throw InputError(fmt::format("{}: not a parity pack: no pack.json in it", pack.string()));
  nlohmann::json description = parse_python_json(read_file(file), file.string());
  if (!description.is_object() || !description.contains("module") || !description.contains("cases") ||
      !description.contains("tensors") || !description.at("module").is_string() || !description.at("cases").is_array())
    throw InputError(fmt::format("{}: lacks module, cases or tensors", file.string()));
  return description;
}

}  // namespace

nlohmann::json check_parity(const std::filesystem::path& pack) {
  const nlohmann::json description = read_pack(pack);
  const std::string where = pack.string(), id = description.at("module").get<std::string>();
  const auto entry = std::find_if(modules().begin(), modules().end(), [&](const ModuleEntry& m) { return m.id == id; });
  if (entry == modules().end()) throw InputError(where + ": " + unknown_name_message("module", id, parity_modules()));

  const ThreadCount one_thread(1);
  nlohmann::json cases = nlohmann::json::array();
  bool ok = true;
  try {
    const SafetensorsFile tensors(pack / description.at("tensors").get<std::string>());
    std::unique_ptr<SafetensorsFile> state;
    if (description.contains("state"))
      state = std::make_unique<SafetensorsFile>(pack / description.at("state").get<std::string>());
    nlohmann::json config = description.value("config", nlohmann::json::object());
    // A folder that a configuration names lies in the pack.
    if (config.contains("folder")) config["folder"] = (pack / config.at("folder").get<std::string>()).string();
    const Module module = entry->make(std::move(config), state.get());
    for (const nlohmann::json& c : description.at("cases")) {
      stop_if_interrupted();
      const std::string name = c.at("name").get<std::string>();
      const Outputs outputs = module(Case(c, tensors, fmt::format("{}: case '{}'", where, name)));
      for (const auto& [output, wanted] : c.at("outputs").items()) {
        const auto tensor = wanted.get<std::string>();
        const auto got = outputs.find(output);
        cases.push_back(compare(name, output, got == outputs.end() ? at::Tensor() : got->second,
                                to_tensor(tensors.at(tensor), tensor), c.value("rtol", 0.0), c.value("atol", 0.0)));
        ok = ok && cases.back().at("ok").get<bool>();
      }
    }
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("{}: pack.json: {}", where, error.what()));
  }
  if (cases.empty()) throw InputError(fmt::format("{}: the pack has no cases", where));
  return {{"pack", std::filesystem::absolute(pack).lexically_normal().filename().string()},
          {"module", id},
          {"cases", cases},
          {"ok", ok}};
}

std::vector<std::filesystem::path> find_packs(const std::filesystem::path& path, std::vector<std::string>& skipped) {
  if (std::filesystem::is_regular_file(path / "pack.json")) return {path};
  std::vector<std::filesystem::path> packs;
  if (std::filesystem::is_directory(path))
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (!std::filesystem::is_regular_file(entry.path() / "pack.json")) continue;
      const auto module = read_pack(entry.path()).at("module").get<std::string>();
      if (std::find(parity_modules().begin(), parity_modules().end(), module) != parity_modules().end())
        packs.push_back(entry.path());
      else
        skipped.push_back(fmt::format("{} (module {})", entry.path().filename().string(), module));
    }
  if (packs.empty())
    throw InputError(fmt::format(
        "{}: no parity pack here; accepted: a folder with pack.json, or a folder of such folders", path.string()));
  std::sort(packs.begin(), packs.end());
  std::sort(skipped.begin(), skipped.end());
  return packs;
}

}  // namespace assay
