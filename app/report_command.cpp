#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/command.h"
#include "reports/report.h"

namespace assay {

void add_report_command(CLI::App& app, CommandContext& context) {
  struct Options {
    ReportOptions report;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  options->report.store = "results/assay.db";
  options->report.out = "results/report";
  CLI::App* command = app.add_subcommand("report", "Write the report of a store: HTML and Markdown");
  command->add_option("--store", options->report.store, "SQLite file of results")->capture_default_str();
  command->add_option("--out", options->report.out, "Folder for the report")->capture_default_str();
  command->add_option("--batch", options->report.batch, "Batch id; default: the newest");
  command->add_option("--run", options->report.run, "One run alone");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &context] {
    context.selected = [options] {
      const ReportFiles files = write_report(options->report);
      if (options->json)
        std::cout << nlohmann::json{{"html", files.html.string()}, {"markdown", files.markdown.string()}}.dump()
                  << '\n';
      else
        fmt::print("{}\n{}\n", files.html.string(), files.markdown.string());
      return 0;
    };
  });
}

}  // namespace assay
