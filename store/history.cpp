#include "store/history.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "core/config.h"
#include "core/error.h"
#include "store/sql.h"

namespace assay {
namespace {

/// The place of each distinct text, in the order in which they first come.
class Places {
 public:
  /// The place, and whether the text is new.
  std::pair<std::size_t, bool> of(const std::string& key) {
    const auto [found, is_new] = places_.try_emplace(key, places_.size());
    return {found->second, is_new};
  }

 private:
  std::unordered_map<std::string, std::size_t> places_;
};

/// The columns from `first` on as one text, each after its length.
void append_key(std::string& key, SQLite::Statement& row, int first, int last) {
  key.clear();
  for (int i = first; i <= last; ++i) {
    const SQLite::Column column = row.getColumn(i);
    const char* const text = column.getText();
    const int bytes = column.getBytes();
    key.append(reinterpret_cast<const char*>(&bytes), sizeof bytes);
    key.append(text, static_cast<std::size_t>(bytes));
  }
}

std::string text(SQLite::Statement& row, int column) { return row.getColumn(column).getString(); }

/// The text of a JSON column, which others parse.
std::string json_text(SQLite::Statement& row, int column) {
  std::string value = text(row, column);
  if (nests_too_deeply(value) || !nlohmann::json::accept(value))
    throw Error(fmt::format("store: '{}' of a row is no JSON, or lies more than {} levels deep",
                            row.getColumn(column).getName(), deepest_json));
  return value;
}

void read_scores(SQLite::Database& database, History& history) {
  SQLite::Statement row(database,
                        "SELECT score.run, score.value, arm, score.name, unit, better, score.protocol, params, "
                        "protocol.name FROM score JOIN protocol ON protocol.id = score.protocol "
                        "JOIN run ON run.id = score.run WHERE run.status = 'done' ORDER BY score.id");
  Places places;
  std::string key;
  while (row.executeStep()) {
    const double value = row.getColumn(1).getDouble();
    if (!std::isfinite(value)) continue;
    append_key(key, row, 2, 7);
    const auto [place, is_new] = places.of(key);
    if (is_new) {
      const std::string better = text(row, 5);
      history.score_subjects.push_back({text(row, 2), text(row, 3), text(row, 4), text(row, 8),
                                        row.getColumn(6).getInt64(), json_text(row, 7),
                                        better == "lower"    ? Better::lower
                                        : better == "higher" ? Better::higher
                                                             : Better::unstated});
    }
    history.scores.push_back({row.getColumn(0).getInt64(), place, value});
  }
}

void read_timings(SQLite::Database& database, History& history) {
  SQLite::Statement row(
      database,
      "SELECT batch, run, seconds, items, code_version, ifnull(stage, ''), op, variant, shape, dtype, "
      "device, item_unit, threads, machine FROM timing WHERE batch IS NOT NULL AND "
      "(run IS NULL OR run IN (SELECT id FROM run WHERE status = 'done')) ORDER BY id");
  Places places;
  std::string key;
  while (row.executeStep()) {
    const double seconds = row.getColumn(2).getDouble() / static_cast<double>(row.getColumn(3).getInt64());
    if (!std::isfinite(seconds) || seconds <= 0.0) continue;
    const TimingPoint point{row.getColumn(0).getInt64(), row.getColumn(1).getInt64(), 0, seconds};
    append_key(key, row, 5, 13);
    const auto [place, is_new] = places.of(key);
    if (is_new)
      history.timing_subjects.push_back({text(row, 5), text(row, 6), text(row, 7), text(row, 8), text(row, 9),
                                         text(row, 10), text(row, 11), row.getColumn(12).getInt64(),
                                         json_text(row, 13)});
    history.timings.push_back(point);
    history.timings.back().subject = place;
    if (point.run != 0) continue;
    const SQLite::Column version = row.getColumn(4);
    if (history.timing_versions.empty() || history.timing_versions.back().first != point.batch ||
        history.timing_versions.back().second != version.getText())
      history.timing_versions.emplace_back(point.batch, version.getString());
  }
}

}  // namespace

History read_history(const Store& store) {
  return sql::guarded(store, [&] {
    // One transaction, so that scores and timings are of one moment.
    const SQLite::Transaction moment(store.database());
    History history;
    read_scores(store.database(), history);
    read_timings(store.database(), history);
    return history;
  });
}

}  // namespace assay
