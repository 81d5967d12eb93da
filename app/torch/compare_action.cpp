#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "app/metric/metric_report.h"
#include "app/torch/generative_input.h"
#include "app/torch_actions.h"
#include "core/elapsed.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/phrases.h"
#include "metrics/feature_sets/row_pairing.h"
#include "metrics/generative/generative_protocols.h"
#include "metrics/metric_facts.h"
#include "metrics/statistics/bootstrap.h"
#include "metrics/statistics/paired_swaps.h"
#include "metrics/statistics/tie_groups.h"

namespace assay {
namespace {

/// One generated set, and its samples under the protocol at hand.
struct Arm {
  std::string name;
  std::unique_ptr<GenerativeInput> input;
  FeatureSet set;
  /// Its rows in the order of the first arm's.
  RowPairing pairing;
};

/// File or folder names where they tell the sets apart, else whole paths; a path given twice is numbered.
std::vector<std::string> names_of(const std::vector<std::filesystem::path>& paths) {
  std::map<std::string, std::set<std::string>> paths_of;
  std::vector<std::string> names;
  names.reserve(paths.size());
  for (const auto& path : paths) {
    const std::filesystem::path clean = (path / "").lexically_normal().parent_path();
    names.push_back((std::filesystem::is_directory(path) ? clean.filename() : clean.stem()).string());
    paths_of[names.back()].insert(path.string());
  }
  std::map<std::string, int> seen;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (paths_of[names[i]].size() > 1) names[i] = paths[i].string();
    const int times = ++seen[names[i]];
    if (times > 1) names[i] += fmt::format(" ({})", times);
  }
  return names;
}

/// A difference of two arms, and where its row stands in the report.
struct Contrast {
  std::size_t a, b;
  PairScore score;
  std::string protocol;
  nlohmann::json sets;  // whose numbers these are
  std::int64_t n_reference;
};

nlohmann::json set_facts(const FeatureSet& reference, const Arm& a, const Arm& b, PairRule rule) {
  nlohmann::json facts = {{"a_hash", a.set.hash}, {"b_hash", b.set.hash}};
  facts["paired_by"] = name_of(rule);
  facts["features"] = a.input->images() ? "extracted" : "given";
  if (a.set.from_double || b.set.from_double || reference.from_double) facts["rounded_to"] = "float32";
  if (const std::string from = conversions({&reference, &a.set, &b.set}); !from.empty()) facts["converted_from"] = from;
  if (!reference.hash.empty()) facts["reference_hash"] = reference.hash;
  return facts;
}

std::optional<std::int64_t> known(std::int64_t count) {
  return count > 0 ? std::optional<std::int64_t>(count) : std::nullopt;
}

MetricRow difference_row(const Contrast& contrast, const std::vector<Arm>& arms, double adjusted,
                         const CompareCommand& options) {
  const PairScore& score = contrast.score;
  MetricRow row;
  row.protocol = contrast.protocol;
  row.metric = score.metric;
  row.part = fmt::format("{} - {}", arms[contrast.a].name, arms[contrast.b].name);
  row.value = score.a - score.b;
  row.n_generated = arms[contrast.a].set.count;
  row.n_reference = known(contrast.n_reference);
  if (!score.differences.empty())
    row.interval = within_difference_range(
        row.metric, recentred_interval(row.value, score.differences,
                                       fmt::format("{}, {}", score.interval, score.differences.size()),
                                       options.pairs.scores.level));
  row.extra = {{"a", score.a},           {"b", score.b},       {"p_value", score.p_value},
               {"p_adjusted", adjusted}, {"test", score.test}, {"adjustment", "Holm over all differences"}};
  row.extra.update(contrast.sets);
  row.note = fmt::format("p {:.2g}, Holm {:.2g}", score.p_value, adjusted);
  if (!row.interval && options.pairs.scores.bootstrap > 0) row.note += ", too few rows for an interval";
  return row;
}

/// One row for each arm, best value first, with letters that arms share where they were not told apart.
void add_arm_rows(MetricReport& report, const std::vector<Contrast>& contrasts, const std::vector<double>& adjusted,
                  const std::vector<std::size_t>& members, const std::vector<Arm>& arms,
                  const CompareCommand& options) {
  std::map<std::size_t, double> values;
  for (const std::size_t c : members) {
    values[contrasts[c].a] = contrasts[c].score.a;
    values[contrasts[c].b] = contrasts[c].score.b;
  }
  const bool higher = direction_of(contrasts[members[0]].score.metric) == Better::higher;
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
    row.n_reference = known(contrasts[members[0]].n_reference);
    row.extra = {{"tie_group", letters[i]}};
    row.note = "group " + letters[i];
    report.rows.push_back(std::move(row));
  }
}

std::vector<Arm> open_arms(const CompareCommand& options, FeatureNetworks& networks) {
  std::vector<std::filesystem::path> paths = {options.a};
  paths.insert(paths.end(), options.b.begin(), options.b.end());
  const std::vector<std::string> names = names_of(paths);
  std::vector<Arm> arms;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    arms.push_back({.name = names[i],
                    .input = std::make_unique<GenerativeInput>(paths[i], networks, KeepOfFeatures::rounded),
                    .set = {},
                    .pairing = {}});
    arms[i].input->require_samples();
  }
  return arms;
}

/// An image that cannot be read takes its pair with it: every set leaves out what is paired with it.
void leave_out_damaged(std::vector<Arm>& arms) {
  std::vector<std::vector<DamagedImage>> damaged;
  std::set<std::int64_t> places;  // rows of the first arm
  for (const Arm& arm : arms) {
    damaged.push_back(arm.input->damaged());
    for (const DamagedImage& image : damaged.back()) places.insert(arm.pairing.partner_of(image.index));
  }
  if (places.empty()) return;
  const std::int64_t count = arms[0].input->count(), left_out = static_cast<std::int64_t>(places.size());
  if (left_out == count)
    throw InputError(fmt::format("no pair is left: an image of each of {} is damaged", counted(count, "pair")));
  const std::vector<std::int64_t> left_out_places(places.begin(), places.end());
  for (std::size_t i = 0; i < arms.size(); ++i) {
    const auto own = static_cast<std::int64_t>(damaged[i].size());
    std::string note = own > 0 ? damaged_note(arms[i].name, damaged[i], count) : arms[i].name + ":";
    if (left_out > own)
      note += fmt::format("{} {} of {} left out, whose pair in another set is damaged", own > 0 ? ";" : "",
                          left_out - own, counted(count, "sample"));
    arms[i].input->leave_out(arms[i].pairing.leave_out(left_out_places), note);
  }
}

RowNames row_names(const Arm& arm) {
  RowNames out;
  out.set = arm.name;
  out.count = arm.input->count();
  out.names = arm.input->row_names();
  out.feature_file = !arm.input->images();
  return out;
}

/// Finds for each arm which of its rows belong to those of the first.
void pair_with_first(std::vector<Arm>& arms, const CompareCommand& options) {
  const auto rule = options.pair_by.empty() ? std::nullopt : std::optional(parse_pair_rule(options.pair_by));
  const RowNames first = row_names(arms[0]);
  arms[0].pairing.rows.resize(static_cast<std::size_t>(first.count));
  std::iota(arms[0].pairing.rows.begin(), arms[0].pairing.rows.end(), std::int64_t{0});
  for (std::size_t i = 1; i < arms.size(); ++i) arms[i].pairing = pair_rows(first, row_names(arms[i]), rule);
}

/// The rule behind the pairs of two arms. Those of two arms beside the first go by way of its rows; then the weaker of
/// both rules holds.
PairRule rule_of(const std::vector<Arm>& arms, std::size_t a, std::size_t b) {
  return a == 0 ? arms[b].pairing.rule : std::max(arms[a].pairing.rule, arms[b].pairing.rule);
}

/// The samples of an arm in the order of the first arm's; the hash stays that of the set as it is given.
FeatureSet paired(const FeatureSet& set, const RowPairing& pairing) {
  if (!pairing.reorders()) return set;
  FeatureSet out = select(set, pairing.rows);
  out.hash = set.hash;
  return out;
}

nlohmann::json choices_of(const GenerativeProtocol& protocol, const PairOptions& options, Arm& first,
                          const FeatureSet& reference) {
  nlohmann::json choices = first.input->choices(protocol.id());
  if (protocol.choices != nullptr) choices.update(protocol.choices(options.scores));
  choices.update({{"swaps", options.swaps}, {"seed", options.scores.seed}});
  if (!reference.hash.empty()) choices["reference"] = reference.hash;
  return choices;
}

std::int64_t count_differences(const std::vector<const GenerativeProtocol*>& protocols, std::int64_t arms) {
  std::int64_t metrics = 0;
  for (const GenerativeProtocol* protocol : protocols) metrics += protocol->pair_metrics;
  return metrics * arms * (arms - 1) / 2;
}

}  // namespace

int compare_action(const CompareCommand& options) {
  std::vector<const GenerativeProtocol*> chosen;
  chosen.reserve(options.protocols.size());
  for (const std::string& id : options.protocols) {
    chosen.push_back(&find_pair_protocol(id));
    if (chosen.back()->needs_reference() && options.reference.empty())
      throw InputError(fmt::format("protocol '{}' compares with a reference: give --reference", id));
  }
  if (!options.pair_by.empty()) parse_pair_rule(options.pair_by);  // before anything is read
  FeatureNetworks networks(options.images);
  GenerativeInput reference_input(options.reference, networks, kept_of_reference(chosen));
  std::vector<Arm> arms = open_arms(options, networks);
  pair_with_first(arms, options);
  for (const GenerativeProtocol* protocol : chosen) {
    if (protocol->needs_reference()) reference_input.check_reference(*protocol);
    for (const Arm& arm : arms) arm.input->check_generated(*protocol);
  }
  reference_input.leave_out_damaged();
  if (options.images.skip_damaged) leave_out_damaged(arms);
  const std::int64_t differences = count_differences(chosen, static_cast<std::int64_t>(arms.size()));
  PairOptions pairs = options.pairs;
  if (pairs.swaps == 0) pairs.swaps = enough_swaps(differences, options.alpha);

  MetricReport report;
  report.command = "compare";
  report.notes = reference_input.notes();
  for (const Arm& arm : arms)
    for (std::string& note : arm.input->notes()) report.notes.push_back(std::move(note));
  for (const Arm& arm : arms)
    if (!arm.pairing.note.empty()) report.notes.push_back(arm.pairing.note);
  nlohmann::json seconds = {{"read", seconds_since(options.output.started)}};
  std::vector<Contrast> contrasts;
  std::vector<std::vector<std::size_t>> by_metric;
  for (const GenerativeProtocol* protocol : chosen) {
    const std::string& id = protocol->id();
    const auto opened = std::chrono::steady_clock::now();
    const FeatureSet reference = reference_input.under(id);
    for (Arm& arm : arms) arm.set = paired(arm.input->under(id), arm.pairing);
    seconds["read"] = seconds["read"].get<double>() + seconds_since(opened);
    const auto began = std::chrono::steady_clock::now();
    std::map<std::string, std::size_t> group;
    for (std::size_t a = 0; a < arms.size(); ++a) {
      for (std::size_t b = a + 1; b < arms.size(); ++b) {
        stop_if_interrupted();
        for (PairScore& score : protocol->pairs(reference, arms[a].set, arms[b].set, pairs)) {
          const auto [at, fresh] = group.try_emplace(score.metric, by_metric.size());
          if (fresh) by_metric.emplace_back();
          by_metric[at->second].push_back(contrasts.size());
          contrasts.push_back({.a = a,
                               .b = b,
                               .score = std::move(score),
                               .protocol = id,
                               .sets = set_facts(reference, arms[a], arms[b], rule_of(arms, a, b)),
                               .n_reference = reference.count});
        }
      }
    }
    seconds[id] = seconds_since(began);
    report.protocols.push_back({id, choices_of(*protocol, pairs, arms[0], reference)});
  }
  std::vector<double> p_values;
  p_values.reserve(contrasts.size());
  for (const Contrast& contrast : contrasts) p_values.push_back(contrast.score.p_value);
  const std::vector<double> adjusted = holm(p_values);
  const std::int64_t fewest = fewest_swaps(differences, options.alpha);
  if (pairs.swaps < fewest)
    report.notes.push_back(
        fmt::format("{} differences need --swaps of at least {} for any of them to be told apart at {}; {} are too few",
                    differences, fewest, options.alpha, pairs.swaps));
  for (const auto& members : by_metric) {
    for (const std::size_t c : members) report.rows.push_back(difference_row(contrasts[c], arms, adjusted[c], options));
    add_arm_rows(report, contrasts, adjusted, members, arms, options);
  }
  if (options.images.skip_damaged)
    for (MetricRow& row : report.rows)
      row.extra.update(skipped_counts(reference_input.skipped(), arms[0].input->skipped()));
  report.further["seconds"] = std::move(seconds);
  finish(report, options.output);
  return 0;
}

}  // namespace assay
