#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <functional>

#include "core/error.h"
#include "core/file.h"
#include "reports/gate/gate.h"
#include "reports/report.h"
#include "store/check.h"
#include "store/csv_export.h"
#include "store/history.h"
#include "store/merge.h"
#include "store/prune.h"
#include "store/query.h"
#include "store/recorder.h"
#include "tests/fuzz/fuzzed_reader.h"
#include "tests/support/temporary_folder.h"

namespace assay::fuzz {
namespace {

namespace fs = std::filesystem;

void record(const fs::path& file) {
  Store store = Store::open_or_create(file);
  Recorder recorder(store);
  ProtocolRow protocol;
  protocol.name = "fd-small";
  protocol.choices = {{"width", 64}};
  recorder.upsert_protocol(protocol);
  BatchRow batch;
  batch.command = "assay run self_guided";
  RunRow run;
  run.batch = recorder.begin_batch(batch);
  run.method = "self_guided";
  const RowId id = recorder.begin_run(run);
  StageRecorder stage = recorder.begin_stage(id, "sample");
  ScoreRow score;
  score.arm = "a";
  score.name = "fd";
  score.value = 1.5;
  score.n = 10;
  score.protocol = "fd-small";
  score.interval = ScoreInterval{1, 2, 0.95, "bootstrap"};
  score.params = {{"w", 2}};
  stage.add_score(score, {1, 2});
  TimingRow timing;
  timing.op = "sample";
  timing.device = "cpu";
  timing.seconds = 1;
  stage.add_timing(timing, {1});
  stage.add_curve("loss", {0, 1}, {1, 0.5});
  ArtifactRow artifact;
  artifact.name = "grid";
  artifact.kind = "image-grid";
  artifact.path = "artifacts/run-1/grid.txt";
  stage.add_artifact(artifact);
  stage.add_note("said");
  stage.commit();
  recorder.finish_run(id, RunStatus::done);
  ClaimRow claim;
  claim.batch = run.batch;
  claim.name = "S-1";
  claim.method = "self_guided";
  recorder.add_claims({claim});
  store.database().exec("PRAGMA wal_checkpoint(TRUNCATE)");
}

std::vector<Files> store_seeds() {
  const test::TemporaryFolder folder;
  write_files(folder.path(), {{"artifacts/run-1/grid.txt", "a grid"}});
  record(folder / "assay.db");
  Files files = files_below(folder.path());
  std::erase_if(files, [](const auto& file) {
    return file.first.find("-wal") != file.first.npos || file.first.find("-shm") != file.first.npos;
  });
  return {files};
}

void query_all(const Store& store) {
  const Query query(store);
  static_cast<void>(query.batches().size() + query.runs().size() + query.stages().size() + query.artifacts().size() +
                    query.notes().size() + query.batch_notes().size() + query.curves().size() +
                    query.comparisons().size() + query.claims().size() + query.published().size() +
                    query.protocols().size() + query.baselines().size());
  for (const ScoreRow& score : query.scores()) static_cast<void>(query.samples_of_score(score.id));
  for (const TimingRow& timing : query.timings()) static_cast<void>(query.samples_of_timing(timing.id));
}

/// All that commands do with a store, each whatever became of the one before.
void read_store(const fs::path& folder) {
  const fs::path file = folder / "assay.db";
  std::exception_ptr refusal;
  const auto attempt = [&](const std::function<void()>& part) {
    try {
      part();
    } catch (const Error&) {
      refusal = std::current_exception();
    }
  };
  attempt([&] { query_all(Store::read_only(file)); });
  attempt([&] { static_cast<void>(run_gate(Store::read_only(file), {})); });
  attempt([&] { static_cast<void>(read_history(Store::read_only(file))); });
  attempt([&] { static_cast<void>(check_store(Store::read_only(file), true)); });
  attempt([&] { export_csv(Store::read_only(file), folder / "csv", std::nullopt); });
  attempt([&] {
    ReportOptions options;
    options.store = file;
    options.out = folder / "report";
    write_report(options);
  });
  attempt([&] {
    Store mine = Store::open_or_create(folder / "mine/assay.db");
    merge_store(mine, file);
  });
  attempt([&] {
    Store store = Store::open(file);
    PruneRequest request;
    request.whole = true;
    prune_store(store, request);
  });
  if (refusal) std::rethrow_exception(refusal);
}

/// What a sound store may hold in place of what was recorded: one column a line.
std::vector<Files> column_seeds() {
  return {{{"columns.txt", R"(batch.config={"steps": 100}
run.config={"k": 100, "train": {"lr": 0.001}}
run.libraries={"libtorch": "2.11.0"}
run.machine={"cpu": "EPYC", "cores": 2, "os": "Debian 12", "memory": 4}
run.status=done
run.reason=
stage.result={"a": [1, 2]}
score.value=1.5
score.params={"w": 2, "w_cfg": -1.0}
score.better=lower
timing.machine={"cpu": "EPYC", "cores": 2}
timing.items=3
claim.seeds=[0, 1, 2]
claim.verdict=supported
protocol.choices={"width": 64}
artifact.path=artifacts/run-1/grid.txt
artifact.meta={"shows": "samples", "rows": 2, "columns": 3}
note.text=said
)"}}};
}

void read_columns(const fs::path& folder) {
  static const Files sound = store_seeds().front();
  write_files(folder, sound);
  const std::string text = read_file(folder / "columns.txt");
  {
    Store store = Store::open(folder / "assay.db");
    store.database().exec("PRAGMA ignore_check_constraints = ON; PRAGMA synchronous = OFF");
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const std::string line = text.substr(begin, end - begin);
      begin = end + 1;
      const std::size_t dot = line.find('.'), equals = line.find('=');
      if (equals == std::string::npos || dot >= equals) continue;
      try {
        SQLite::Statement update(store.database(), fmt::format("UPDATE {} SET {} = ?", line.substr(0, dot),
                                                               line.substr(dot + 1, equals - dot - 1)));
        update.bind(1, line.substr(equals + 1));
        update.exec();
      } catch (const SQLite::Exception&) {  // no such column, or not of that type
      }
    }
  }
  read_store(folder);
}

}  // namespace

std::vector<FuzzedReader> store_readers() {
  return {{"store", "assay.db", store_seeds, read_store, true},
          {"columns", "columns.txt", column_seeds, read_columns, true}};
}

}  // namespace assay::fuzz
