#include <fmt/format.h>

#include <chrono>
#include <iterator>
#include <memory>
#include <utility>

#include "app/metric/metric_report.h"
#include "app/torch/generative_input.h"
#include "app/torch_actions.h"
#include "core/elapsed.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "metrics/feature_sets/class_join.h"
#include "metrics/generative/generative_protocols.h"
#include "metrics/generative/strata_rows.h"

namespace assay {
namespace {

/// The parts of the sets that are scored on their own.
std::vector<Stratum> strata_of(const GenerativeCommand& options, const FeatureSet& reference,
                               const FeatureSet& generated) {
  std::vector<Stratum> strata;
  if (!options.tail.empty()) strata = tail_strata(reference.labels, parse_tail_rule(options.tail));
  if (options.per_class)
    for (Stratum& stratum : class_strata(reference.labels, generated.labels, reference.class_names))
      strata.push_back(std::move(stratum));
  return strata;
}

nlohmann::json to_json(const ClassJoin& join) {
  const auto counts = [](const std::vector<LoneClass>& alone) {
    nlohmann::json object = nlohmann::json::object();
    for (const LoneClass& one : alone) object[one.name] = one.images;
    return object;
  };
  return {{"by", join.by_name ? "name" : "number"},
          {"reference_alone", counts(join.reference_alone)},
          {"generated_alone", counts(join.generated_alone)}};
}

/// What every row of this protocol says about its sets.
void complete(MetricRow& row, const std::string& id, const FeatureSet& reference, const FeatureSet& generated,
              bool from_images, const nlohmann::json& skipped) {
  if (row.protocol.empty()) row.protocol = id;
  if (!row.n_generated && generated.count > 0) row.n_generated = generated.count;
  if (!row.n_reference && reference.count > 0) row.n_reference = reference.count;
  row.extra["features"] = from_images ? "extracted" : "given";
  if ((generated.from_double || reference.from_double) && !row.extra.contains("computed_in"))
    row.extra["rounded_to"] = "float32";
  row.extra.update(skipped);
  if (const std::string from = conversions({&reference, &generated}); !from.empty()) row.extra["converted_from"] = from;
  row.extra["generated_hash"] = generated.hash;
  if (!reference.hash.empty()) row.extra["reference_hash"] = reference.hash;
}

}  // namespace

int generative_action(const GenerativeCommand& options) {
  if (!options.tail.empty()) parse_tail_rule(options.tail);  // before anything is read
  std::vector<const GenerativeProtocol*> chosen;
  chosen.reserve(options.protocols.size());
  for (const std::string& id : options.protocols) {
    chosen.push_back(&find_generative_protocol(id));
    if (chosen.back()->needs_reference() && options.reference.empty())
      throw InputError(fmt::format("protocol '{}' compares with a reference: give --reference", id));
    if (chosen.back()->needs != SampleNeeds::held_out) continue;
    if (options.held_out.empty())
      throw InputError(
          fmt::format("protocol '{}' compares with real images that were not trained on: give --held-out", id));
    if (options.per_class || !options.tail.empty())
      throw InputError(fmt::format("protocol '{}' has no scores of classes", id));
  }
  const auto start = std::chrono::steady_clock::now();
  FeatureNetworks networks(options.images);
  const bool parts = options.per_class || !options.tail.empty();
  GenerativeInput reference_input(options.reference, networks,
                                  parts ? KeepOfFeatures::samples : kept_of_reference(chosen));
  GenerativeInput generated_input(
      options.generated, networks,
      parts ? KeepOfFeatures::samples : kept_of_generated(chosen, options.scores.bootstrap > 0));
  if (parts && options.reference.empty())
    throw InputError("scores of classes match them with those of a reference: give --reference");
  GenerativeInput held_out_input(options.held_out, networks, KeepOfFeatures::rounded);
  for (const GenerativeProtocol* protocol : chosen) {
    if (protocol->needs_reference()) reference_input.check_reference(*protocol);
    if (protocol->needs == SampleNeeds::held_out) held_out_input.check_generated(*protocol);
    generated_input.check_generated(*protocol);
  }
  if (parts) {
    // What cannot be joined is refused before any network runs.
    FeatureSet reference = reference_input.classes(), generated = generated_input.classes();
    join_classes(reference, generated);
  }
  reference_input.leave_out_damaged();
  generated_input.leave_out_damaged();
  held_out_input.leave_out_damaged();
  const nlohmann::json skipped = options.images.skip_damaged
                                     ? skipped_counts(reference_input.skipped(), generated_input.skipped())
                                     : nlohmann::json::object();
  MetricReport report;
  report.command = "generative";
  for (const GenerativeInput* input : {&reference_input, &generated_input, &held_out_input})
    for (std::string& note : input->notes()) report.notes.push_back(std::move(note));
  nlohmann::json seconds = {{"read", seconds_since(start)}};
  for (const GenerativeProtocol* protocol : chosen) {
    stop_if_interrupted();
    const std::string& id = protocol->id();
    const auto opened = std::chrono::steady_clock::now();
    FeatureSet reference = reference_input.under(id), generated = generated_input.under(id);
    GenerativeOptions choices_of_scores = options.scores;
    FeatureSet held_out;
    if (protocol->needs == SampleNeeds::held_out) {
      held_out = held_out_input.under(id);
      choices_of_scores.held_out = &held_out;
    }
    const auto began = std::chrono::steady_clock::now();
    std::vector<MetricRow> rows = protocol->score(reference, generated, choices_of_scores);
    if (parts) {
      const ClassJoin join = join_classes(reference, generated);
      report.notes.insert(report.notes.end(), join.notes.begin(), join.notes.end());
      report.further["class_join"] = to_json(join);
      const std::vector<Stratum> strata = strata_of(options, reference, generated);
      std::vector<MetricRow> more =
          strata_rows(*protocol, reference, generated, options.scores, strata, options.draws, rows);
      rows.insert(rows.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    }
    for (MetricRow& row : rows) {
      complete(row, id, reference, generated, !generated_input.from_file(id), skipped);
      report.rows.push_back(std::move(row));
    }
    seconds["read"] = seconds["read"].get<double>() + std::chrono::duration<double>(began - opened).count();
    seconds[id] = seconds_since(began);
    nlohmann::json choices = generated_input.choices(id);
    if (protocol->choices != nullptr) choices.update(protocol->choices(options.scores));
    if (parts) choices["parts"] = {{"tail", options.tail}, {"draws", options.draws}, {"seed", options.scores.seed}};
    if (!reference.hash.empty()) choices["reference"] = reference.hash;
    if (!held_out.hash.empty()) choices["held_out"] = held_out.hash;
    report.protocols.push_back({id, std::move(choices)});
  }
  report.further["seconds"] = std::move(seconds);
  finish(report, options.output);
  return 0;
}

}  // namespace assay
