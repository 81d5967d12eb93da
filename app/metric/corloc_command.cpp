#include "app/metric/corloc_command.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "metrics/masks/corloc.h"

namespace assay {
namespace {

/// Of several values under one key a JSON parser keeps one: an image's box would be lost.
nlohmann::json read_object(const std::filesystem::path& file) {
  std::set<std::string> images;
  const auto no_repeats = [&](int depth, nlohmann::json::parse_event_t event, const nlohmann::json& value) {
    if (event == nlohmann::json::parse_event_t::key && depth == 1 && !images.insert(value.get<std::string>()).second)
      throw InputError(fmt::format("{}: '{}' stands there twice; expected one key for each image", file.string(),
                                   value.get<std::string>()));
    return true;
  };
  nlohmann::json object;
  try {
    object = nlohmann::json::parse(read_file(file), no_repeats);
  } catch (const nlohmann::json::exception& error) {
    const auto* parse = dynamic_cast<const nlohmann::json::parse_error*>(&error);
    throw InputError(fmt::format("{}: not valid JSON{}", file.string(),
                                 parse != nullptr ? fmt::format(" at byte {}", parse->byte) : std::string()));
  }
  if (!object.is_object())
    throw InputError(fmt::format("{}: expected one JSON object, a key for each image", file.string()));
  return object;
}

std::string shown(const nlohmann::json& value) {
  return (value.is_string() ? value.get<std::string>() : value.dump()).substr(0, 80);
}

BoxCorners parse_box(const nlohmann::json& value, const std::string& where) {
  BoxCorners box{};
  bool good = value.is_array() && value.size() == 4;
  for (std::size_t i = 0; good && i < 4; ++i) {
    good = value[i].is_number() && std::isfinite(value[i].get<double>());
    if (good) box[i] = value[i].get<double>();
  }
  if (!good || box[2] < box[0] || box[3] < box[1])
    throw InputError(
        fmt::format("{}: '{}' is no box; expected [xmin, ymin, xmax, ymax] with xmin <= xmax and "
                    "ymin <= ymax",
                    where, shown(value)));
  return box;
}

/// The box that was found in an image; nothing where none was: null or []. A list may hold the one box.
std::optional<BoxCorners> parse_found_box(const nlohmann::json& value, const std::string& where) {
  if (value.is_null() || (value.is_array() && value.empty())) return std::nullopt;
  const bool is_list = value.is_array() && value[0].is_array();
  if (is_list && value.size() > 1)
    throw InputError(
        fmt::format("{}: {} boxes; CorLoc takes one an image: [xmin, ymin, xmax, ymax]", where, value.size()));
  return parse_box(is_list ? value[0] : value, where);
}

struct TrueBoxes {
  std::vector<BoxCorners> boxes;
  std::int64_t hard = 0;
};

bool flag(const nlohmann::json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end()) return false;
  if (found->is_boolean()) return found->get<bool>();
  if (found->is_number_integer() && (*found == 0 || *found == 1)) return *found == 1;
  throw InputError(fmt::format("{}: '{}' must be true, false, 0 or 1", where, key));
}

/// The boxes of a list, which may be empty or null; one box may stand there without a list.
TrueBoxes parse_true_boxes(const nlohmann::json& value, const CorlocCommand& options, const std::string& stem) {
  const bool is_one = value.is_object() || (value.is_array() && !value.empty() && value[0].is_number());
  const nlohmann::json list = is_one            ? nlohmann::json::array({value})
                              : value.is_null() ? nlohmann::json::array()
                                                : value;
  if (!list.is_array())
    throw InputError(
        fmt::format("{}: '{}': '{}' is no list of boxes [xmin, ymin, xmax, ymax]; [] or null says that "
                    "there is none",
                    options.truth.string(), stem, shown(value)));
  TrueBoxes out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string where = fmt::format("{}: '{}', box {}", options.truth.string(), stem, i);
    const bool is_object = list[i].is_object();
    if (is_object && !list[i].contains("box"))
      throw InputError(fmt::format("{}: expected [xmin, ymin, xmax, ymax] or an object with a key 'box'", where));
    const bool hard = is_object && (flag(list[i], "difficult", where) || flag(list[i], "truncated", where));
    out.hard += hard;
    if (hard && options.no_hard) continue;
    BoxCorners box = parse_box(is_object ? list[i]["box"] : list[i], where);
    if (options.from_one) box[0] -= 1.0, box[1] -= 1.0;
    out.boxes.push_back(box);
  }
  return out;
}

}  // namespace

int corloc_action(const CorlocCommand& options) {
  const nlohmann::json predicted = read_object(options.prediction), truth = read_object(options.truth);
  for (const auto& item : truth.items())
    if (!predicted.contains(item.key()))
      throw InputError(
          fmt::format("{}: no box for '{}', which {} has; {} and {} images in all; expected a box for each, "
                      "or null where nothing was found",
                      options.prediction.string(), item.key(), options.truth.string(), predicted.size(), truth.size()));
  for (const auto& item : predicted.items())
    if (!truth.contains(item.key()))
      throw InputError(fmt::format("{}: '{}' is not in {}; {} and {} images in all", options.prediction.string(),
                                   item.key(), options.truth.string(), predicted.size(), truth.size()));

  MetricReport report;
  report.command = "corloc";
  std::int64_t hard = 0, hits = 0;
  std::vector<std::string> emptied, without_box, not_found;  // images
  MetricRow row;
  for (const auto& item : truth.items()) {
    const TrueBoxes boxes = parse_true_boxes(item.value(), options, item.key());
    const std::optional<BoxCorners> box =
        parse_found_box(predicted[item.key()], fmt::format("{}: '{}'", options.prediction.string(), item.key()));
    hard += boxes.hard;
    if (boxes.boxes.empty()) {
      (boxes.hard > 0 ? emptied : without_box).push_back(item.key());
      continue;
    }
    if (!box) not_found.push_back(item.key());
    const bool hit = box && correctly_localised(*box, boxes.boxes);
    hits += hit;
    row.samples.push_back(hit ? 1.0 : 0.0);
  }
  const auto n = static_cast<std::int64_t>(row.samples.size());
  if (n == 0) throw InputError(fmt::format("{}: no image is left to score", options.truth.string()));
  row.protocol = "corloc-lost";
  row.metric = "corloc";
  row.value = static_cast<double>(hits) / static_cast<double>(n);
  row.n = n;
  row.interval = corloc_interval(hits, n, "Wilson");
  row.extra = {{"hits", hits}, {"nothing_found", not_found.size()}, {"without_true_box", without_box.size()}};
  report.rows.push_back(std::move(row));
  report.protocols.push_back(
      {"corloc-lost", {{"no_hard", options.no_hard}, {"true_boxes_count_from", options.from_one ? 1 : 0}}});
  if (!not_found.empty())
    report.notes.push_back(
        fmt::format("nothing was found in {} of {} images, '{}' the first: misses", not_found.size(), n, not_found[0]));
  if (!without_box.empty())
    report.notes.push_back(
        fmt::format("{} images without a true box are left out, '{}' the first", without_box.size(), without_box[0]));
  if (options.no_hard)
    report.notes.push_back(
        fmt::format("{} difficult or truncated boxes were dropped, which left {} images without a "
                    "box, left out as well",
                    hard, emptied.size()));
  finish(report, options.output);
  return 0;
}

}  // namespace assay
