#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "images/png.h"
#include "store/store.h"
#include "tests/end_to_end/program.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using test::Outcome;
using test::run_program;
using test::TemporaryFolder;
using test::Words;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// The program alone: the folder of its libraries is not beside it.
class ProgramAlone : public ::testing::Test {
 protected:
  ProgramAlone() {
    std::filesystem::create_directory(folder / "bin");
    std::filesystem::copy_file(ASSAY_BINARY, program());
  }
  std::filesystem::path program() const { return folder / "bin" / "assay"; }
  Outcome run(const Words& arguments) const { return run_program(program(), arguments); }

  TemporaryFolder folder;
};

void expect_done(const Outcome& outcome) { EXPECT_EQ(outcome.exit_code, 0) << outcome.err; }

TEST_F(ProgramAlone, ListsReportsAndHelpsWithoutLibTorch) {
  const std::string store = (folder / "a.db").string();
  Store::open_or_create(store);
  for (const Words& arguments :
       {Words{"--version"}, Words{"--help"}, Words{"run", "--help"}, Words{"metric", "generative", "--help"},
        Words{"doctor"}, Words{"list", "methods"}, Words{"list", "protocols"}, Words{"list", "models"},
        Words{"list", "claims"}, Words{"claims", "--store", store}, Words{"dataset", "list"},
        Words{"dataset", "info", "shapes"}, Words{"report", "--store", store, "--out", (folder / "report").string()}}) {
    SCOPED_TRACE(::testing::PrintToString(arguments));
    const Outcome outcome = run(arguments);
    // A store without runs has no report, which is said without LibTorch too.
    if (arguments.front() == "report")
      EXPECT_THAT(outcome.err, AllOf(StartsWith("assay: "), Not(HasSubstr("LibTorch"))));
    else
      expect_done(outcome);
  }
}

TEST_F(ProgramAlone, ScoresMasksBoxesAndLabelsWithoutLibTorch) {
  for (const char* side : {"pred", "truth"}) {
    std::filesystem::create_directory(folder / side);
    Image image(8, 8, 1);
    for (std::size_t i = 0; i < image.pixels.size() / 2; ++i) image.pixels[i] = 255;
    write_png(folder / side / "a.png", image);
  }
  expect_done(
      run({"metric", "saliency", "--prediction", (folder / "pred").string(), "--truth", (folder / "truth").string()}));
  const std::string labels = folder.file("labels.txt", "0\n1\n1\n0\n").string();
  expect_done(run({"metric", "clustering", "--prediction", labels, "--truth", labels}));
  const std::string boxes = folder.file("boxes.json", R"({"a": [0, 0, 4, 4], "b": [1, 1, 3, 3]})").string();
  expect_done(run({"metric", "corloc", "--prediction", boxes, "--truth", boxes}));
}

TEST_F(ProgramAlone, SaysInOneLineWhatACommandLacks) {
  const Outcome outcome = run({"run", "self_guided", "--store", (folder / "a.db").string()});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, AllOf(StartsWith("assay: this command needs LibTorch "), HasSubstr("libassay_torch.so"),
                                 HasSubstr("`make`")));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(folder / "a.db"));
}

TEST_F(ProgramAlone, RefusesBadInputBeforeItLooksForLibTorch) {
  EXPECT_EQ(run({"run", "--seed", "3"}).exit_code, 2);
  EXPECT_EQ(run({"metric", "generative"}).exit_code, 2);
}

/// As after an update that left the program as it was: another library under LibTorch's name.
TEST(AnotherLibTorch, IsOneLine) {
  const TemporaryFolder folder;
  std::ofstream(folder / "libc10.so") << "not a library";
  ::setenv("LD_LIBRARY_PATH", folder.path().c_str(), 1);
  const Outcome outcome = run_program(ASSAY_BINARY, {"run", "self_guided", "--dry-run"});
  ::unsetenv("LD_LIBRARY_PATH");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, AllOf(StartsWith("assay: this command needs LibTorch "), HasSubstr("libc10.so")));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
}

/// As after an update whose libraries have all that this program names, so that nothing but their version tells.
TEST(AnotherLibTorch, IsOneLineWhereItLoads) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the address sanitizer must be loaded first";
#endif
  const TemporaryFolder folder;
  ::setenv("LD_PRELOAD", ASSAY_LIBTORCH_2_4, 1);
  const Outcome outcome = run_program(ASSAY_BINARY, {"run", "self_guided", "--store", (folder / "a.db").string()});
  ::unsetenv("LD_PRELOAD");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, AllOf(StartsWith("assay: LibTorch 2.4.0 was loaded"), HasSubstr("make")));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(folder / "a.db"));
}

}  // namespace
}  // namespace assay
