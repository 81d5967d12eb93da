#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace SQLite {
class Database;
}

namespace assay {

/// `PRAGMA application_id` of our files: "Assy".
inline constexpr std::int32_t application_id = 0x41737379;

/// The texts of store/schema.sql, version 1, and of store/migration_2.sql to migration_4.sql.
extern const char* const schema_sql;
extern const char* const migration_2_sql;
extern const char* const migration_3_sql;
extern const char* const migration_4_sql;

/// The step from schema version - 1 to `version`.
struct Migration {
  int version;
  const char* sql;
};

/// All steps, in order, 1 first. A schema change appends one; schema.sql itself stays as it is.
std::span<const Migration> migrations();

/// Brings the file to the last version of `steps` in one transaction: all steps or none. A file at that version is
/// left untouched. Throws Error when a step fails, InputError when the file is newer than the last step.
void migrate(SQLite::Database& database, std::span<const Migration> steps, const std::string& where);

}  // namespace assay
