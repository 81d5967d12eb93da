#include "app/metric/clustering_command.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <system_error>

#include "app/metric/label_file.h"
#include "core/error.h"
#include "core/parallel.h"
#include "metrics/clustering/agreement.h"
#include "metrics/clustering/clustering.h"
#include "metrics/metric_facts.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {
namespace {

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
double reading_time(const ClusteringCommand& options) {
  double bytes = 0.0;
  for (const auto& file : {options.truth, options.prediction}) {
    std::error_code fault;
    const auto size = std::filesystem::file_size(file, fault);
    bytes += fault ? 1e9 : static_cast<double>(size);
  }
  return 2.0 * bytes;
}

}  // namespace

int clustering_action(const ClusteringCommand& options) {
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

}  // namespace assay
