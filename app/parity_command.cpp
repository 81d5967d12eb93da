#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "app/command.h"
#include "bench/parity/parity.h"

namespace assay {
namespace {

int run(const std::vector<std::string>& paths, bool json) {
  nlohmann::json packs = nlohmann::json::array();
  bool ok = true;
  for (const std::string& path : paths) {
    std::vector<std::string> skipped;
    for (const auto& pack : find_packs(path, skipped)) {
      packs.push_back(check_parity(pack));
      const nlohmann::json& result = packs.back();
      ok = ok && result.at("ok").get<bool>();
      if (json) continue;
      fmt::print("{} ({}): {}\n", result.at("pack").get<std::string>(), result.at("module").get<std::string>(),
                 result.at("ok").get<bool>() ? "equal" : "DIFFERS");
      for (const auto& c : result.at("cases"))
        fmt::print("  {:<28} {:<12} max abs {:.2e}  max rel {:.2e}  {}\n", c.at("name").get<std::string>(),
                   c.at("output").get<std::string>(), c.at("max_abs").get<double>(), c.at("max_rel").get<double>(),
                   c.at("ok").get<bool>() ? "ok" : c.value("fault", "ABOVE TOLERANCE"));
    }
    for (const std::string& name : skipped) fmt::print(stderr, "assay: passed over {}: not built yet\n", name);
  }
  if (json) std::cout << nlohmann::json{{"packs", packs}}.dump() << '\n';
  return ok ? 0 : 1;
}

}  // namespace

void add_parity_command(CLI::App& app, CommandContext& context) {
  struct Options {
    std::vector<std::string> packs;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("parity", "Compare our modules with reference packs; exit 1 above tolerance");
  command->add_option("pack", options->packs, "Pack folders, or folders of packs")->required();
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback(
      [options, &context] { context.selected = [options] { return run(options->packs, options->json); }; });
}

}  // namespace assay
