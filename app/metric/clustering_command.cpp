#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <memory>
#include <system_error>

#include "app/command.h"
#include "app/metric/label_file.h"
#include "app/metric/metric_command.h"
#include "app/metric/metric_report.h"
#include "core/error.h"
#include "core/parallel.h"
#include "metrics/clustering/agreement.h"
#include "metrics/clustering/clustering.h"
#include "metrics/metric_facts.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {
namespace {

struct Options {
  std::filesystem::path truth, prediction;
  bool per_class = false;
  std::int64_t replicates = 200;
  std::uint64_t seed = 0;
  int threads = 0;
  MetricOutput output;
};

void add_class_rows(const Contingency& table, MetricReport& report) {
  for (const ClassMatch& match : class_matches(table)) {
    const auto add = [&](const char* metric, double value) {
      MetricRow row;
      row.protocol = "sklearn";
      row.metric = metric;
      row.part = fmt::format("class {}", match.label);
      row.value = value;
      row.n = match.n;
      row.note = fmt::format("cluster {}", match.cluster);
      row.extra = {{"class", match.label}, {"cluster", match.cluster}};
      report.rows.push_back(std::move(row));
    };
    add("best_cluster_share", match.share);
    add("best_cluster_purity", match.purity);
  }
}

/// About how many nanoseconds it takes to read both files of labels; of a pipe, which has no size, as of a large file.
double reading_time(const Options& options) {
  double bytes = 0.0;
  for (const auto& file : {options.truth, options.prediction}) {
    std::error_code fault;
    const auto size = std::filesystem::file_size(file, fault);
    bytes += fault ? 1e9 : static_cast<double>(size);
  }
  return 2.0 * bytes;
}

int run(const Options& options) {
  const CountedTable counted([&] {
    std::vector<std::int64_t> truth, predicted;
    parallel_for(2, threads_worth(reading_time(options), options.threads), [&](std::int64_t which, int) {
      if (which == 0)
        truth = read_label_file(options.truth);
      else
        predicted = read_label_file(options.prediction);
    });
    if (truth.size() != predicted.size())
      throw InputError(fmt::format("{} has {} labels and {} has {}; expected one for each item in both",
                                   options.prediction.string(), predicted.size(), options.truth.string(),
                                   truth.size()));
    return contingency(truth, predicted);
  }());
  const Contingency& table = counted.table;
  MetricReport report;
  report.command = "clustering";
  report.protocols.push_back({"sklearn", {{"replicates", options.replicates}, {"seed", options.seed}}});
  report.further = {{"classes", table.truth.size()}, {"clusters", table.predicted.size()}};
  const std::vector<AgreementMeasure> all = agreement_measures(table);
  const auto replicates = agreement_replicates(table, all, options.replicates, options.seed, options.threads);
  std::string without_interval;
  for (std::size_t m = 0; m < all.size(); ++m) {
    MetricRow row;
    row.protocol = "sklearn";
    row.metric = all[m].name;
    row.value = all[m].value(counted);
    row.n = table.n;
    if (!all[m].average.empty()) {
      row.part = all[m].average + " average";
      row.extra = {{"average", all[m].average}};
    }
    if (!std::isfinite(row.value)) {
      row.note = "too many classes and clusters for the assignment";
    } else if (!replicates[m].empty()) {
      row.interval = within_range(
          row.metric, recentred_interval(row.value, replicates[m],
                                         fmt::format("bootstrap over items, recentred, {}", options.replicates)));
    } else {
      without_interval += (without_interval.empty() ? "" : ", ") + all[m].name;
    }
    report.rows.push_back(std::move(row));
  }
  if (!without_interval.empty() && options.replicates > 0)
    report.notes.push_back(table.n < 2 ? "one item: there is no interval"
                                       : fmt::format("no interval for {}: {} replicates over {} cells take too long",
                                                     without_interval, options.replicates, table.cells.size()));
  if (options.per_class) add_class_rows(table, report);
  finish(report, options.output);
  return 0;
}

}  // namespace

void add_metric_clustering(CLI::App& metric, CommandContext& context) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = metric.add_subcommand("clustering", "Agreement of two labellings of the same items");
  command->add_option("--prediction", options->prediction, "Cluster of each item, one integer a line or as .npy")
      ->required();
  command->add_option("--truth", options->truth, "Label of each item, one integer a line or as .npy")->required();
  command->add_flag("--per-class", options->per_class,
                    "For each class its best cluster, the share of the class in it, and how pure it is");
  add_bootstrap_option(*command, options->replicates);
  add_seed_option(*command, options->seed);
  add_threads_option(*command, options->threads);
  add_metric_output(*command, options->output);
  command->callback([options, &context] {
    options->output.command_line = context.command_line;
    context.selected = [options] { return run(*options); };
  });
}

}  // namespace assay
