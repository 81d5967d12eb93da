#include "app/metric/true_boxes.h"

#include <fmt/format.h>

#include "app/metric/box_file.h"
#include "core/error.h"
#include "datasets/annotated/coco.h"
#include "datasets/annotated/voc.h"

namespace assay {
namespace {

bool flag(const nlohmann::json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end()) return false;
  if (found->is_boolean()) return found->get<bool>();
  if (found->is_number_integer() && (*found == 0 || *found == 1)) return *found == 1;
  throw InputError(fmt::format("{}: '{}' must be true, false, 0 or 1", where, key));
}

/// The boxes of a list, which may be empty or null; one box may stand there without a list.
TrueBoxes parse_true_boxes(const nlohmann::json& value, const TruthOptions& options, const std::string& stem) {
  const bool is_one = value.is_object() || (value.is_array() && !value.empty() && value[0].is_number());
  const nlohmann::json list = is_one            ? nlohmann::json::array({value})
                              : value.is_null() ? nlohmann::json::array()
                                                : value;
  if (!list.is_array())
    throw InputError(
        fmt::format("{}: '{}': '{}' is no list of boxes [xmin, ymin, xmax, ymax]; [] or null says that "
                    "there is none",
                    options.file.string(), stem, shown(value)));
  TrueBoxes out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string where = fmt::format("{}: '{}', box {}", options.file.string(), stem, i);
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

TrueImages of_file(const TruthOptions& options) {
  TrueImages out;
  out.where = options.file.string();
  out.choices = {{"no_hard", options.no_hard}, {"true_boxes_count_from", options.from_one ? 1 : 0}};
  const nlohmann::json truth = read_box_file(options.file);
  for (const auto& item : truth.items())
    out.images.emplace(item.key(), parse_true_boxes(item.value(), options, item.key()));
  return out;
}

void add_images(TrueImages& out, const AnnotatedImages& set, const BoxRule& rule) {
  for (const AnnotatedImage& image : set.items()) {
    CountedBoxes counted = counted_boxes(image, rule);
    out.images.emplace(image.id, TrueBoxes{std::move(counted.boxes), counted.hard, counted.crowds});
  }
  out.notes = set.notes();
}

TrueImages of_voc(const TruthOptions& options) {
  TrueImages out;
  out.where = options.voc.string();
  out.choices = {{"no_hard", options.no_hard}, {"truth", "voc"}, {"set", options.set}, {"corners", options.corners}};
  const VocCorners corners = value_of("reading of corners", options.corners, voc_corner_names);
  add_images(out, *open_voc(options.voc, {.set = options.set, .corners = corners}), {.drop_hard = options.no_hard});
  return out;
}

TrueImages of_coco(const TruthOptions& options) {
  TrueImages out;
  out.where = options.coco.string();
  out.choices = {{"truth", "coco"}, {"corners", "rounded"}, {"crowds", "dropped"}};
  add_images(out, *open_coco(options.coco, {.list = options.list}), {.round = true});
  return out;
}

}  // namespace

TrueImages read_true_boxes(const TruthOptions& options) {
  const int given = (options.file.empty() ? 0 : 1) + (options.voc.empty() ? 0 : 1) + (options.coco.empty() ? 0 : 1);
  if (given != 1)
    throw InputError(fmt::format("{} of --truth, --voc and --coco are given; expected one of them", given));
  if (options.from_one && options.file.empty())
    throw InputError("--voc-boxes says how the boxes of --truth count; --voc has --corners");
  if (options.no_hard && !options.coco.empty())
    throw InputError("--no-hard: COCO calls no box difficult or truncated; accepted with --truth and --voc");
  if (!options.file.empty()) return of_file(options);
  return options.voc.empty() ? of_coco(options) : of_voc(options);
}

}  // namespace assay
