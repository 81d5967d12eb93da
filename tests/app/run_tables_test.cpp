#include "app/torch/run_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "bench/harness/batch_json.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ScoreRow score(const std::string& arm, double value, const nlohmann::json& params) {
  ScoreRow row;
  row.arm = arm;
  row.name = row.protocol = "fd-small";
  row.value = value;
  row.n = 500;
  row.params = params;
  return row;
}

/// Two runs of a method, the second of which failed, with a comparison of two arms and one of an arm with itself.
BatchResult sample_batch() {
  BatchResult batch;
  batch.batch = 3;
  RunResult first;
  first.run.id = 7;
  first.run.method = "self_guided";
  first.run.tier = "smoke";
  first.run.dataset = "shapes";
  first.run.status = RunStatus::done;
  ScoreRow guided = score("self_label_k100", 72.123456, {{"w", 2}, {"w_cfg", 1}});
  guided.interval = ScoreInterval{68.5, 75.75, 0.95, "bootstrap over samples, 500"};
  ScoreRow tail = score("label", 1234567, {{"conditions", "uniform"}, {"w", 1.5}});
  tail.name = tail.protocol = "fid";
  ScoreRow other = score("encoder", 0.4, nlohmann::json::object());
  other.name = "nmi";
  first.scores = {guided, tail, other};
  ClaimRow claim;
  claim.name = "sg-guides";
  claim.method = "self_guided";
  claim.statement = "Self-labels guide";
  claim.verdict = Verdict::not_run;
  first.claims = {claim};
  NoteRow note;
  note.text = "2 images skipped";
  first.notes = {note};
  RunResult second = first;
  second.run.id = 8;
  second.run.seed = 1;
  second.run.status = RunStatus::failed;
  second.run.reason = "out of memory";
  second.scores.clear();
  NoteRow late;
  late.text = "resumed";
  second.notes.push_back(late);
  batch.runs = {first, second};

  ComparisonRow row;
  row.method = "self_guided";
  row.metric = row.protocol = "fd-small";
  row.arm_a = "self_label_k100";
  row.arm_b = "label";
  row.difference = -58;
  row.interval = ScoreInterval{-61.3, -54.7, 0.95, "paired Student t over 2 seeds"};
  row.seeds = {0, 1};
  ComparisonRow itself = row;
  itself.arm_b = itself.arm_a;
  itself.params_b = {{"w", 0}};
  itself.interval.reset();
  batch.comparisons = {row, itself};
  return batch;
}

TEST(RunTables, ShowDistancesDifferencesAndClaims) {
  std::ostringstream out;
  print_batch(sample_batch(), "results/assay.db", out);
  EXPECT_EQ(out.str(),
            "run 7: self_guided seed 0 done\n"
            "  self_label_k100 w=2            fd-small     72.12  [68.5, 75.75]  n = 500\n"
            "  label conditions=uniform w=1.5 fid 1.235e+06  [-, -]  n = 500\n"
            "run 8: self_guided seed 1 failed: out of memory\n"
            "paired differences\n"
            "  fd-small self_label_k100 - label                              -58  [-61.3, -54.7]  2 seed(s)\n"
            "  fd-small self_label_k100 - self_label_k100 {\"w\":0}            -58  [-, -]  2 seed(s)\n"
            "claim sg-guides                not run       Self-labels guide\n"
            "recorded in results/assay.db\n");
}

TEST(RunTables, TellComparisonsOfTheSameArmsApart) {
  BatchResult batch = sample_batch();
  ComparisonRow row = batch.comparisons.front();
  row.params = row.params_b = {{"real", 5}};
  batch.comparisons.push_back(row);
  batch.runs[1].run.reason = "out of memory\nat frame 0";
  std::ostringstream out;
  print_batch(batch, "a.db", out);
  EXPECT_THAT(out.str(), HasSubstr("  fd-small self_label_k100 - label                              -58 "));
  EXPECT_THAT(out.str(), HasSubstr("  fd-small self_label_k100 - label {\"real\":5} "));
  EXPECT_THAT(out.str(), HasSubstr("failed: out of memory\npaired differences"));
}

TEST(RunTables, OfNothingSayWhereItIsRecorded) {
  std::ostringstream out;
  print_batch({}, "a.db", out);
  EXPECT_EQ(out.str(), "recorded in a.db\n");
}

TEST(RunTables, TellANoteOfSeveralRunsOnce) {
  EXPECT_THAT(notes_of_runs(sample_batch()), ElementsAre("2 images skipped", "resumed"));
}

TEST(BatchJson, HoldsWhatTheTablesShow) {
  const nlohmann::json json = batch_json(sample_batch());
  EXPECT_EQ(json.at("batch"), 3);
  const nlohmann::json& run = json.at("runs").at(0);
  EXPECT_EQ(run.at("scores").size(), 3U);
  EXPECT_EQ(run.at("scores").at(0).at("low"), 68.5);
  EXPECT_TRUE(run.at("scores").at(1).at("low").is_null());
  EXPECT_EQ(run.at("claims").at(0).at("verdict"), "not run");
  EXPECT_TRUE(run.at("claims").at(0).at("statistic").is_null());
  EXPECT_EQ(run.at("notes"), nlohmann::json({"2 images skipped"}));
  EXPECT_EQ(json.at("runs").at(1).at("reason"), "out of memory");
  EXPECT_EQ(json.at("comparisons").at(0).at("interval"), "paired Student t over 2 seeds");
  EXPECT_TRUE(json.at("comparisons").at(1).at("high").is_null());
  BatchResult without_dataset = sample_batch();
  without_dataset.runs.front().run.dataset.clear();
  EXPECT_TRUE(batch_json(without_dataset).at("runs").at(0).at("dataset").is_null());
}

/// A published run of two rows that share a network and a file.
RunPlan sample_plan() {
  RunPlan plan;
  plan.method = "ed_dpm";
  plan.tier = "paper";
  plan.seeds = {0, 1};
  plan.config = {{"row", "all"}};
  plan.steps = {"250 steps"};
  plan.missing = {"no file"};
  PlannedRow row;
  row.name = "UADM-G";
  row.settings = {{"gamma", 10}, {"respacing", "250"}};
  NeededFile weights, images;
  weights.what = "network";
  weights.path = "/nowhere/b.safetensors";
  weights.official = "b.pt";
  weights.sha256 = "ab";
  images.what = "images";
  images.path = "/nowhere/a";
  images.folder = true;
  row.files = {weights, images};
  PlannedNetwork network{"diffusion", "guided_256", {{"class_cond", false}}, {}};
  network.cost.parameters = 553838086;
  network.cost.flops = 2.24e12;
  row.networks = {network};
  row.images = 50000;
  row.flops = 5.6e14;
  row.memory_bytes = 9'400'000'000;
  row.loading_bytes = 4'430'000'000;
  row.departures = {"/published/UADM-G/gamma"};
  PlannedRow trained = row;
  trained.name = "UADM-G+EDS";
  trained.training_flops = 1e18;
  trained.departures.clear();
  trained.unknown = {"the seed"};
  plan.published = PublishedPlan{{row, trained}, {1e12, "cpu", "a step of guided_256"}};
  return plan;
}

TEST(RunTables, SayWhatADryRunWouldDo) {
  std::ostringstream out;
  print_plans({sample_plan()}, out);
  EXPECT_EQ(out.str(),
            "ed_dpm, tier paper, 2 seed(s)\n"
            "  250 steps\n"
            "  this machine: 1e+03 GFLOP/s: a step of guided_256\n"
            "  file /nowhere/a: missing; SHA-256 unknown\n"
            "  file /nowhere/b.safetensors: missing; SHA-256 begins with ab, of b.pt\n"
            "  network guided_256: 553838086 parameters, 2240.0 GFLOP an image and pass; class_cond false\n"
            "  UADM-G\n"
            "    diffusion: guided_256\n"
            "    gamma 10, respacing 250\n"
            "    50000 images of 560 TFLOP; 9.4 GB, 4.4 GB while loading; about 7.78e+03 hours on this machine\n"
            "    not as published: /published/UADM-G/gamma\n"
            "  UADM-G+EDS\n"
            "    diffusion: guided_256\n"
            "    gamma 10, respacing 250\n"
            "    50000 images of 560 TFLOP; 9.4 GB, 4.4 GB while loading; about 8.06e+03 hours on this machine\n"
            "    after a training of 1e+06 TFLOP, counted in these hours\n"
            "    unknown: the seed\n"
            "  missing: no file\n");
}

TEST(PlansJson, HoldsWhatADryRunShows) {
  RunPlan trained = sample_plan();
  trained.published.reset();
  const nlohmann::json json = plans_json({sample_plan(), trained});
  const nlohmann::json& plan = json.at("plans").at(0);
  EXPECT_EQ(plan.at("seeds"), nlohmann::json({0, 1}));
  EXPECT_EQ(plan.at("published").at("files").size(), 2U);
  EXPECT_EQ(plan.at("published").at("files").at(0).at("path"), "/nowhere/a");
  EXPECT_NEAR(plan.at("published").at("rows").at(0).at("hours").get<double>(), 5.6e14 * 50000 / 1e12 / 3600, 1e-9);
  EXPECT_FALSE(json.at("plans").at(1).contains("published"));
}

}  // namespace
}  // namespace assay
