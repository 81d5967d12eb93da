#include "store/stage_recorder.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "core/hash.h"
#include "tests/store/recording.h"

namespace assay {
namespace {

using test::failure;
using test::Recording;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(Recording, AStageReadsBackAsItWasWritten) {
  const RowId batch = begin_batch();
  const RowId run = begin_run(batch);
  add_protocol();
  std::ofstream(folder / "grid.png") << "not really a picture";

  StageRecorder stage = recorder.begin_stage(run, "evaluate");
  ScoreRow given = score("self_label_k100", 131.25);
  given.unit = "fd";
  given.better = Better::lower;
  given.interval = {120.5, 140.5, 0.9, "bootstrap over samples, 1000"};
  given.params = {{"w", 2}, {"w_cfg", 1}};
  stage.add_score(given, {1.5, -2.5, 3.0}, "bootstrap");
  TimingRow timing;
  timing.op = "sample";
  timing.variant = "ddim25";
  timing.shape = "[64,3,16,16]";
  timing.dtype = "float32";
  timing.device = "cpu";
  timing.threads = 2;
  timing.repetition = 4;
  timing.seconds = 0.25;
  timing.items = 64;
  timing.item_unit = "images";
  timing.bytes = 1e9;
  timing.peak_memory_bytes = 123456789012;
  timing.machine = {{"cpu", "EPYC"}};
  stage.add_timing(timing, {0.125});
  stage.add_curve("loss: mse", {50, 100}, {0.75, 0.5});
  stage.add_curve("norm", {100}, {2.0});
  ArtifactRow artifact;
  artifact.name = "grid";
  artifact.kind = "image-grid";
  artifact.path = "./grid.png";
  artifact.meta = {{"arm", "self_label_k100"}};
  stage.add_artifact(artifact);
  stage.add_note("3 images skipped");
  stage.commit({{"checkpoint", "c.safetensors"}});

  const std::vector<ScoreRow> scores = query.scores();
  ASSERT_THAT(scores, SizeIs(1));
  EXPECT_EQ(scores[0].run, run);
  EXPECT_EQ(scores[0].stage, "evaluate");
  EXPECT_EQ(scores[0].arm, "self_label_k100");
  EXPECT_EQ(scores[0].name, "fd");
  EXPECT_EQ(scores[0].value, 131.25);
  EXPECT_EQ(scores[0].unit, "fd");
  EXPECT_EQ(scores[0].better, Better::lower);
  EXPECT_EQ(scores[0].n, 1000);
  ASSERT_TRUE(scores[0].interval);
  EXPECT_EQ(scores[0].interval->low, 120.5);
  EXPECT_EQ(scores[0].interval->high, 140.5);
  EXPECT_EQ(scores[0].interval->level, 0.9);
  EXPECT_EQ(scores[0].interval->method, "bootstrap over samples, 1000");
  EXPECT_EQ(scores[0].protocol, "fd-small");
  EXPECT_EQ(scores[0].params["w_cfg"], 1);
  const std::vector<SampleRow> samples = query.samples_of_score(scores[0].id);
  ASSERT_THAT(samples, SizeIs(3));
  EXPECT_EQ(samples[1].value, -2.5);
  EXPECT_EQ(samples[1].idx, 1);
  EXPECT_EQ(samples[1].kind, "bootstrap");

  const std::vector<TimingRow> timings = query.timings();
  ASSERT_THAT(timings, SizeIs(1));
  EXPECT_EQ(timings[0].batch, batch);
  EXPECT_EQ(timings[0].run, run);
  EXPECT_EQ(timings[0].op, "sample");
  EXPECT_EQ(timings[0].variant, "ddim25");
  EXPECT_EQ(timings[0].shape, "[64,3,16,16]");
  EXPECT_EQ(timings[0].dtype, "float32");
  EXPECT_EQ(timings[0].threads, 2);
  EXPECT_EQ(timings[0].repetition, 4);
  EXPECT_EQ(timings[0].seconds, 0.25);
  EXPECT_EQ(timings[0].items, 64);
  EXPECT_EQ(timings[0].item_unit, "images");
  EXPECT_EQ(timings[0].bytes, 1e9);
  EXPECT_EQ(timings[0].flops, std::nullopt);
  EXPECT_EQ(timings[0].peak_memory_bytes, 123456789012);
  ASSERT_THAT(query.samples_of_timing(timings[0].id), SizeIs(1));
  EXPECT_EQ(query.samples_of_timing(timings[0].id)[0].value, 0.125);

  const std::vector<CurveRow> curves = query.curves();
  ASSERT_THAT(curves, SizeIs(2));
  EXPECT_EQ(curves[0].run, run);
  EXPECT_EQ(curves[0].stage, "evaluate");
  EXPECT_EQ(curves[0].name, "loss: mse");
  EXPECT_THAT(curves[0].steps, ElementsAre(50, 100));
  EXPECT_THAT(curves[0].values, ElementsAre(0.75, 0.5));
  EXPECT_EQ(curves[1].name, "norm");
  EXPECT_THAT(curves[1].steps, ElementsAre(100));
  RunFilter others;
  others.run = run + 1;
  EXPECT_THAT(query.curves(others), IsEmpty());

  const std::vector<ArtifactRow> artifacts = query.artifacts();
  ASSERT_THAT(artifacts, SizeIs(1));
  EXPECT_EQ(artifacts[0].path, "grid.png");
  EXPECT_EQ(artifacts[0].hash, hash_text("not really a picture"));
  EXPECT_EQ(artifacts[0].bytes, 20);
  EXPECT_EQ(artifacts[0].meta["arm"], "self_label_k100");

  ASSERT_THAT(query.notes(), SizeIs(1));
  EXPECT_EQ(query.notes()[0].text, "3 images skipped");
  EXPECT_EQ(query.notes()[0].stage, "evaluate");

  const std::vector<StageRow> stages = query.stages();
  ASSERT_THAT(stages, SizeIs(1));
  EXPECT_EQ(stages[0].name, "evaluate");
  EXPECT_GE(stages[0].seconds, 0.0);
  EXPECT_EQ(recorder.stage_result(run, "evaluate")["checkpoint"], "c.safetensors");
}

TEST_F(Recording, AStageWithoutCommitLeavesNothing) {
  const RowId run = begin_run(begin_batch());
  add_protocol();
  {
    StageRecorder stage = recorder.begin_stage(run, "train");
    stage.add_score(score("a", 1.0));
    stage.add_note("lost");
  }
  EXPECT_FALSE(recorder.stage_done(run, "train"));
  EXPECT_THAT(query.scores(), IsEmpty());
  EXPECT_THAT(query.notes(), IsEmpty());
}

TEST_F(Recording, AStageThatFailsToCommitLeavesNothing) {
  const RowId run = begin_run(begin_batch());
  add_protocol();
  StageRecorder stage = recorder.begin_stage(run, "train");
  stage.add_score(score("a", 1.0));
  stage.add_score(score("a", 2.0));  // the same arm, name, protocol and params twice
  EXPECT_THAT(failure([&] { stage.commit(); }), HasSubstr("UNIQUE"));
  EXPECT_FALSE(recorder.stage_done(run, "train"));
  EXPECT_THAT(query.scores(), IsEmpty());
}

TEST_F(Recording, AStageIsDoneOnce) {
  const RowId run = begin_run(begin_batch());
  EXPECT_FALSE(recorder.stage_done(run, "train"));
  StageRecorder stage = recorder.begin_stage(run, "train");
  stage.commit();
  EXPECT_TRUE(recorder.stage_done(run, "train"));
  EXPECT_FALSE(recorder.stage_done(run, "evaluate"));
  EXPECT_THAT(failure([&] { stage.commit(); }), HasSubstr("committed before"));
  EXPECT_THAT(failure([&] { recorder.begin_stage(run, "train"); }), HasSubstr("done already"));
  EXPECT_THAT(failure([&] { recorder.stage_result(run, "evaluate"); }), HasSubstr("not done"));
}

TEST_F(Recording, StagesKeepTheirOrder) {
  const RowId run = begin_run(begin_batch());
  for (const char* name : {"train", "cluster", "a-last"}) recorder.begin_stage(run, name).commit();
  const std::vector<StageRow> stages = query.stages();
  ASSERT_THAT(stages, SizeIs(3));
  EXPECT_EQ(stages[0].name, "train");
  EXPECT_EQ(stages[2].name, "a-last");
  EXPECT_EQ(stages[2].position, 2);
}

TEST_F(Recording, ScoresThatAreNotNumbersAreRefused) {
  const RowId run = begin_run(begin_batch());
  add_protocol();
  StageRecorder stage = recorder.begin_stage(run, "evaluate");
  const double nan = std::nan(""), infinite = std::numeric_limits<double>::infinity();
  EXPECT_THAT(failure([&] { stage.add_score(score("arm", nan)); }), HasSubstr("arm/fd is nan"));
  EXPECT_THAT(failure([&] { stage.add_score(score("arm", -infinite)); }), HasSubstr("-inf"));
  EXPECT_THAT(failure([&] { stage.add_score(score("arm", 1.0), {1.0, nan}); }), HasSubstr("[1] is nan"));
  EXPECT_THAT(failure([&] { stage.add_curve("loss", {1, 2}, {1.0, nan}); }), HasSubstr("[1] is nan"));
  EXPECT_THAT(failure([&] { stage.add_curve("loss", {1}, {1.0, 2.0}); }), HasSubstr("1 steps and 2 values"));
  ScoreRow bad = score("arm", 1.0);
  bad.interval = {2.0, 1.0, 0.95, ""};
  EXPECT_THAT(failure([&] { stage.add_score(bad); }), HasSubstr("low 2 is above high 1"));
  bad.interval = {0.0, infinite, 0.95, ""};
  EXPECT_THAT(failure([&] { stage.add_score(bad); }), HasSubstr("high"));
  stage.commit();
  EXPECT_THAT(query.scores(), IsEmpty());
}

TEST_F(Recording, AScoreNeedsAProtocolThatWasRecorded) {
  const RowId run = begin_run(begin_batch());
  StageRecorder stage = recorder.begin_stage(run, "evaluate");
  EXPECT_THAT(failure([&] { stage.add_score(score("a", 1.0)); }), HasSubstr("protocol 'fd-small' is not recorded"));
}

TEST_F(Recording, AnArtifactStaysInTheStoresFolder) {
  const RowId run = begin_run(begin_batch());
  StageRecorder stage = recorder.begin_stage(run, "train");
  ArtifactRow row;
  row.name = "checkpoint";
  row.hash = "00";
  for (const char* path : {"/etc/passwd", "../secret", "a/../../secret"}) {
    row.path = path;
    EXPECT_THAT(failure([&] { stage.add_artifact(row); }), HasSubstr("store's folder")) << path;
  }
  row.path = "missing.bin";
  row.hash = "";
  EXPECT_THAT(failure([&] { stage.add_artifact(row); }), HasSubstr("missing.bin"));
}

TEST_F(Recording, AReaderSeesCommittedStagesWhileTheWriterGoesOn) {
  const RowId run = begin_run(begin_batch());
  add_protocol();
  const Store reader = Store::read_only(folder / "results.sqlite");
  EXPECT_THAT(Query(reader).scores(), IsEmpty());
  StageRecorder stage = recorder.begin_stage(run, "evaluate");
  stage.add_score(score("a", 1.0));
  EXPECT_THAT(Query(reader).scores(), IsEmpty());
  stage.commit();
  EXPECT_THAT(Query(reader).scores(), SizeIs(1));
  Store writable_by_name = Store::read_only(folder / "results.sqlite");
  EXPECT_THAT(failure([&] { Recorder second(writable_by_name); }), HasSubstr("opened for reading"));
}

TEST_F(Recording, AnOpenStageDoesNotLockTheFile) {
  const RowId run = begin_run(begin_batch());
  StageRecorder stage = recorder.begin_stage(run, "train");
  stage.add_curve("loss", {1}, {1.0});
  Store other = Store::open(folder / "results.sqlite");
  other.database().setBusyTimeout(0);
  EXPECT_NO_THROW(Recorder(other).begin_batch({}));
  EXPECT_NO_THROW(stage.commit());
}

}  // namespace
}  // namespace assay
