#include "store/csv_export.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>

#include "core/error.h"
#include "core/file.h"
#include "core/nearest.h"
#include "store/sql.h"

namespace assay {

std::string csv_text(const std::string& text) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

namespace {

std::string field_of(const SQLite::Column& value) {
  if (value.isNull()) return "";
  if (value.isFloat()) return fmt::format("{}", value.getDouble());
  if (value.isInteger()) return fmt::format("{}", value.getInt64());
  return csv_text(value.getString());
}

std::vector<std::string> tables_of(SQLite::Database& database, const std::string& where) {
  SQLite::Statement read(database,
                         "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
                         "ORDER BY name");
  std::vector<std::string> names;
  while (read.executeStep()) {
    names.push_back(read.getColumn(0).getString());
    const std::string& name = names.back();
    // Ours are words. Names that others chose become names of files, which must lie in the folder.
    if (!std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; }))
      throw InputError(
          fmt::format("{}: has a table '{}', which is none of ours; accepted: letters, digits and _", where, name));
  }
  return names;
}

std::int64_t write_table(SQLite::Database& database, const std::string& table, const std::filesystem::path& file) {
  std::ofstream out(file, std::ios::binary);
  SQLite::Statement row(database, fmt::format("SELECT * FROM \"{}\"", table));
  const int columns = row.getColumnCount();
  for (int i = 0; i < columns; ++i) out << (i == 0 ? "" : ",") << csv_text(row.getColumnName(i));
  out << "\r\n";
  std::int64_t rows = 0;
  while (row.executeStep()) {
    for (int i = 0; i < columns; ++i) out << (i == 0 ? "" : ",") << field_of(row.getColumn(i));
    out << "\r\n";
    ++rows;
  }
  out.flush();
  if (!out) throw InputError(fmt::format("{}: cannot be written", file.string()));
  return rows;
}

}  // namespace

std::vector<ExportedTable> export_csv(const Store& store, const std::filesystem::path& folder,
                                      const std::optional<std::string>& table) {
  return sql::guarded(store, [&] {
    const SQLite::Transaction moment(store.database());
    std::vector<std::string> tables = tables_of(store.database(), store.path().string());
    if (table) {
      if (std::find(tables.begin(), tables.end(), *table) == tables.end())
        throw InputError("--table: " + unknown_name_message("table", *table, tables));
      tables = {*table};
    }
    ensure_folder(folder);
    std::vector<ExportedTable> written;
    for (const std::string& name : tables) {
      const std::filesystem::path file = folder / (name + ".csv");
      written.push_back({file, write_table(store.database(), name, file)});
    }
    return written;
  });
}

}  // namespace assay
