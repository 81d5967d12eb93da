#include "store/recorder.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <thread>

#include "tests/store/recording.h"

namespace assay {
namespace {

using test::failure;
using test::Recording;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(Recording, ARunReadsBackAsItWasWritten) {
  const RowId batch = begin_batch();
  const RowId id = begin_run(batch, -3);
  const RunRow row = query.run(id);
  EXPECT_EQ(row.batch, batch);
  EXPECT_EQ(row.method, "self_guided");
  EXPECT_EQ(row.tier, "mini");
  EXPECT_EQ(row.dataset, "emoji");
  EXPECT_EQ(row.dataset_hash, "0123");
  EXPECT_EQ(row.seed, -3);
  EXPECT_EQ(row.config["train"]["lr"], 0.001);
  EXPECT_EQ(row.code_version, "0.1.0+abc");
  EXPECT_EQ(row.device, "cpu");
  EXPECT_EQ(row.driver, "none");
  EXPECT_EQ(row.libraries["libtorch"], "2.11.0");
  EXPECT_EQ(row.machine["cores"], 2);
  EXPECT_EQ(row.status, RunStatus::running);
  EXPECT_EQ(row.finished_at, "");
  EXPECT_THAT(row.started_at, ::testing::MatchesRegex("2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z"));
  EXPECT_EQ(query.batch(batch).command, "assay run self_guided --tier mini");
  EXPECT_EQ(query.batch(batch).config["steps"], 100);
}

TEST_F(Recording, ABatchAndItsRunsAreWrittenTogetherOrNotAtAll) {
  std::vector<RunRow> runs(2);
  runs[0].method = "self_guided";
  EXPECT_THAT(failure([&] { recorder.begin_batch_with_runs({}, runs); }), HasSubstr("method"));
  EXPECT_THAT(Query(store).batches(), IsEmpty());
  EXPECT_THAT(Query(store).runs(), IsEmpty());

  runs[1].method = "self_guided";
  const RowId batch = recorder.begin_batch_with_runs({}, runs);
  const auto read = Query(store).runs();
  ASSERT_THAT(read, SizeIs(2));
  EXPECT_EQ(read[0].batch, batch);
  EXPECT_EQ(read[1].id, runs[1].id);
}

TEST_F(Recording, ARunThatWaitedStartsWhenItsTurnComesAndKeepsThatOnceAStageIsDone) {
  const RowId run = begin_run(begin_batch());
  const auto started = [&] { return query.run(run).started_at; };
  const std::string recorded = started();
  while (utc_now() == recorded) std::this_thread::yield();
  recorder.start_run(run);
  const std::string turn = started();
  EXPECT_GT(turn, recorded);
  recorder.begin_stage(run, "train").commit();
  while (utc_now() == turn) std::this_thread::yield();
  recorder.start_run(run);
  EXPECT_EQ(started(), turn);
}

TEST_F(Recording, AProtocolIsOneRowForEachSetOfChoices) {
  add_protocol("fd-small", {{"width", 64}});
  add_protocol("fd-small", {{"width", 64}});
  EXPECT_THAT(query.protocols(), SizeIs(1));
  add_protocol("fd-small", {{"width", 128}});
  add_protocol("sklearn", {{"width", 64}});
  const std::vector<ProtocolRow> rows = query.protocols();
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_EQ(rows[0].choices["width"], 64);
  EXPECT_EQ(rows[1].choices["width"], 128);
  EXPECT_NE(rows[0].hash, rows[1].hash);
  EXPECT_EQ(rows[2].name, "sklearn");

  const RowId run = begin_run(begin_batch());
  StageRecorder stage = recorder.begin_stage(run, "evaluate");
  stage.add_score(score("a", 1.0));
  stage.commit();
  EXPECT_EQ(query.scores()[0].protocol_id, rows[1].id) << "a score refers to the choices given last";
}

TEST_F(Recording, ARunFinishesWithStatusAndReason) {
  const RowId run = begin_run(begin_batch());
  recorder.finish_run(run, RunStatus::failed, "out of memory");
  EXPECT_EQ(query.run(run).status, RunStatus::failed);
  EXPECT_EQ(query.run(run).reason, "out of memory");
  EXPECT_NE(query.run(run).finished_at, "");
  EXPECT_THROW(recorder.finish_run(run, RunStatus::running), Error);
  EXPECT_THROW(recorder.finish_run(999, RunStatus::done), Error);
}

TEST_F(Recording, AnUnfinishedRunResumesAndADoneOneDoesNot) {
  const RowId run = begin_run(begin_batch());
  recorder.begin_stage(run, "train").commit({{"step", 5}});
  recorder.finish_run(run, RunStatus::interrupted, "SIGINT");
  const RunRow row = recorder.resume_run(run);
  EXPECT_EQ(row.status, RunStatus::running);
  EXPECT_EQ(row.reason, "");
  EXPECT_EQ(row.finished_at, "");
  EXPECT_EQ(recorder.stage_result(run, "train")["step"], 5);
  EXPECT_THAT(query.notes()[0].text, HasSubstr("interrupted: SIGINT"));
  recorder.finish_run(run, RunStatus::done);
  EXPECT_THAT(failure<InputError>([&] { recorder.resume_run(run); }), HasSubstr("is done"));
  EXPECT_THAT(failure<InputError>([&] { recorder.resume_run(12345); }), HasSubstr("no run 12345"));
}

TEST_F(Recording, ComparisonsReadBackAndAreReplacedByTheSameOne) {
  const RowId batch = begin_batch();
  add_protocol();
  ComparisonRow row;
  row.batch = batch;
  row.method = "self_guided";
  row.dataset = "emoji";
  row.metric = "fd";
  row.protocol = "fd-small";
  row.arm_a = "self_label_k100";
  row.arm_b = "uncond_w0";
  row.params = {{"w", 2}};
  row.better = Better::lower;
  row.difference = -20.5;
  row.interval = {-30.0, -11.0, 0.95, "paired t over seeds; Holm over 2"};
  row.p_value = 0.01;
  row.seeds = {0, 1, 2};
  row.differences = {-20.0, -21.0, -20.5};
  recorder.add_comparisons({row});
  row.difference = -19.0;
  row.p_adjusted = 0.02;
  ComparisonRow one_seed = row;
  one_seed.params = {{"w", 3}};
  one_seed.interval = std::nullopt;
  one_seed.seeds = {0};
  one_seed.differences = {-19.0};
  recorder.add_comparisons({row, one_seed});

  const std::vector<ComparisonRow> rows = query.comparisons(batch);
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].difference, -19.0);
  EXPECT_EQ(rows[0].interval->method, "paired t over seeds; Holm over 2");
  EXPECT_EQ(rows[0].p_value, 0.01);
  EXPECT_EQ(rows[0].p_adjusted, 0.02);
  EXPECT_THAT(rows[0].seeds, ElementsAre(0, 1, 2));
  EXPECT_THAT(rows[0].differences, ElementsAre(-20.0, -21.0, -20.5));
  EXPECT_EQ(rows[0].better, Better::lower);
  EXPECT_FALSE(rows[1].interval);
  EXPECT_THAT(query.comparisons(batch + 1), IsEmpty());

  row.differences = {1.0};
  EXPECT_THAT(failure([&] { recorder.add_comparisons({row}); }), HasSubstr("3 seeds, 1 differences"));
}

TEST_F(Recording, ComparisonsOfOneArmWithItselfAreToldApartByTheParamsOfBoth) {
  add_protocol();
  ComparisonRow row;
  row.batch = begin_batch();
  row.method = "self_guided";
  row.metric = "fd";
  row.protocol = "fd-small";
  row.arm_a = row.arm_b = "self_label_k100";
  row.params = {{"w", 2}};
  row.params_b = {{"w", 1}};
  row.seeds = {0};
  row.differences = {1.0};
  ComparisonRow other = row;
  other.params_b = {{"w", 0}};
  recorder.add_comparisons({row, other});
  recorder.add_comparisons({row});
  const std::vector<ComparisonRow> rows = query.comparisons();
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].params_b, other.params_b);
  EXPECT_EQ(rows[1].params_b, row.params_b);
}

TEST_F(Recording, PublishedNumbersReadBackAndAreReplacedByTheSameCell) {
  PublishedRow row;
  row.batch = begin_batch();
  row.method = "ed_dpm";
  row.title = "ImageNet 256x256";
  row.source = "README";
  row.label = "UADM-G";
  row.settings = {{"gamma", 10}};
  row.metric = "Precision";
  row.better = Better::higher;
  row.printed = "0.70";
  row.value = 0.7;
  row.n = 50000;
  row.trust = "ED";
  row.trust_meaning = "official release";
  row.note = "rounded";
  row.ours = nlohmann::json::parse(R"([{"arm": "uncond/g"}])");
  PublishedRow unknown = row;
  unknown.metric = "Recall";
  unknown.printed = "";
  unknown.value = std::nullopt;
  unknown.trust = "";
  recorder.add_published({row, unknown});
  recorder.add_published({row});
  const std::vector<PublishedRow> rows = query.published(row.batch);
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_FALSE(rows[0].value);
  EXPECT_EQ(rows[0].metric, "Recall");
  EXPECT_EQ(rows[1].printed, "0.70");
  EXPECT_EQ(rows[1].value, 0.7);
  EXPECT_EQ(rows[1].n, 50000);
  EXPECT_EQ(rows[1].trust, "ED");
  EXPECT_EQ(rows[1].trust_meaning, "official release");
  EXPECT_EQ(rows[1].settings, row.settings);
  EXPECT_EQ(rows[1].ours, row.ours);
  EXPECT_EQ(rows[1].better, Better::higher);
  EXPECT_EQ(rows[1].source + rows[1].label + rows[1].note, "READMEUADM-Grounded");
  EXPECT_THAT(query.published(row.batch + 1), IsEmpty());

  row.trust = "";
  EXPECT_THAT(failure([&] { recorder.add_published({row}); }), HasSubstr("needs a trust tag"));
  row.trust = "ED";
  row.printed = "";
  EXPECT_THAT(failure([&] { recorder.add_published({row}); }), HasSubstr("or neither"));
}

TEST_F(Recording, ClaimsReadBackAndAreReplacedByTheSameOne) {
  ClaimRow row;
  row.batch = begin_batch();
  row.name = "sg-1";
  row.method = "self_guided";
  row.statement = "self-labels guide as well as labels";
  row.origin = "Table 1";
  recorder.add_claims({row});
  EXPECT_EQ(query.claims()[0].verdict, Verdict::not_run);
  EXPECT_EQ(query.claims()[0].statistic, std::nullopt);
  row.verdict = Verdict::supported;
  row.statistic = -3.5;
  row.low = -5.0;
  row.high = -2.0;
  row.threshold = "high < 0";
  row.seeds = {0, 1, 2};
  row.note = "three seeds";
  recorder.add_claims({row});
  const std::vector<ClaimRow> rows = query.claims(row.batch);
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].verdict, Verdict::supported);
  EXPECT_EQ(rows[0].statistic, -3.5);
  EXPECT_EQ(rows[0].high, -2.0);
  EXPECT_EQ(rows[0].threshold, "high < 0");
  EXPECT_THAT(rows[0].seeds, ElementsAre(0, 1, 2));
  row.high = std::nullopt;
  EXPECT_THAT(failure([&] { recorder.add_claims({row}); }), HasSubstr("both low and high"));
}

TEST_F(Recording, FiltersChooseRuns) {
  const RowId first = begin_batch(), second = begin_batch();
  const RowId a = begin_run(first, 0), b = begin_run(first, 1, "maskdm"), c = begin_run(second, 0);
  recorder.begin_stage(a, "train").commit();
  recorder.begin_stage(c, "train").commit();
  recorder.finish_run(c, RunStatus::done);
  RunFilter filter;
  filter.batch = first;
  ASSERT_THAT(query.runs(filter), SizeIs(2));
  EXPECT_EQ(query.runs(filter)[1].id, b);
  EXPECT_THAT(query.stages(filter), SizeIs(1));
  filter.method = "maskdm";
  EXPECT_THAT(query.runs(filter), SizeIs(1));
  filter.tier = "paper";
  EXPECT_THAT(query.runs(filter), IsEmpty());
  RunFilter done;
  done.status = RunStatus::done;
  ASSERT_THAT(query.runs(done), SizeIs(1));
  EXPECT_EQ(query.runs(done)[0].id, c);
  EXPECT_EQ(query.latest_batch()->id, second);
}

TEST_F(Recording, TheLatestBatchIsTheLastWithARun) {
  EXPECT_FALSE(query.latest_batch());
  const RowId batch = begin_batch();
  begin_run(batch);
  begin_batch("assay bench");
  EXPECT_EQ(query.latest_batch()->id, batch);
  EXPECT_THAT(failure<InputError>([&] { query.batch(77); }), HasSubstr("no batch 77; known: 1, 2"));
}

TEST_F(Recording, TimingsAndNotesNeedNoRun) {
  const RowId batch = begin_batch("assay bench");
  TimingRow row;
  row.batch = batch;
  row.op = "kernel/moments";
  row.device = "cpu";
  row.seconds = 0.5;
  recorder.add_timings({row, row});
  row.seconds = std::nan("");
  EXPECT_THROW(recorder.add_timings({row}), Error);
  EXPECT_THAT(query.loose_timings(batch), SizeIs(2));
  EXPECT_THAT(query.timings(), IsEmpty());
  recorder.add_note(batch, 0, "frequency scaling is on");
  EXPECT_THAT(query.batch_notes(batch), SizeIs(1));
  EXPECT_THAT(query.notes(), IsEmpty());
}

TEST_F(Recording, TextOfAnyKindSurvives) {
  const std::string odd = "a'b\"; DROP TABLE run; --\n<script>\xC3\xA9";
  const RowId batch = begin_batch(odd);
  EXPECT_EQ(query.batch(batch).command, odd);
  BatchRow broken;
  broken.config = {{"path", "\xFF\xFE"}};
  EXPECT_NO_THROW(recorder.begin_batch(broken)) << "bytes that are not UTF-8";
}

TEST_F(Recording, AColumnOfOtherJsonIsSaidOfTheFile) {
  ClaimRow claim;
  claim.batch = begin_batch();
  claim.name = "S-1";
  claim.method = "self_guided";
  recorder.add_claims({claim});
  store.database().exec("UPDATE claim SET seeds = '{\"a\": 1}'");
  EXPECT_THAT(test::failure([&] { query.claims(); }), HasSubstr("results.sqlite: is damaged"));
  store.database().exec("PRAGMA ignore_check_constraints = ON; UPDATE claim SET seeds = '[1,'");
  EXPECT_THAT(test::failure([&] { query.claims(); }), HasSubstr("results.sqlite: is damaged"));
}

TEST_F(Recording, TheSqliteToolReadsIt) {
  if (std::system("command -v sqlite3 >/dev/null 2>&1") != 0) GTEST_SKIP() << "the sqlite3 tool is not installed";
  const RowId run = begin_run(begin_batch());
  add_protocol();
  StageRecorder stage = recorder.begin_stage(run, "evaluate");
  stage.add_score(score("a", 2.5));
  stage.commit();
  const std::string command = "sqlite3 -readonly '" + (folder / "results.sqlite").string() +
                              "' \"SELECT run.method, arm, value, protocol.name FROM score JOIN run ON run.id = run "
                              "JOIN protocol ON protocol.id = protocol\"";
  FILE* pipe = ::popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  char line[256] = {};
  ASSERT_NE(std::fgets(line, sizeof line, pipe), nullptr);
  ::pclose(pipe);
  EXPECT_STREQ(line, "self_guided|a|2.5|fd-small\n");
}

}  // namespace
}  // namespace assay
