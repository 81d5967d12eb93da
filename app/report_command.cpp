#include "app/report_command.h"

#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

namespace assay {

int report_action(const ReportCommand& options) {
  const ReportFiles files = write_report(options.report);
  if (options.json)
    std::cout << nlohmann::json{{"html", files.html.string()}, {"markdown", files.markdown.string()}}.dump() << '\n';
  else
    fmt::print("{}\n{}\n", files.html.string(), files.markdown.string());
  return 0;
}

}  // namespace assay
