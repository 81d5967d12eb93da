#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/score_interval.h"

/// The tables of a paper as data: reproductions/METHOD/paper_table.json, whose format docs/adding-a-method.md gives.
namespace assay {

/// One number of a published table.
struct PublishedCell {
  std::string table;   // title
  std::string source;  // where the number was read
  std::string row;
  nlohmann::json settings = nlohmann::json::object();  // {"gamma": 10, "steps": "ddim25"}
  std::string metric;                                  // the column: "FID"
  Better direction = Better::unstated;
  std::string printed;          // "0.70"; empty: unknown
  std::optional<double> value;  // of `printed`
  std::int64_t n = 0;           // samples behind the published number; 0: unknown
  std::string trust;            // tag: "ED", "2nd"
  std::string trust_meaning;    // what the tag says
  std::string note;
  /// Our scores that stand beside it, the first recorded one counts: [{"arm", "score", "protocol", "params",
  /// "stand_in", "scale"}]. A stand-in measures something else and is never compared. What is printed is `scale` times
  /// ours, once where it is not there.
  nlohmann::json ours = nlohmann::json::array();
};

/// The cells of a paper_table.json, row by row, with the placeholders of `ours` filled from a run's configuration (left
/// out where it lacks their value). Throws InputError, naming `where`, the table and the row: for missing or unknown
/// keys, a cell that is neither a printed number nor null, another number of cells than columns, a number without trust
/// tag, a tag without meaning, or two rows of one name.
std::vector<PublishedCell> read_paper_tables(const std::string& text, const std::string& where,
                                             const nlohmann::json& config);

}  // namespace assay
