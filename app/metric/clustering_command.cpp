#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/command.h"
#include "app/metric/label_file.h"
#include "app/metric/metric_command.h"
#include "app/metric/report.h"
#include "core/error.h"
#include "metrics/clustering.h"

namespace assay {
namespace {

struct Options {
  std::filesystem::path truth, prediction;
  MetricOutput output;
};

int run(const Options& options) {
  const auto truth = read_label_file(options.truth), predicted = read_label_file(options.prediction);
  if (truth.size() != predicted.size())
    throw InputError(fmt::format("{} has {} labels and {} has {}; expected one for each item in both",
                                 options.prediction.string(), predicted.size(), options.truth.string(), truth.size()));
  MetricReport report;
  report.command = "clustering";
  report.protocols.push_back({"sklearn", {}});
  const auto add = [&](const std::string& metric, double value) {
    MetricRow row;
    row.protocol = "sklearn";
    row.metric = metric;
    row.value = value;
    row.n = static_cast<std::int64_t>(truth.size());
    report.rows.push_back(std::move(row));
  };
  add("nmi", nmi(truth, predicted));
  add("ami", ami(truth, predicted));
  add("ari", ari(truth, predicted));
  add("v_measure", v_measure(truth, predicted).v_measure);
  add("accuracy_one_to_one", accuracy_one_to_one(truth, predicted));
  add("accuracy_many_to_one", accuracy_many_to_one(truth, predicted));
  finish(report, options.output);
  return 0;
}

}  // namespace

void add_metric_clustering(CLI::App& metric, CommandContext& context) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = metric.add_subcommand("clustering", "Agreement of two labellings of the same items");
  command->add_option("--prediction", options->prediction, "Cluster of each item, one integer a line")->required();
  command->add_option("--truth", options->truth, "Label of each item, one integer a line")->required();
  add_metric_output(*command, options->output);
  command->callback([options, &context] {
    options->output.command_line = context.command_line;
    context.selected = [options] { return run(*options); };
  });
}

}  // namespace assay
