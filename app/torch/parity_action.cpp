#include <fmt/format.h>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "app/torch_actions.h"
#include "bench/parity/parity.h"

namespace assay {
int parity_action(const ParityCommand& command) {
  nlohmann::json packs = nlohmann::json::array();
  bool ok = true;
  for (const std::string& path : command.packs) {
    std::vector<std::string> skipped;
    for (const auto& pack : find_packs(path, skipped)) {
      packs.push_back(check_parity(pack));
      const nlohmann::json& result = packs.back();
      ok = ok && result.at("ok").get<bool>();
      if (command.json) continue;
      fmt::print("{} ({}): {}\n", result.at("pack").get<std::string>(), result.at("module").get<std::string>(),
                 result.at("ok").get<bool>() ? "equal" : "DIFFERS");
      for (const auto& c : result.at("cases"))
        fmt::print("  {:<28} {:<12} max abs {:.2e}  max rel {:.2e}  {}\n", c.at("name").get<std::string>(),
                   c.at("output").get<std::string>(), c.at("max_abs").get<double>(), c.at("max_rel").get<double>(),
                   c.at("ok").get<bool>() ? "ok" : c.value("fault", "ABOVE TOLERANCE"));
    }
    for (const std::string& name : skipped) fmt::print(stderr, "assay: passed over {}: not built yet\n", name);
  }
  if (command.json) std::cout << nlohmann::json{{"packs", packs}}.dump() << '\n';
  return ok ? 0 : 1;
}

}  // namespace assay
