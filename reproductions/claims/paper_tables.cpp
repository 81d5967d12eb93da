#include "reproductions/claims/paper_tables.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <set>
#include <utility>

#include "core/config.h"
#include "core/error.h"
#include "core/nearest.h"
#include "reproductions/claims/placeholders.h"

namespace assay {
namespace {

constexpr Names<Better> direction_names = {{"lower", Better::lower}, {"higher", Better::higher}};

/// A column: what the paper calls it, and the scores of ours that measure the same, or stand in for it.
struct Column {
  std::string name;
  Better direction = Better::unstated;
  // {"score", "protocol", "params"}; empty where the paper's protocol is unknown
  nlohmann::json ours = nlohmann::json::object();
  nlohmann::json stand_in = nlohmann::json::object();
  double scale = 1.0;  // of a score of ours to what is printed
};

std::string required(ConfigReader& reader, const std::string& key, const std::string& where) {
  std::string text = reader.text(key, "");
  if (text.empty()) throw InputError(fmt::format("{}.{}: missing", where, key));
  return text;
}

nlohmann::json read_score(const nlohmann::json& object, const std::string& where) {
  if (object.empty()) return object;
  ConfigReader reader(object, where);
  nlohmann::json score = {{"score", required(reader, "score", where)},
                          {"protocol", required(reader, "protocol", where)},
                          {"params", reader.object("params")}};
  reader.finish();
  return score;
}

Column read_column(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  Column column;
  column.name = required(reader, "name", where);
  column.direction = reader.choice("better", Better::higher, direction_names);
  column.scale = reader.real("scale", column.scale, 1e-6, 1e6);
  column.ours = read_score(reader.object("ours"), where + ".ours");
  column.stand_in = read_score(reader.object("stand_in"), where + ".stand_in");
  reader.finish();
  return column;
}

double number_of(const std::string& printed, const std::string& where) {
  char* end = nullptr;
  const double value = std::strtod(printed.c_str(), &end);
  if (printed.empty() || *end != '\0' || !std::isfinite(value))
    throw InputError(fmt::format("{}: expected a number as printed (\"0.70\") or null, got \"{}\"", where, printed));
  return value;
}

/// The candidate that a row's {"arm", "params"} and a column's {"score", "protocol", "params"} make, appended where
/// both exist.
void add_candidate(nlohmann::json& candidates, const nlohmann::json& arm, const nlohmann::json& score, bool stand_in,
                   double scale) {
  if (arm.empty() || score.empty()) return;
  nlohmann::json params = arm.value("params", nlohmann::json::object());
  params.update(score.at("params"));
  candidates.push_back({{"arm", arm.at("arm")},
                        {"params", std::move(params)},
                        {"score", score.at("score")},
                        {"protocol", score.at("protocol")},
                        {"stand_in", stand_in}});
  if (scale != 1.0) candidates.back()["scale"] = scale;
}

nlohmann::json read_arm(const nlohmann::json& object, const std::string& where) {
  if (object.empty()) return object;
  ConfigReader reader(object, where);
  required(reader, "arm", where);
  reader.object("params");
  reader.finish();
  return object;
}

/// The trust tags of the cells of a row: one for all, or a list.
std::vector<std::string> read_trust(const nlohmann::json& row, const std::string& of_table, std::size_t cells,
                                    const std::string& where) {
  const nlohmann::json trust = row.value("trust", nlohmann::json(of_table));
  if (trust.is_string()) return std::vector<std::string>(cells, trust.get<std::string>());
  if (!trust.is_array() || trust.size() != cells)
    throw InputError(fmt::format("{}.trust: expected a tag, or a list of {}, got {}", where, cells, trust.dump()));
  std::vector<std::string> tags;
  for (const nlohmann::json& tag : trust) tags.push_back(tag.is_string() ? tag.get<std::string>() : "");
  return tags;
}

}  // namespace

std::vector<PublishedCell> read_paper_tables(const std::string& text, const std::string& where,
                                             const nlohmann::json& config) {
  const nlohmann::json file = parse_json(text, where);
  ConfigReader reader(file, where);
  std::vector<std::string> known_tags;
  const nlohmann::json& meanings = reader.object("trust");
  for (const auto& [tag, meaning] : meanings.items()) known_tags.push_back(tag);
  reader.allow("tables");
  reader.finish();

  std::vector<PublishedCell> cells;
  std::set<std::string> titles;
  for (const nlohmann::json& table : file.value("tables", nlohmann::json::array())) {
    ConfigReader of_table(table, where);
    const std::string title = required(of_table, "title", where);
    const std::string in_table = fmt::format("{}: {}", where, title);
    if (!titles.insert(title).second) throw InputError(in_table + ": this title is used twice");
    const std::string source = required(of_table, "source", in_table), trust = of_table.text("trust", "");
    const std::int64_t n = of_table.integer("n", 0, 0);
    of_table.allow("metrics");
    of_table.allow("rows");
    of_table.finish();
    std::vector<Column> columns;
    for (const nlohmann::json& metric : table.value("metrics", nlohmann::json::array()))
      columns.push_back(read_column(metric, in_table + ": metrics"));

    std::set<std::string> names;
    for (const nlohmann::json& row : table.value("rows", nlohmann::json::array())) {
      ConfigReader of_row(row, in_table);
      const std::string name = required(of_row, "name", in_table), in_row = in_table + ": " + name;
      if (!names.insert(name).second) throw InputError(in_row + ": this row is named twice");
      PublishedCell cell;
      cell.table = title;
      cell.row = name;
      cell.n = n;
      cell.source = of_row.text("source", source);
      cell.settings = of_row.object("settings");
      cell.note = of_row.text("note", "");
      nlohmann::json ours = read_arm(of_row.object("ours"), in_row + ".ours");
      nlohmann::json stand_in = read_arm(of_row.object("stand_in"), in_row + ".stand_in");
      Placeholders values;
      const bool known_here = add_placeholders(of_row.object("where"), config, values).empty();
      of_row.allow("cells");
      of_row.allow("trust");
      of_row.finish();
      const nlohmann::json printed = row.value("cells", nlohmann::json::array());
      if (printed.size() != columns.size())
        throw InputError(fmt::format("{}: {} cells, {} columns", in_row, printed.size(), columns.size()));
      const std::vector<std::string> tags = read_trust(row, trust, printed.size(), in_row);
      for (std::size_t i = 0; i < columns.size(); ++i) {
        cell.metric = columns[i].name;
        cell.direction = columns[i].direction;
        cell.printed.clear();
        cell.value.reset();
        cell.trust.clear();
        cell.trust_meaning.clear();
        if (!printed[i].is_null()) {
          const std::string place = fmt::format("{}, {}", in_row, columns[i].name);
          if (!printed[i].is_string())
            throw InputError(
                fmt::format("{}: expected a number as printed (\"0.70\") or null, got {}", place, printed[i].dump()));
          cell.printed = printed[i].get<std::string>();
          cell.value = number_of(cell.printed, place);
          cell.trust = tags[i];
          if (cell.trust.empty()) throw InputError(place + ": a number needs a trust tag");
          if (!meanings.contains(cell.trust))
            throw InputError(place + ": " + unknown_name_message("trust tag", cell.trust, known_tags));
          cell.trust_meaning = meanings.at(cell.trust).get<std::string>();
        }
        cell.ours = nlohmann::json::array();
        if (known_here) {
          add_candidate(cell.ours, fill(ours, values), columns[i].ours, false, columns[i].scale);
          add_candidate(cell.ours, fill(stand_in, values), columns[i].stand_in, true, columns[i].scale);
        }
        cells.push_back(cell);
      }
    }
  }
  return cells;
}

}  // namespace assay
