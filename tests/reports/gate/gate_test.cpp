#include "reports/gate/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/philox.h"
#include "reports/gate/gate_json.h"
#include "reports/gate/gate_junit.h"
#include "reports/gate/gate_markdown.h"
#include "reports/gate/gate_section.h"
#include "reports/gate/gate_text.h"
#include "store/recorder.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// A store to which nights are added.
class Gate : public ::testing::Test {
 protected:
  struct Made {
    double shift = 0.0;  // of every score
    std::int64_t seeds = 4;
    std::string code = "0.1.0+a";
    nlohmann::json config = {{"train", {{"steps", 600}}}};
    std::vector<std::string> arms = {"guided", "plain"};
    RunStatus status = RunStatus::done;
    double seconds = 0.01;  // of a kernel; 0: none is timed
    std::int64_t kernels = 1;
  };

  Gate() { recorder.upsert_protocol({0, "fd-small", "", "", "", nlohmann::json::object()}); }

  RowId night() { return night(Made{}); }
  RowId night(const Made& made) {
    BatchRow batch;
    batch.command = "assay run self_guided";
    batch.config = {{"threads", 2}};
    const RowId id = recorder.begin_batch(batch);
    ++count_;
    for (std::int64_t seed = 0; seed < made.seeds; ++seed) {
      RunRow row;
      row.batch = id;
      row.method = "self_guided";
      row.tier = "mini";
      row.dataset = "emoji";
      row.seed = seed;
      row.config = made.config;
      row.code_version = made.code;
      row.libraries = {{"libtorch", "2.11.0"}};
      row.machine = {{"cpu", "EPYC"}, {"cores", 2}};
      const RowId run = recorder.begin_run(row);
      StageRecorder stage = recorder.begin_stage(run, "sample");
      for (const std::string& arm : made.arms) {
        RandomStream noise(static_cast<std::uint64_t>(count_), Purpose::resample,
                           static_cast<std::uint64_t>(seed) + 100 * arm.size());
        ScoreRow score;
        score.arm = arm;
        score.name = "fd";
        score.protocol = "fd-small";
        score.better = Better::lower;
        score.n = 500;
        score.params = {{"w", 2}};
        score.value = 20 + static_cast<double>(seed) + 0.05 * noise.normal() + made.shift;
        stage.add_score(score);
      }
      stage.commit();
      recorder.finish_run(run, made.status, made.status == RunStatus::done ? "" : "out of memory");
    }
    std::vector<TimingRow> timings;
    for (std::int64_t i = 0; made.seconds > 0.0 && i < 5 * made.kernels; ++i) {
      const std::int64_t repetition = i % 5;
      TimingRow row;
      row.batch = id;
      row.op = "kernels/ddim_step";
      row.variant = i < 5 ? "" : std::to_string(i / 5);
      row.device = "cpu";
      row.repetition = repetition;
      row.seconds = made.seconds * (1.0 + 0.001 * static_cast<double>(repetition));
      row.item_unit = "calls";
      row.code_version = made.code;
      row.machine = {{"cpu", "EPYC"}, {"cores", 2}};
      timings.push_back(row);
    }
    recorder.add_timings(timings);
    return id;
  }

  void accept(RowId batch, const std::string& name = "main") { recorder.accept_baselines({{0, batch, name, "", ""}}); }
  GateResult result(const GateRequest& request = {}) const { return run_gate(store, request); }

  test::TemporaryFolder folder;
  Store store = Store::open_or_create(folder / "assay.db");
  Recorder recorder{store};
  int count_ = 0;
};

TEST_F(Gate, SaysThatAFirstNightHasNoBaselineAndAcceptsNothing) {
  night();
  const GateResult first = result();
  EXPECT_FALSE(first.regressed());
  EXPECT_TRUE(first.judged.empty());
  EXPECT_THAT(headline(first), HasSubstr("no baseline is accepted yet"));
  EXPECT_TRUE(Query(store).baselines().empty());
}

TEST_F(Gate, SaysThatABatchIsItsOwnBaselineAndHoldsItAgainstNothing) {
  const RowId first = night();
  accept(first);
  const GateResult itself = result();
  EXPECT_FALSE(itself.regressed());
  EXPECT_EQ(itself.compared_with_itself(), itself.judged.size());
  EXPECT_THAT(headline(itself), HasSubstr("nothing compared: batch 1 is its own baseline"));
  EXPECT_THAT(headline(itself), Not(HasSubstr("no regression")));
  for (const std::string& text : {gate_text(itself), gate_markdown(itself), gate_json(itself).dump()})
    EXPECT_THAT(text, HasSubstr("3 series were compared with themselves"));
  night();
  EXPECT_EQ(result().compared_with_itself(), 0U);
  EXPECT_THAT(headline(result()), HasSubstr("no regression"));
}

TEST_F(Gate, TellsTheReportWhatItFound) {
  accept(night());
  Made worse;
  worse.shift = 5;
  worse.code = "0.1.0+b";
  night(worse);
  const ReportedChanges changes = reported_changes(result());
  EXPECT_EQ(changes.section.anchor, "changes");
  std::string words;
  for (const Block& block : changes.section.parts.at(0).blocks)
    if (const auto* table = std::get_if<Table>(&block))
      for (const auto& row : table->rows)
        for (const Text& cell : row)
          for (const Span& span : cell) words += span.text + "|";
  EXPECT_THAT(words, HasSubstr("fd of guided, w = 2 (fd-small)|regressed|"));
  EXPECT_THAT(words, HasSubstr("code|0.1.0+a|0.1.0+b|"));
  EXPECT_EQ(changes.headline.back().text, "regressed");
}

TEST_F(Gate, FindsWhatGotWorseAndWithWhichCode) {
  accept(night());
  const RowId worse = night({.shift = 4.0, .code = "0.1.0+b", .seconds = 0.02});
  const GateResult bad = result();
  EXPECT_TRUE(bad.regressed());
  EXPECT_EQ(bad.count(Finding::regressed), 3U) << gate_text(bad);
  ASSERT_EQ(bad.environment.size(), 1U);
  EXPECT_EQ(in_words(bad.environment), "code 0.1.0+a -> 0.1.0+b");
  EXPECT_EQ(bad.judged[0].batch, worse);
  EXPECT_NEAR(bad.judged[0].judgement.change, 4.0, 0.2);
  EXPECT_THAT(gate_text(bad), AllOf(HasSubstr("REGRESSED: 3 of 3 series"), HasSubstr("fd of guided, w = 2 (fd-small)"),
                                    HasSubstr("100 % slower"), HasSubstr("code 0.1.0+a -> 0.1.0+b")));
}

TEST_F(Gate, CallsASlowerMachineOneRegression) {
  accept(night({.kernels = 5}));
  night({.seconds = 0.012, .kernels = 5});
  const GateResult slower = result();
  EXPECT_EQ(slower.count(Finding::regressed), 1U) << gate_text(slower);
  EXPECT_TRUE(slower.judged[0].series.whole_machine);
  EXPECT_NEAR(slower.judged[0].judgement.change, 0.2, 1e-9);
  EXPECT_THAT(gate_text(slower), HasSubstr("  all timings of this machine\n    20 % slower\n"));
  EXPECT_EQ(slower.judged.back().judgement.note, "besides 20 % slower that all timings of this machine share");
}

TEST_F(Gate, LeavesFewerThanFiveTimingsAsTheyAre) {
  accept(night({.kernels = 4}));
  night({.seconds = 0.012, .kernels = 4});
  EXPECT_EQ(result().count(Finding::regressed), 4U);
}

TEST_F(Gate, PassesWhatDidNotChange) {
  accept(night());
  night();
  const GateResult same = result();
  EXPECT_FALSE(same.regressed()) << gate_text(same);
  EXPECT_EQ(same.count(Finding::unchanged), 3U);
}

TEST_F(Gate, ComparesWithTheLastAcceptedBatchOrTheNamedOne) {
  const RowId first = night();
  accept(first, "release");
  const RowId second = night({.shift = 4.0});
  accept(second);
  night({.shift = 4.0});
  EXPECT_FALSE(result().regressed());
  EXPECT_EQ(result().baselines.at(0).id, second);
  GateRequest named;
  named.baseline = "release";
  EXPECT_TRUE(result(named).regressed());
  EXPECT_EQ(result(named).baselines.at(0).id, first);
  named.baseline = std::to_string(first);
  EXPECT_TRUE(result(named).regressed());
  named.baseline = "releese";
  EXPECT_THAT(test::message_of<InputError>([&] { result(named); }), HasSubstr("did you mean 'release'?"));
  named.baseline = "77";
  EXPECT_THAT(test::message_of<InputError>([&] { result(named); }), HasSubstr("no batch 77"));
}

TEST_F(Gate, AnOlderBatchIsJudgedAsIfLaterOnesWereNot) {
  accept(night());
  const RowId second = night();
  night({.shift = 4.0});
  GateRequest older;
  older.batches = {second};
  EXPECT_FALSE(result(older).regressed());
  EXPECT_TRUE(result().regressed());
}

TEST_F(Gate, NamesWhatIsMissingAndWhy) {
  accept(night());
  night({.arms = {"guided"}, .seconds = 0.0});
  GateRequest request;
  const GateResult fewer = result(request);
  EXPECT_FALSE(fewer.regressed());
  ASSERT_EQ(fewer.missing.size(), 2U);
  EXPECT_EQ(fewer.missing[0].label, "self_guided mini emoji: fd of plain, w = 2 (fd-small)");
  EXPECT_EQ(fewer.missing[0].why, "not recorded this time");
  request.strict = true;
  EXPECT_TRUE(result(request).regressed());
}

TEST_F(Gate, DoesNotCompareConfigurationsThatDiffer) {
  accept(night());
  night({.shift = 4.0, .config = {{"train", {{"steps", 500}}}}});
  const GateResult other = result();
  EXPECT_FALSE(other.regressed());
  ASSERT_EQ(other.missing.size(), 2U);
  EXPECT_EQ(other.missing[0].why, "another setting: config.train.steps 600 -> 500");
  ASSERT_EQ(other.fresh.size(), 2U);
  EXPECT_EQ(other.fresh[0].why, "another setting: config.train.steps 600 -> 500");
}

TEST_F(Gate, SaysThatRunsFailedAndComparesNothingOfThem) {
  accept(night());
  const RowId failed = night({.shift = 4.0, .status = RunStatus::failed, .seconds = 0.0});
  GateRequest request;
  request.batches = {failed};
  const GateResult nothing = result(request);
  EXPECT_FALSE(nothing.regressed());
  EXPECT_TRUE(nothing.judged.empty());
  EXPECT_EQ(nothing.failed.size(), 4U);
  EXPECT_EQ(nothing.missing.size(), 3U);
  EXPECT_THAT(gate_text(nothing), AllOf(HasSubstr("nothing compared"), HasSubstr("seed 3) is failed: out of memory"),
                                        HasSubstr("nothing could be compared")));
  request.strict = true;
  EXPECT_TRUE(result(request).regressed());
}

TEST_F(Gate, SaysThatOneSeedDecidesNothing) {
  accept(night({.seeds = 1}));
  night({.shift = 9.0, .seeds = 1});
  const GateResult open = result();
  EXPECT_FALSE(open.regressed());
  EXPECT_EQ(open.count(Finding::undecided), 2U);
}

TEST_F(Gate, SaysThatABatchIsOfTwoVersions) {
  accept(night());
  const RowId mixed = night({.seconds = 0.0});
  RunRow row;
  row.batch = mixed;
  row.method = "self_guided";
  row.tier = "mini";
  row.dataset = "emoji";
  row.seed = 9;
  row.code_version = "0.1.0+c";
  recorder.finish_run(recorder.begin_run(row), RunStatus::done);
  EXPECT_THAT(gate_text(result()), HasSubstr("batch 2 was made by two versions of the code: 0.1.0+a and 0.1.0+c"));
}

TEST_F(Gate, RefusesAStoreWithoutResultsAndUnknownBatches) {
  EXPECT_THAT(test::message_of<InputError>([&] { result(); }), HasSubstr("no finished run and no timing"));
  night();
  GateRequest request;
  request.batches = {9};
  EXPECT_THAT(test::message_of<InputError>([&] { result(request); }), HasSubstr("no batch 9"));
}

TEST_F(Gate, WritesMarkdownXmlAndJsonOfOneResult) {
  accept(night());
  night({.shift = 4.0, .code = "<b>&|", .arms = {"guided"}});
  const GateResult bad = result();
  const std::string markdown = gate_markdown(bad), xml = gate_junit(bad);
  EXPECT_THAT(markdown, AllOf(HasSubstr("# REGRESSED"), HasSubstr("## Regressed"), HasSubstr("## Missing"),
                              Not(HasSubstr("<b>"))));
  EXPECT_THAT(xml, AllOf(HasSubstr("<testsuites name=\"assay regress\" tests=\"3\" failures=\"1\""),
                         HasSubstr("<failure type=\"regression\""), HasSubstr("<testsuite name=\"speed\" tests=\"1\""),
                         HasSubstr("<skipped message=\"not recorded this time\"/>"), Not(HasSubstr("<b>"))));
  const nlohmann::json json = gate_json(bad);
  EXPECT_TRUE(json.at("regressed").get<bool>());
  ASSERT_EQ(json.at("series").size(), 2U);
  const nlohmann::json& worst = json.at("series").at(0);
  EXPECT_EQ(worst.at("kind"), "quality");
  EXPECT_EQ(worst.at("finding"), "regressed");
  EXPECT_NEAR(worst.at("change").get<double>(), 4.0, 0.2);
  EXPECT_EQ(json.at("missing").size(), 1U);
}

}  // namespace
}  // namespace assay
