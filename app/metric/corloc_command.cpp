#include "app/metric/corloc_command.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "app/metric/box_file.h"
#include "core/error.h"
#include "metrics/masks/corloc.h"

namespace assay {
namespace {

/// The box that was found in an image; nothing where none was: null or []. A list may hold the one box.
std::optional<BoxCorners> parse_found_box(const nlohmann::json& value, const std::string& where) {
  if (value.is_null() || (value.is_array() && value.empty())) return std::nullopt;
  const bool is_list = value.is_array() && value[0].is_array();
  if (is_list && value.size() > 1)
    throw InputError(
        fmt::format("{}: {} boxes; CorLoc takes one an image: [xmin, ymin, xmax, ymax]", where, value.size()));
  return parse_box(is_list ? value[0] : value, where);
}

}  // namespace

int corloc_action(const CorlocCommand& options) {
  const TrueImages truth = read_true_boxes(options.truth);
  const nlohmann::json predicted = read_box_file(options.prediction);
  for (const auto& [stem, boxes] : truth.images)
    if (!predicted.contains(stem))
      throw InputError(
          fmt::format("{}: no box for '{}', which {} has; {} and {} images in all; expected a box for each, "
                      "or null where nothing was found",
                      options.prediction.string(), stem, truth.where, predicted.size(), truth.images.size()));
  for (const auto& item : predicted.items())
    if (!truth.images.contains(item.key()))
      throw InputError(fmt::format("{}: '{}' is not in {}; {} and {} images in all", options.prediction.string(),
                                   item.key(), truth.where, predicted.size(), truth.images.size()));

  MetricReport report;
  report.command = "corloc";
  report.notes = truth.notes;
  std::int64_t hard = 0, crowds = 0, hits = 0;
  std::vector<std::string> emptied, without_box, not_found;  // images
  MetricRow row;
  for (const auto& [stem, boxes] : truth.images) {
    const std::optional<BoxCorners> box =
        parse_found_box(predicted[stem], fmt::format("{}: '{}'", options.prediction.string(), stem));
    hard += boxes.hard;
    crowds += boxes.crowds;
    if (boxes.boxes.empty()) {
      (boxes.hard + boxes.crowds > 0 ? emptied : without_box).push_back(stem);
      continue;
    }
    if (!box) not_found.push_back(stem);
    const bool hit = box && correctly_localised(*box, boxes.boxes);
    hits += hit;
    row.samples.push_back(hit ? 1.0 : 0.0);
  }
  const auto n = static_cast<std::int64_t>(row.samples.size());
  if (n == 0) throw InputError(fmt::format("{}: no image is left to score", truth.where));
  row.protocol = "corloc-lost";
  row.metric = "corloc";
  row.value = static_cast<double>(hits) / static_cast<double>(n);
  row.n = n;
  row.interval = corloc_interval(hits, n, "Wilson");
  row.extra = {{"hits", hits},
               {"nothing_found", not_found.size()},
               {"without_true_box", without_box.size()},
               {"dropped_hard_boxes", options.truth.no_hard ? hard : 0},
               {"dropped_crowds", crowds},
               {"with_dropped_boxes_alone", emptied.size()}};
  report.rows.push_back(std::move(row));
  report.protocols.push_back({"corloc-lost", truth.choices});
  if (!not_found.empty())
    report.notes.push_back(
        fmt::format("nothing was found in {} of {} images, '{}' the first: misses", not_found.size(), n, not_found[0]));
  if (!without_box.empty())
    report.notes.push_back(
        fmt::format("{} images without a true box are left out, '{}' the first", without_box.size(), without_box[0]));
  if (options.truth.no_hard)
    report.notes.push_back(
        fmt::format("{} difficult or truncated boxes were dropped, which left {} images without a "
                    "box, left out as well",
                    hard, emptied.size()));
  if (crowds > 0)
    report.notes.push_back(
        fmt::format("{} regions of many objects were dropped, which left {} images without a box, left out as well",
                    crowds, emptied.size()));
  finish(report, options.output);
  return 0;
}

}  // namespace assay
