#include "datasets/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/config.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/nearest.h"
#include "datasets/background.h"
#include "datasets/clipart.h"
#include "datasets/emoji.h"
#include "datasets/imbalance.h"
#include "datasets/photographs.h"
#include "datasets/shapes.h"
#include "datasets/stamps.h"

namespace assay {
namespace {

/// The placement under the key, or none where there is no such key or null.
std::optional<ObjectPlacement> read_placement(ConfigReader& reader, const nlohmann::json& object,
                                              const std::string& where) {
  reader.allow("placement");
  if (!object.contains("placement") || object.at("placement").is_null()) return std::nullopt;
  ConfigReader own(object.at("placement"), where + ".placement");
  ObjectPlacement placement;
  const std::vector<double> sides = own.reals("sides", {placement.least_side, placement.most_side}, 0.25, 1.0);
  if (sides.size() != 2 || sides[0] > sides[1])
    throw InputError(fmt::format("{}.placement.sides: {}; accepted: the least and the most share of the image's side",
                                 where, object.at("placement").at("sides").dump()));
  placement.least_side = sides[0];
  placement.most_side = sides[1];
  placement.anywhere = own.boolean("anywhere", placement.anywhere);
  placement.copies = own.integer("copies", placement.copies, 1, max_object_copies);
  own.finish();
  return placement;
}

bool has_key(const DatasetEntry& entry, const std::string& key) {
  return std::find(entry.keys.begin(), entry.keys.end(), key) != entry.keys.end();
}

/// Photographs stand behind cut-outs alone.
void check_background(const std::string& background, const DatasetEntry& entry, const std::string& where) {
  if (!has_key(entry, "placement")) {
    parse_background(background, where);
    return;
  }
  std::vector<std::string> known = background_names();
  const bool is_known = std::find(known.begin(), known.end(), background) != known.end();
  if (is_known || names_photographs(background)) return;
  known.insert(known.end(), {"photographs", "photographs:FOLDER"});
  throw InputError(where + ": " + unknown_name_message("background", background, known));
}

}  // namespace

const std::string& name_of(Split split) {
  static const std::string train = "train", validation = "validation";
  return split == Split::train ? train : validation;
}

Split split_by_hash(const std::string& key) {
  const std::uint64_t high = std::stoull(hash_text(key).substr(0, 16), nullptr, 16);
  return static_cast<double>(high) < 0.8 * 0x1.0p64 ? Split::train : Split::validation;
}

std::vector<std::int64_t> indices(const Dataset& dataset, Split split) {
  std::vector<std::int64_t> result;
  const auto& items = dataset.items();
  for (std::size_t i = 0; i < items.size(); ++i)
    if (items[i].split == split) result.push_back(static_cast<std::int64_t>(i));
  return result;
}

const std::vector<DatasetEntry>& dataset_table() {
  static const std::vector<DatasetEntry> table{
      {"emoji",
       "real: the colour emoji of the installed Noto font, in the groups and subgroups of Unicode",
       open_emoji,
       emoji_missing,
       128,
       "white",
       {"font", "emoji_list", "placement"}},
      {"shapes",
       "made on the fly: shape, colour, fill, size and position on a textured background",
       open_shapes,
       [] { return std::string(); },
       512,
       "texture",
       {"count", "group"}},
      {"stamps",
       "real: objects cut out of photographs, the stamps of Tux Paint, each with a caption, in folders of a natural "
       "tail",
       open_stamps,
       stamps_missing,
       256,
       "white",
       {"folder", "symbols", "placement"}},
      {"clipart",
       "real: 8,000 drawings of the Open Clip Art Library with titles, in folders of a natural tail",
       open_clipart,
       clipart_missing,
       256,
       "white",
       {"folder", "placement"}},
  };
  return table;
}

const DatasetEntry& dataset_entry(const std::string& name) {
  return find_named(dataset_table(), &DatasetEntry::name, "dataset", name);
}

DatasetSpec read_dataset_spec(const nlohmann::json& value, const std::string& where) {
  DatasetSpec spec;
  const nlohmann::json object = value.is_string() ? nlohmann::json{{"name", value}} : value;
  ConfigReader reader(object, where);
  spec.name = reader.text("name", "");
  if (spec.name.empty()) throw InputError(where + ": expected \"name\", the name of a dataset");
  const DatasetEntry& entry = dataset_entry(spec.name);
  spec.size = static_cast<int>(reader.integer("size", spec.size, smallest_dataset_size, entry.largest_size));
  spec.background = reader.text("background", "");
  if (!spec.background.empty()) check_background(spec.background, entry, where + ".background");
  spec.imbalance = reader.text("imbalance", spec.imbalance);
  parse_imbalance(spec.imbalance);
  spec.seed = static_cast<std::uint64_t>(reader.integer("seed", 0, 0));
  if (has_key(entry, "count")) spec.count = reader.integer("count", spec.count, 1, max_shapes_count);
  if (has_key(entry, "group")) spec.group = reader.one_of("group", spec.group, {"shape", "colour"});
  if (has_key(entry, "font")) spec.font = reader.text("font", "");
  if (has_key(entry, "emoji_list")) spec.emoji_list = reader.text("emoji_list", "");
  if (has_key(entry, "folder")) spec.folder = reader.text("folder", "");
  if (has_key(entry, "symbols")) spec.symbols = reader.boolean("symbols", spec.symbols);
  if (has_key(entry, "placement")) spec.placement = read_placement(reader, object, where);
  reader.finish();
  return spec;
}

nlohmann::json to_json(const DatasetSpec& spec) {
  const DatasetEntry& entry = dataset_entry(spec.name);
  nlohmann::json object{{"name", spec.name},
                        {"size", spec.size},
                        {"background", spec.background.empty() ? entry.default_background : spec.background},
                        {"imbalance", spec.imbalance},
                        {"seed", spec.seed}};
  if (has_key(entry, "count")) object["count"] = spec.count;
  if (has_key(entry, "group")) object["group"] = spec.group;
  if (has_key(entry, "font") && !spec.font.empty()) object["font"] = spec.font;
  if (has_key(entry, "emoji_list") && !spec.emoji_list.empty()) object["emoji_list"] = spec.emoji_list;
  if (has_key(entry, "folder") && !spec.folder.empty()) object["folder"] = spec.folder;
  if (has_key(entry, "symbols")) object["symbols"] = spec.symbols;
  if (has_key(entry, "placement") && spec.placement)
    object["placement"] = {{"sides", {spec.placement->least_side, spec.placement->most_side}},
                           {"anywhere", spec.placement->anywhere},
                           {"copies", spec.placement->copies}};
  return object;
}

std::unique_ptr<Dataset> open_dataset(const DatasetSpec& spec) {
  const DatasetEntry& entry = dataset_entry(spec.name);
  // A spec may have been filled in by hand; the reader is the one place that knows the ranges.
  if (spec.seed > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    throw InputError(fmt::format("{}.seed: {} is out of range; accepted: 0 to 2^63 - 1", spec.name, spec.seed));
  DatasetSpec checked = read_dataset_spec(to_json(spec), spec.name);
  return make_imbalanced(entry.open(checked), parse_imbalance(checked.imbalance), checked.seed);
}

}  // namespace assay
