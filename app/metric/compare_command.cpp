#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "app/command.h"
#include "app/metric/metric_command.h"
#include "app/metric/pair_scores.h"
#include "app/metric/report.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "metrics/bootstrap.h"
#include "metrics/feature_file.h"
#include "metrics/tie_groups.h"

namespace assay {
namespace {

struct Options {
  std::filesystem::path reference, a;
  std::vector<std::filesystem::path> b;
  std::vector<std::string> protocols;
  PairOptions pairs;
  double alpha = 0.05;
  MetricOutput output;
};

struct Arm {
  std::string name;
  FeatureSet set;
};

/// Short names where they tell the files apart.
std::vector<std::string> names_of(const std::vector<std::filesystem::path>& files) {
  std::set<std::string> stems;
  for (const auto& file : files) stems.insert(file.stem().string());
  std::vector<std::string> names;
  names.reserve(files.size());
  for (const auto& file : files) names.push_back(stems.size() == files.size() ? file.stem().string() : file.string());
  return names;
}

/// A difference of two arms, and where its row stands in the report.
struct Contrast {
  std::size_t a, b;
  PairScore score;
  std::string protocol;
};

MetricRow difference_row(const Contrast& contrast, const std::vector<Arm>& arms, double adjusted,
                         const Options& options) {
  const PairScore& score = contrast.score;
  MetricRow row;
  row.protocol = contrast.protocol;
  row.metric = score.metric;
  row.part = fmt::format("{} - {}", arms[contrast.a].name, arms[contrast.b].name);
  row.value = score.a - score.b;
  row.n_generated = arms[contrast.a].set.count;
  if (!score.differences.empty()) {
    const Interval around = recentred_interval(row.value, score.differences, options.pairs.scores.level);
    row.interval = MetricInterval{around.low, around.high, options.pairs.scores.level,
                                  fmt::format("{}, {}", score.interval, score.differences.size())};
  }
  row.extra = {{"a", score.a},           {"b", score.b},       {"p_value", score.p_value},
               {"p_adjusted", adjusted}, {"test", score.test}, {"adjustment", "Holm over all differences"}};
  row.note = fmt::format("p {:.2g}, Holm {:.2g}", score.p_value, adjusted);
  return row;
}

/// One row for each arm, best value first, with letters that arms share where they were not told apart.
void add_arm_rows(MetricReport& report, const std::vector<Contrast>& contrasts, const std::vector<double>& adjusted,
                  const std::vector<std::size_t>& members, const std::vector<Arm>& arms, const Options& options) {
  std::map<std::size_t, double> values;
  for (const std::size_t c : members) {
    values[contrasts[c].a] = contrasts[c].score.a;
    values[contrasts[c].b] = contrasts[c].score.b;
  }
  const bool higher = contrasts[members[0]].score.higher_is_better;
  std::vector<std::size_t> order;
  order.reserve(values.size());
  for (const auto& [arm, value] : values) order.push_back(arm);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) {
    return higher ? values[x] > values[y] : values[x] < values[y];
  });
  std::vector<std::int64_t> rank(arms.size(), 0);
  for (std::size_t i = 0; i < order.size(); ++i) rank[order[i]] = static_cast<std::int64_t>(i);
  std::vector<std::pair<std::int64_t, std::int64_t>> apart;
  for (const std::size_t c : members)
    if (adjusted[c] < options.alpha) apart.emplace_back(rank[contrasts[c].a], rank[contrasts[c].b]);
  const std::vector<std::string> letters = tie_groups(static_cast<std::int64_t>(order.size()), apart);
  for (std::size_t i = 0; i < order.size(); ++i) {
    MetricRow row;
    row.protocol = contrasts[members[0]].protocol;
    row.metric = contrasts[members[0]].score.metric;
    row.part = arms[order[i]].name;
    row.value = values[order[i]];
    row.n_generated = arms[order[i]].set.count;
    row.extra = {{"tie_group", letters[i]}};
    row.note = "group " + letters[i];
    report.rows.push_back(std::move(row));
  }
}

int run(const Options& options) {
  std::vector<const PairProtocol*> chosen;
  chosen.reserve(options.protocols.size());
  for (const std::string& id : options.protocols) {
    chosen.push_back(&find_pair_protocol(id));
    if (chosen.back()->needs_reference && options.reference.empty())
      throw InputError(fmt::format("protocol '{}' compares with a reference: give --reference", id));
  }
  const FeatureSet reference = options.reference.empty() ? FeatureSet() : read_feature_file(options.reference);
  std::vector<std::filesystem::path> files = {options.a};
  files.insert(files.end(), options.b.begin(), options.b.end());
  const std::vector<std::string> names = names_of(files);
  std::vector<Arm> arms;
  arms.reserve(files.size());
  for (std::size_t i = 0; i < files.size(); ++i) arms.push_back({names[i], read_feature_file(files[i])});
  for (const Arm& arm : arms)
    if (arm.set.count != arms[0].set.count)
      throw InputError(
          fmt::format("{} holds {} samples and {} holds {}; expected equal numbers, sample i of all from "
                      "the same noise",
                      arm.set.name, arm.set.count, arms[0].set.name, arms[0].set.count));

  std::vector<Contrast> contrasts;
  std::vector<std::vector<std::size_t>> by_metric;
  for (const PairProtocol* protocol : chosen) {
    std::map<std::string, std::size_t> group;
    for (std::size_t a = 0; a < arms.size(); ++a) {
      for (std::size_t b = a + 1; b < arms.size(); ++b) {
        stop_if_interrupted();
        for (PairScore& score : protocol->score(reference, arms[a].set, arms[b].set, options.pairs)) {
          const auto [at, fresh] = group.try_emplace(score.metric, by_metric.size());
          if (fresh) by_metric.emplace_back();
          by_metric[at->second].push_back(contrasts.size());
          contrasts.push_back({a, b, std::move(score), std::string(protocol->id)});
        }
      }
    }
  }
  std::vector<double> p_values;
  p_values.reserve(contrasts.size());
  for (const Contrast& contrast : contrasts) p_values.push_back(contrast.score.p_value);
  const std::vector<double> adjusted = holm(p_values);

  MetricReport report;
  report.command = "compare";
  for (const auto& members : by_metric) {
    for (const std::size_t c : members) report.rows.push_back(difference_row(contrasts[c], arms, adjusted[c], options));
    add_arm_rows(report, contrasts, adjusted, members, arms, options);
  }
  for (MetricRow& row : report.rows)
    if (!options.reference.empty()) row.n_reference = reference.count;
  for (const PairProtocol* protocol : chosen) {
    nlohmann::json choices = {{"swaps", options.pairs.swaps}, {"seed", options.pairs.scores.seed}};
    if (!options.reference.empty()) choices["reference"] = reference.hash;
    if (protocol->id == "kid-seed2020") {
      choices["subsets"] = options.pairs.scores.kid_subsets;
      choices["subset_size"] = options.pairs.scores.kid_subset_size;
    }
    report.protocols.push_back({std::string(protocol->id), std::move(choices)});
  }
  finish(report, options.output);
  return 0;
}

}  // namespace

void add_metric_compare(CLI::App& metric, CommandContext& context) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = metric.add_subcommand(
      "compare", "Paired differences of generated sets whose samples share their noise: interval, p-value, ties");
  command->add_option("--reference", options->reference, "Feature or statistics file of the reference images");
  command->add_option("--a", options->a, "Feature file of one generated set")->required();
  command->add_option("--b", options->b, "The same of another, or of several: every pair is compared")
      ->required()
      ->delimiter(',');
  command->add_option("--protocol", options->protocols, "Protocols, as in fid-tf1,prdc5 (assay list protocols)")
      ->required()
      ->delimiter(',');
  command->add_option("--bootstrap", options->pairs.scores.bootstrap, "Replicates behind each interval; 0: none")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1000000}))
      ->capture_default_str();
  command->add_option("--swaps", options->pairs.swaps, "Random swaps behind each p-value")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000000}))
      ->capture_default_str();
  command->add_option("--alpha", options->alpha, "Adjusted p-value below which two sets are told apart")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--kid-subset-size", options->pairs.scores.kid_subset_size, "Rows of a KID subset")
      ->check(CLI::Range(std::int64_t{2}, std::int64_t{1} << 31))
      ->capture_default_str();
  command->add_option("--kid-subsets", options->pairs.scores.kid_subsets, "KID subsets")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{100000}))
      ->capture_default_str();
  command->add_option("--seed", options->pairs.scores.seed, "Seed of what is drawn")->capture_default_str();
  add_metric_output(*command, options->output);
  command->callback([options, &context] {
    options->output.command_line = context.command_line;
    context.selected = [options] { return run(*options); };
  });
}

}  // namespace assay
