#include "store/sql.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "core/error.h"

namespace assay::sql {

Value reference(RowId id) { return id == 0 ? Value() : Value(id); }

std::string json(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void bind(SQLite::Statement& statement, int index, const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value))
    statement.bind(index, *number);
  else if (const auto* real = std::get_if<double>(&value))
    statement.bind(index, *real);
  else if (const auto* text = std::get_if<std::string>(&value))
    statement.bind(index, *text);
  else
    statement.bind(index);
}

RowId insert(SQLite::Database& database, const char* table, Columns columns, const char* verb) {
  std::string names, marks;
  for (const auto& [name, value] : columns) {
    names += (names.empty() ? "" : ", ") + std::string(name);
    marks += marks.empty() ? "?" : ", ?";
  }
  SQLite::Statement statement(database, fmt::format("{} INTO {} ({}) VALUES ({})", verb, table, names, marks));
  int index = 0;
  for (const auto& [name, value] : columns) bind(statement, ++index, value);
  statement.exec();
  return database.getLastInsertRowid();
}

void rethrow(const Store& store, const SQLite::Exception& error) {
  if (error.getErrorCode() == SQLITE_BUSY)
    throw Error(fmt::format("{}: another process kept it locked for too long", store.path().string()));
  throw Error(fmt::format("{}: {}", store.path().string(), error.what()));
}

void rethrow(const Store& store, const nlohmann::json::exception&) {
  throw Error(fmt::format("{}: is damaged: a column holds other JSON than was recorded", store.path().string()));
}

}  // namespace assay::sql
