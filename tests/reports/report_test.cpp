#include "reports/report.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "core/error.h"
#include "core/file.h"
#include "store/query.h"
#include "store/recorder.h"
#include "tests/reports/sample_pictures.h"
#include "tests/reports/sample_store.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

template <class Action>
std::string refusal(Action&& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

class Report : public ::testing::Test {
 protected:
  ReportFiles write() {
    ReportOptions options;
    options.store = store;
    options.out = folder / "out";
    options.batch = batch;
    options.run = run;
    return write_report(options);
  }
  std::string html() { return read_file(write().html); }
  std::string markdown() { return read_file(write().markdown); }

  test::TemporaryFolder folder;
  std::filesystem::path store = folder / "results.sqlite";
  std::optional<RowId> batch, run;
};

TEST_F(Report, MarkdownOfTheSmallStoreIsAsWorkedByHand) {
  test::fill_small_store(store);
  EXPECT_EQ(markdown(), read_file(std::filesystem::path(ASSAY_SOURCE_DIR) / "tests/reports/small_report.md"));
}

TEST_F(Report, HasEverySectionForWhichThereIsContent) {
  test::fill_full_store(store);
  const std::string page = html();
  for (const char* section : {"overview", "claims", "paper-tables", "scores", "comparisons", "guidance", "learning",
                              "clusters", "images", "timings", "notes", "protocols", "artifacts"}) {
    EXPECT_THAT(page, HasSubstr("<section id=\"" + std::string(section) + "\"")) << section;
    EXPECT_THAT(page, HasSubstr("<a href=\"#" + std::string(section) + "\"")) << section;
  }
}

TEST_F(Report, DrawsTheLossOfATrainingAsTheMeanOverSeeds) {
  {
    Store made = Store::open_or_create(store);
    Recorder recorder(made);
    BatchRow of_two;
    of_two.command = "assay run self_guided";
    RunRow row;
    row.batch = recorder.begin_batch(of_two);
    row.method = "self_guided";
    row.tier = "smoke";
    row.code_version = "0";
    row.device = "cpu";
    for (row.seed = 0; row.seed < 2; ++row.seed) {
      const RowId id = recorder.begin_run(row);
      StageRecorder stage = recorder.begin_stage(id, "train:shared");
      stage.add_curve("loss: mse", {1, 2}, {1.0 + static_cast<double>(row.seed), 0.5});
      stage.commit();
      recorder.finish_run(id, RunStatus::done);
    }
  }
  const ReportFiles files = write();
  EXPECT_THAT(read_file(files.markdown), HasSubstr("### Loss along training: mse"));
  const std::string page = read_file(files.html);
  EXPECT_THAT(page, HasSubstr("Loss along training: mse against steps: one line for each of 1 networks"));
  EXPECT_THAT(page, HasSubstr(">shared</text>"));
}

TEST_F(Report, EveryLinkInThePageHasItsTarget) {
  test::fill_full_store(store);
  const std::string page = html();
  const std::regex link("href=\"#([^\"]+)\"");
  int links = 0;
  for (std::sregex_iterator it(page.begin(), page.end(), link), end; it != end; ++it, ++links)
    EXPECT_EQ(count_of(page, "id=\"" + (*it)[1].str() + "\""), 1U) << (*it)[1];
  EXPECT_GT(links, 30);
}

TEST_F(Report, TagsAreBalanced) {
  test::fill_full_store(store);
  const std::string page = html();
  for (const char* tag :
       {"section", "table", "tbody", "tr", "td", "figure", "details", "svg", "a", "ul", "li", "dl", "div"})
    EXPECT_EQ(count_of(page, fmt::format("<{}>", tag)) + count_of(page, fmt::format("<{} ", tag)),
              count_of(page, fmt::format("</{}>", tag)))
        << tag;
}

TEST_F(Report, AsksNobodyForAnything) {
  test::fill_full_store(store);
  const std::string page = html();
  for (const char* part : {"<script", "<link", "<iframe", "@import", "url(", "src=\"http", "src=\"//", "href=\"http"})
    EXPECT_THAT(page, Not(HasSubstr(part)));
  EXPECT_EQ(count_of(page, "<img "), count_of(page, "src=\"data:image/png;base64,"));
  EXPECT_EQ(count_of(page, "<img "), 21U) << "three on the first page, six grids of each of three seeds";
}

TEST_F(Report, ShowsRunsThatFailedWithTheirReason) {
  test::fill_full_store(store);
  const std::string page = html();
  EXPECT_THAT(page, HasSubstr(">1 failed<"));
  EXPECT_THAT(page, HasSubstr("no space left on device"));
  EXPECT_THAT(page, HasSubstr(">1 interrupted<"));
  EXPECT_THAT(page, HasSubstr("SIGINT after stage cluster"));
}

TEST_F(Report, SaysThatARunHasNoEnd) {
  {
    Store opened = Store::open_or_create(store);
    Recorder recorder(opened);
    RunRow row;
    row.batch = recorder.begin_batch({});
    row.method = "self_guided";
    recorder.begin_run(row);
  }
  EXPECT_THAT(html(), HasSubstr("no end recorded"));
}

TEST_F(Report, RealImagesComeFirst) {
  test::fill_full_store(store);
  const std::string page = html();
  const std::size_t first = page.find("<img ");
  EXPECT_THAT(page.substr(page.find("alt=", first), 40), HasSubstr("Real training images"));
}

TEST_F(Report, SaysBehindTheNameOfAPictureWhatItShows) {
  {
    Store opened = Store::open_or_create(store);
    Recorder recorder(opened);
    RunRow row;
    row.batch = recorder.begin_batch({});
    row.method = "class_tokens";
    row.tier = "smoke";
    const RowId id = recorder.begin_run(row);
    StageRecorder stage = recorder.begin_stage(id, "sample");
    write_file_atomically(opened.folder() / "pixel.png", test::one_pixel_png());
    ArtifactRow artifact;
    artifact.kind = "image-grid";
    artifact.path = "pixel.png";
    artifact.name = "token";
    artifact.meta = {{"arm", "token"}, {"shows", "bat -> animal; seal -> symbol"}};
    stage.add_artifact(artifact);
    artifact.name = "bat -> animal: plain, token";
    artifact.meta = nlohmann::json::object();
    stage.add_artifact(artifact);
    stage.commit();
    recorder.finish_run(id, RunStatus::done);
  }
  const std::string page = html();
  EXPECT_THAT(page, HasSubstr("<code>token</code>: bat -&gt; animal; seal -&gt; symbol"));
  EXPECT_THAT(page, HasSubstr("<code>bat -&gt; animal: plain, token</code>"));
}

TEST_F(Report, NamesAPictureThatIsMissingOrChanged) {
  test::fill_full_store(store);
  std::filesystem::remove(folder / "artifacts/run-2/grid-label.png");
  test::write_png({2, 2, std::vector<std::uint8_t>(12, 0)}, folder / "artifacts/run-3/grid-label.png");
  const std::string page = html();
  EXPECT_THAT(page, HasSubstr("file is missing: artifacts/run-2/grid-label.png"));
  EXPECT_THAT(page, HasSubstr("changed since it was recorded: artifacts/run-3/grid-label.png"));
  EXPECT_EQ(count_of(page, "<img "), 19U);
}

TEST_F(Report, ReadsNoPictureOutsideTheStoresFolder) {
  test::fill_full_store(store);
  Store::open(store).database().exec("UPDATE artifact SET path = '../' || path WHERE run = 2");
  EXPECT_THAT(html(), HasSubstr("lies outside the folder of the store: ../artifacts/run-2/grid-label.png"));
}

TEST_F(Report, TextFromTheStoreIsNeverMarkup) {
  const std::string attack = "<script>alert(1)</script>\"'&";
  {
    Store opened = Store::open_or_create(store);
    Recorder recorder(opened);
    BatchRow batch_row;
    batch_row.command = attack;
    RunRow row;
    row.batch = recorder.begin_batch(batch_row);
    row.method = row.tier = row.dataset = row.dataset_hash = row.code_version = row.device = row.driver = attack;
    row.config = row.libraries = row.machine = {{attack, attack}};
    const RowId id = recorder.begin_run(row);
    ProtocolRow protocol;
    protocol.name = protocol.description = protocol.origin = attack;
    protocol.choices = {{attack, attack}};
    recorder.upsert_protocol(protocol);
    StageRecorder stage = recorder.begin_stage(id, attack);
    for (const char* name : {"fd", "nmi"})
      for (const int w : {1, 2}) {
        ScoreRow score;
        score.arm = score.unit = attack;
        score.name = name + attack;
        score.protocol = attack;
        score.interval = {0, 1, 0.95, attack};
        score.params = {{"w", w}, {attack, attack}};
        stage.add_score(score);
      }
    TimingRow timing;
    timing.op = timing.variant = timing.shape = timing.dtype = timing.device = timing.item_unit = attack;
    timing.seconds = 1;
    stage.add_timing(timing);
    ArtifactRow artifact;
    artifact.name = artifact.path = artifact.hash = attack;
    artifact.kind = "image-grid";
    artifact.meta = {{"arm", attack}};
    stage.add_artifact(artifact);
    stage.add_note(attack);
    stage.commit();
    recorder.finish_run(id, RunStatus::failed, attack);
    ComparisonRow comparison;
    comparison.batch = row.batch;
    comparison.method = comparison.dataset = comparison.metric = comparison.arm_a = comparison.arm_b = attack;
    comparison.protocol = attack;
    comparison.params = {{attack, attack}};
    comparison.interval = {0, 1, 0.95, attack};
    comparison.seeds = {0};
    comparison.differences = {1};
    recorder.add_comparisons({comparison});
    ClaimRow claim;
    claim.batch = row.batch;
    claim.name = claim.method = claim.statement = claim.origin = claim.threshold = claim.note = attack;
    recorder.add_claims({claim});
    PublishedRow published;
    published.batch = row.batch;
    published.method = published.title = published.source = published.label = published.metric = attack;
    published.printed = published.trust = published.trust_meaning = published.note = attack;
    published.value = 1;
    published.settings = {{attack, attack}};
    published.ours = nlohmann::json::array({{{"arm", attack},
                                             {"score", "fd" + attack},
                                             {"protocol", attack},
                                             {"params", {{"w", 1}}},
                                             {"stand_in", true}}});
    recorder.add_published({published});
    timing.batch = row.batch;
    recorder.add_timings({timing});
  }
  const std::string page = html();
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_GT(count_of(page, "&lt;script&gt;"), 40U);
  EXPECT_THAT(page, Not(HasSubstr("alert(1)</script>")));
  std::string text = markdown();
  // Code spans and blocks show markup as it is; outside them there is none.
  text = std::regex_replace(text, std::regex("```[^`]*```"), "");
  text = std::regex_replace(text, std::regex("`[^`\n]*`"), "");
  EXPECT_THAT(text, Not(HasSubstr("<script")));
}

TEST_F(Report, LeavesOutSectionsWithoutContent) {
  {
    Store opened = Store::open_or_create(store);
    Recorder recorder(opened);
    RunRow row;
    row.batch = recorder.begin_batch({});
    row.method = "self_guided";
    recorder.finish_run(recorder.begin_run(row), RunStatus::failed, "out of memory");
  }
  const std::string page = html();
  EXPECT_THAT(page, HasSubstr("<section id=\"overview\""));
  EXPECT_THAT(page, HasSubstr("<section id=\"provenance\""));
  EXPECT_EQ(count_of(page, "<section "), 2U);
  EXPECT_EQ(count_of(page, "<h2>"), 3U) << "contents, overview and how the run was made";
  EXPECT_EQ(count_of(markdown(), "\n## "), 2U);
}

TEST_F(Report, OfAnEmptyStoreIsRefused) {
  { Store::open_or_create(store); }
  EXPECT_THAT(refusal([&] { write(); }), HasSubstr("no runs in this store"));
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

TEST_F(Report, OfABatchWithoutRunsIsRefused) {
  {
    Store opened = Store::open_or_create(store);
    batch = Recorder(opened).begin_batch({});
  }
  EXPECT_THAT(refusal([&] { write(); }), HasSubstr("no runs in batch 1"));
}

TEST_F(Report, OfAMissingStoreBatchOrRunIsRefused) {
  EXPECT_THAT(refusal([&] { write(); }), HasSubstr("no such store"));
  test::fill_small_store(store);
  batch = 77;
  EXPECT_THAT(refusal([&] { write(); }), HasSubstr("no batch 77; known: 1"));
  batch = std::nullopt;
  run = 88;
  EXPECT_THAT(refusal([&] { write(); }), HasSubstr("no run 88"));
}

TEST_F(Report, IntoAFolderThatCannotBeWrittenIsRefused) {
  test::fill_small_store(store);
  ReportOptions options;
  options.store = store;
  options.out = "/proc/report";
  EXPECT_THAT(refusal([&] { write_report(options); }), HasSubstr("/proc/report"));
}

TEST_F(Report, OfOneRunShowsItAlone) {
  test::fill_small_store(store);
  run = 2;
  const std::string text = markdown();
  EXPECT_THAT(text, HasSubstr("1 seed \u00B7"));
  EXPECT_THAT(text, HasSubstr("| `uncond_w0` | 0 | -1 | 134.0 | \\[126.7, 141.3\\] | 1,000 | 1 |"));
  EXPECT_THAT(text, Not(HasSubstr("## Paired differences")));
  EXPECT_THAT(text, Not(HasSubstr("## Claims")));
}

TEST_F(Report, OfKernelTimingsAloneIsAReport) {
  {
    Store opened = Store::open_or_create(store);
    Recorder recorder(opened);
    TimingRow timing;
    BatchRow row;
    row.command = "assay bench --filter moments";
    timing.batch = recorder.begin_batch(row);
    timing.op = "moments";
    timing.device = "cuda";
    timing.bytes = 1e9;
    timing.peak_bytes_per_second = 3e12;
    std::vector<TimingRow> timings;
    for (const double seconds : {0.0006, 0.0004, 0.0005}) {
      timing.seconds = seconds;
      timings.push_back(timing);
    }
    recorder.add_timings(timings);
  }
  const std::string text = markdown();
  // 1 GB in 0.5 ms is 2 TB/s, two thirds of the peak.
  EXPECT_THAT(text, HasSubstr("| `moments` |  | 500 \u00B5s | \\[400, 600\\] | 2.00 TB/s | 67% | 3 |"));
  EXPECT_THAT(text, HasSubstr("assay bench --filter moments"));
}

TEST_F(Report, IsTheSameBytesEachTime) {
  test::fill_full_store(store);
  const ReportFiles files = write();
  const std::string page = read_file(files.html), text = read_file(files.markdown);
  write();
  EXPECT_EQ(read_file(files.html), page);
  EXPECT_EQ(read_file(files.markdown), text);
}

TEST_F(Report, MarkdownLinksToFilesThatExist) {
  test::fill_full_store(store);
  const ReportFiles files = write();
  const std::string text = read_file(files.markdown);
  const std::regex link("!\\[[^\\]]*\\]\\(<?([^)>]+)>?\\)");
  int links = 0;
  for (std::sregex_iterator it(text.begin(), text.end(), link), end; it != end; ++it, ++links)
    EXPECT_TRUE(std::filesystem::exists(files.markdown.parent_path() / (*it)[1].str())) << (*it)[1];
  EXPECT_EQ(links, 22) << "the first page's chart, three charts and eighteen grids";
}

TEST_F(Report, ADifferenceThatTheAdjustedTestDoesNotSupportIsUnclear) {
  test::fill_small_store(store);
  {
    Store opened = Store::open(store);
    Recorder recorder(opened);
    ComparisonRow row = Query(opened).comparisons()[0];
    ProtocolRow protocol = Query(opened).protocols()[0];
    ASSERT_EQ(protocol.name, row.protocol);
    recorder.upsert_protocol(protocol);
    EXPECT_THAT(markdown(), HasSubstr("**better**"));
    row.p_adjusted = 0.08;
    recorder.add_comparisons({row});
  }
  EXPECT_THAT(markdown(), HasSubstr("| 0.080 | 2 | **unclear** |"));
}

}  // namespace
}  // namespace assay
