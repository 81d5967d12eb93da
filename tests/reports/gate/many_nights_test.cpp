// The gate reads the whole history: how long it takes for a year of a large nightly.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <ctime>

#include "reports/gate/gate.h"
#include "store/recorder.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

/// 365 nights of 250 scores with three seeds and 250 times with five repetitions: 730,000 rows.
void make_year(Store& store) {
  store.database().exec(
      "CREATE TEMP TABLE n AS WITH RECURSIVE i(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM i WHERE x < 364) SELECT x "
      "FROM i;"
      "BEGIN;"
      "INSERT INTO protocol VALUES (1, 'fd-small', 'h', '', '', '{}');"
      "INSERT INTO batch (id, command, created_at) SELECT x + 1, 'assay run', date('2025-12-01', x || ' days') || "
      "  'T01:00:00.000Z' FROM n;"
      "INSERT INTO run (id, batch, method, tier, dataset, dataset_hash, seed, code_version, device, status, "
      "started_at) "
      "  SELECT night.x * 3 + seed.x + 1, night.x + 1, 'self_guided', 'mini', 'emoji', '0', seed.x, '0.1.0', 'cpu', "
      "  'done', '' FROM n AS night, n AS seed WHERE seed.x < 3;"
      "INSERT INTO stage (run, name, position, seconds, finished_at) SELECT id, 's', 0, 1, '' FROM run;"
      "INSERT INTO score (run, stage, arm, name, value, better, n, protocol, params) "
      "  SELECT run.id, 's', 'arm ' || n.x, 'fd', 20 + seed + ((run.id * 7919 + n.x * 104729 + run.id * n.x * 31) % "
      "1000) / 1000.0, 'lower', 100, 1, "
      "'{\"w\":2}' "
      "  FROM run, n WHERE n.x < 250;"
      "INSERT INTO timing (batch, op, variant, shape, dtype, device, threads, repetition, seconds, item_unit, "
      "  code_version, machine, created_at) SELECT night.x + 1, 'kernels/op ' || op.x, 'cpu', '8x3x16x16', 'float32', "
      "  'cpu', 1, r.x, 0.001 * (1 + ((night.x * 7919 + op.x * 104729 + r.x * 611953 + night.x * op.x * 31) % 1000) / "
      "50000.0), 'calls', '0.1.0', "
      "  '{\"cpu\":\"EPYC\",\"cores\":2,\"os\":\"Debian\"}', '' FROM n AS night, n AS op, n AS r "
      "  WHERE op.x < 250 AND r.x < 5;"
      "COMMIT");
}

TEST(ManyNights, OfAYearAreJudgedAtOnce) {
  const test::TemporaryFolder folder;
  Store store = Store::open_or_create(folder / "assay.db");
  make_year(store);
  Recorder(store).accept_baselines({{0, 1, "main", "", ""}});
  const std::clock_t start = std::clock();
  const GateResult result = run_gate(store, {});
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  RecordProperty("milliseconds", static_cast<int>(1000 * seconds));
  EXPECT_EQ(result.judged.size(), 501U) << "and what the times share";
}

}  // namespace
}  // namespace assay
