#include "tests/fuzz/trial.h"

#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <stdexcept>

#include "core/error.h"
#include "core/file.h"
#include "tests/support/temporary_folder.h"

namespace assay::fuzz {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// What 5 mutations of a file give where each is read so.
TrialResult tried(void (*read)(const fs::path&), bool may_fail = false) {
  const test::TemporaryFolder folder;
  FuzzedReader reader{"made up", "a", [] { return std::vector<Files>{{{"a", "some text 12"}}}; }, read, may_fail};
  TrialRequest request;
  request.count = 5;
  request.seconds_each = 0.2;
  request.folder = folder.path();
  return try_reader(reader, request);
}

std::string first_failure(void (*read)(const fs::path&), bool may_fail = false) {
  const TrialResult result = tried(read, may_fail);
  return result.failures.empty() ? "" : result.failures.front().what;
}

TEST(Trial, CountsWhatIsAcceptedAndWhatIsRefused) {
  const TrialResult accepted = tried([](const fs::path& folder) { static_cast<void>(read_file(folder / "a")); });
  EXPECT_EQ(accepted.accepted, 5U);
  EXPECT_EQ(accepted.refused, 0U);
  EXPECT_THAT(accepted.failures, IsEmpty());
  const TrialResult refused = tried([](const fs::path&) { throw InputError("a: is none"); });
  EXPECT_EQ(refused.accepted, 0U);
  EXPECT_EQ(refused.refused, 5U);
  EXPECT_THAT(refused.failures, IsEmpty());
}

TEST(Trial, GoesOnBehindEachFailure) {
  const TrialResult result = tried([](const fs::path&) { std::raise(SIGSEGV); });
  ASSERT_THAT(result.failures, SizeIs(5));
  EXPECT_EQ(result.failures[4].number, 4U);
  EXPECT_EQ(result.accepted + result.refused, 0U);
}

TEST(Trial, FindsAnotherException) {
  EXPECT_THAT(first_failure([](const fs::path&) { throw std::out_of_range("at 3"); }), HasSubstr("at 3"));
  EXPECT_THAT(first_failure([](const fs::path&) { throw Error("wrong"); }), HasSubstr("instead of InputError: wrong"));
  EXPECT_EQ(first_failure([](const fs::path&) { throw Error("wrong"); }, true), "");
  EXPECT_THAT(first_failure([](const fs::path&) { throw InputError(""); }), HasSubstr("empty message"));
}

TEST(Trial, FindsMemoryThatNoFileCanJustify) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer has its own limit";
#endif
  EXPECT_THAT(first_failure([](const fs::path&) { std::string(std::size_t{1} << 31, 'x'); }), HasSubstr("1 GiB"));
}

TEST(Trial, FindsALoopThatDoesNotEnd) {
  EXPECT_EQ(first_failure([](const fs::path&) {
              volatile int turns = 0;
              while (turns >= 0) turns = (turns + 1) % 1000;
            }),
            "takes too long");
}

TEST(Trial, FindsAFileWrittenOutsideTheFolder) {
  EXPECT_THAT(first_failure([](const fs::path& folder) { std::ofstream(folder / "../../beside") << 1; }),
              HasSubstr("/a/b/beside"));
  EXPECT_THAT(first_failure([](const fs::path&) { std::ofstream("here") << 1; }), HasSubstr("/here"));
  EXPECT_EQ(first_failure([](const fs::path& folder) { std::ofstream(folder / "inside") << 1; }), "");
}

}  // namespace
}  // namespace assay::fuzz
