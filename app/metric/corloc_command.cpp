#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <map>
#include <memory>
#include <set>

#include "app/command.h"
#include "app/metric/metric_command.h"
#include "app/metric/report.h"
#include "core/error.h"
#include "core/file.h"
#include "metrics/corloc.h"

namespace assay {
namespace {

struct Options {
  std::filesystem::path prediction, truth;
  bool no_hard = false, from_one = false;
  MetricOutput output;
};

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
                    where, value.dump().substr(0, 80)));
  return box;
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

TrueBoxes parse_true_boxes(const nlohmann::json& list, const Options& options, const std::string& stem) {
  if (!list.is_array())
    throw InputError(fmt::format("{}: '{}': expected a list of boxes", options.truth.string(), stem));
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

int run(const Options& options) {
  const nlohmann::json predicted = read_object(options.prediction), truth = read_object(options.truth);
  for (const auto& item : truth.items())
    if (!predicted.contains(item.key()))
      throw InputError(fmt::format("{}: no box for '{}', which {} has; {} and {} images in all",
                                   options.prediction.string(), item.key(), options.truth.string(), predicted.size(),
                                   truth.size()));
  for (const auto& item : predicted.items())
    if (!truth.contains(item.key()))
      throw InputError(fmt::format("{}: '{}' is not in {}; {} and {} images in all", options.prediction.string(),
                                   item.key(), options.truth.string(), predicted.size(), truth.size()));

  MetricReport report;
  report.command = "corloc";
  std::int64_t left_out = 0, hard = 0, hits = 0;
  MetricRow row;
  for (const auto& item : truth.items()) {
    const TrueBoxes boxes = parse_true_boxes(item.value(), options, item.key());
    hard += boxes.hard;
    if (boxes.boxes.empty()) {
      if (!options.no_hard)
        throw InputError(
            fmt::format("{}: '{}' has no true box; expected at least one (--no-hard leaves such images "
                        "out)",
                        options.truth.string(), item.key()));
      ++left_out;
      continue;
    }
    const BoxCorners box =
        parse_box(predicted[item.key()], fmt::format("{}: '{}'", options.prediction.string(), item.key()));
    const bool hit = correctly_localised(box, boxes.boxes);
    hits += hit;
    row.samples.push_back(hit ? 1.0 : 0.0);
  }
  const auto n = static_cast<std::int64_t>(row.samples.size());
  if (n == 0) throw InputError(fmt::format("{}: no image is left to score", options.truth.string()));
  row.protocol = "corloc-lost";
  row.metric = "corloc";
  row.value = static_cast<double>(hits) / static_cast<double>(n);
  row.n = n;
  const Interval interval = wilson_interval(hits, n);
  row.interval = ScoreInterval{interval.low, interval.high, 0.95, "Wilson"};
  row.extra = {{"hits", hits}};
  report.rows.push_back(std::move(row));
  report.protocols.push_back(
      {"corloc-lost", {{"no_hard", options.no_hard}, {"true_boxes_count_from", options.from_one ? 1 : 0}}});
  if (options.no_hard)
    report.notes.push_back(
        fmt::format("{} difficult or truncated boxes were dropped, and {} images with no box left", hard, left_out));
  finish(report, options.output);
  return 0;
}

}  // namespace

void add_metric_corloc(CLI::App& metric, CommandContext& context) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = metric.add_subcommand("corloc", "Share of images whose one box overlaps a true box by half");
  command
      ->add_option("--prediction", options->prediction,
                   "JSON {stem: [xmin, ymin, xmax, ymax]}: one box an image, counted from 0")
      ->required();
  command
      ->add_option("--truth", options->truth,
                   "JSON {stem: [[xmin, ymin, xmax, ymax], ...]}; a box may also be "
                   "{\"box\": [...], \"difficult\": 0, \"truncated\": 1}")
      ->required();
  command->add_flag("--no-hard", options->no_hard,
                    "Drop difficult and truncated true boxes, and images that have no other");
  command->add_flag("--voc-boxes", options->from_one,
                    "True boxes are as in VOC's XML, counted from 1 with both ends in: xmin and ymin are lowered by 1");
  add_metric_output(*command, options->output);
  command->callback([options, &context] {
    options->output.command_line = context.command_line;
    context.selected = [options] { return run(*options); };
  });
}

}  // namespace assay
