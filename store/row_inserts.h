#pragma once
#include <SQLiteCpp/SQLiteCpp.h>

#include <string>

#include "store/rows.h"

/// The columns of each table, in one place. The rows must have been checked (store/row_checks.h); `now` is utc_now().
/// Everything here throws SQLite::Exception, and is called within a transaction.
namespace assay::rows {

/// The stage of a run that a row belongs to.
struct StageKey {
  RowId run = 0;
  std::string name;
};

RowId insert(SQLite::Database& database, const BatchRow& batch, const std::string& now);
/// With status "running".
RowId insert(SQLite::Database& database, const RunRow& run, const std::string& now);
/// Its protocol is `protocol_id`.
RowId insert(SQLite::Database& database, const ScoreRow& score, const StageKey& stage);
/// Of the batch, run and stage that the row names; 0 and empty where it belongs to none.
RowId insert(SQLite::Database& database, const TimingRow& timing, const std::string& now);
void insert(SQLite::Database& database, const ArtifactRow& artifact, const StageKey& stage);
void insert(SQLite::Database& database, const NoteRow& note, const std::string& now);

/// These replace the row about the same thing (Recorder::add_comparisons, add_claims, add_published, accept_baselines).
void insert_or_replace(SQLite::Database& database, const ComparisonRow& row, RowId protocol);
void insert_or_replace(SQLite::Database& database, const ClaimRow& row);
void insert_or_replace(SQLite::Database& database, const PublishedRow& row);
void insert_or_replace(SQLite::Database& database, const BaselineRow& row, const std::string& now);

}  // namespace assay::rows
