#pragma once
#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "store/rows.h"
#include "store/store.h"

namespace assay::sql {

/// A value to bind; std::monostate is NULL.
using Value = std::variant<std::monostate, std::int64_t, double, std::string>;
using Columns = std::initializer_list<std::pair<const char*, Value>>;

template <class T>
Value nullable(const std::optional<T>& value) {
  return value ? Value(*value) : Value();
}
/// NULL for 0: a reference to no row.
Value reference(RowId id);

/// The text of a JSON column; bytes that are not UTF-8 are replaced.
std::string json(const nlohmann::json& value);

/// Inserts a row and returns its key. `verb` is "INSERT" or "INSERT OR REPLACE".
RowId insert(SQLite::Database& database, const char* table, Columns columns, const char* verb = "INSERT");
void bind(SQLite::Statement& statement, int index, const Value& value);

/// Runs `action`, turning SQLite's exceptions, and those of columns that hold no JSON of the kind that is expected,
/// into Error with the file's name.
template <class Action>
auto guarded(const Store& store, Action&& action) -> decltype(action());
/// What `guarded` throws.
[[noreturn]] void rethrow(const Store& store, const SQLite::Exception& error);
[[noreturn]] void rethrow(const Store& store, const nlohmann::json::exception& error);

template <class Action>
auto guarded(const Store& store, Action&& action) -> decltype(action()) {
  try {
    return action();
  } catch (const SQLite::Exception& error) {
    rethrow(store, error);
  } catch (const nlohmann::json::exception& error) {
    rethrow(store, error);
  }
}

}  // namespace assay::sql
