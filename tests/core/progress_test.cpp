#include "core/progress.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <pty.h>
#include <unistd.h>

#include <cstdlib>
#include <regex>
#include <thread>

namespace assay {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Stands a terminal in the place of stderr, and gives what was written to it.
class TerminalAsStderr {
 public:
  TerminalAsStderr() : before_(::dup(STDERR_FILENO)) {
    int terminal = -1;
    if (::openpty(&reading_, &terminal, nullptr, nullptr, nullptr) != 0) std::abort();
    ::dup2(terminal, STDERR_FILENO);
    ::close(terminal);
    ::fcntl(reading_, F_SETFL, O_NONBLOCK);
  }
  ~TerminalAsStderr() {
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
    ::close(reading_);
  }
  TerminalAsStderr(const TerminalAsStderr&) = delete;
  TerminalAsStderr& operator=(const TerminalAsStderr&) = delete;

  std::string text() const {
    std::string all(65536, '\0');
    const ssize_t size = ::read(reading_, all.data(), all.size());
    all.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return all;
  }

 private:
  int before_, reading_ = -1;
};

/// Long enough for the next update to be shown on a terminal.
void wait_for_the_next_line() { std::this_thread::sleep_for(std::chrono::milliseconds(120)); }

TEST(Progress, DurationsReadAsAPersonWouldSayThem) {
  EXPECT_EQ(duration_text(0), "0.0 s");
  EXPECT_EQ(duration_text(4.24), "4.2 s");
  EXPECT_EQ(duration_text(10), "10 s");
  EXPECT_EQ(duration_text(59.4), "59 s");
  EXPECT_EQ(duration_text(59.6), "1 min 00 s");
  EXPECT_EQ(duration_text(200), "3 min 20 s");
  EXPECT_EQ(duration_text(3599.6), "1 h 00 min");
  EXPECT_EQ(duration_text(3725), "1 h 02 min");
  EXPECT_EQ(duration_text(90061), "25 h 01 min");
}

TEST(Progress, ShowsDoneTotalRateAndTimeLeftThenTheTimeTaken) {
  const TerminalAsStderr terminal;
  {
    Progress progress("train", 40, "steps");
    progress.update(0);
    wait_for_the_next_line();
    progress.update(10, "loss 0.5");
    const std::string running = terminal.text();
    EXPECT_THAT(running, AllOf(StartsWith("\r"), HasSubstr("train: 10/40 steps, "), HasSubstr("/s, "),
                               HasSubstr(" left, loss 0.5")));
    progress.update(40);
  }
  EXPECT_THAT(terminal.text(), AllOf(HasSubstr("train: 40/40 steps"), HasSubstr("took "), HasSubstr("loss 0.5"),
                                     ::testing::EndsWith("\n")));
}

TEST(Progress, RateOfAResumedJobCountsOnlyNewWork) {
  const TerminalAsStderr terminal;
  Progress progress("train", 2000000, "steps");
  progress.update(1000000);
  wait_for_the_next_line();
  progress.update(1000001);
  std::smatch rate;
  const std::string line = terminal.text();
  ASSERT_TRUE(std::regex_search(line, rate, std::regex(R"(steps, ([0-9.e+-]+)/s)"))) << line;
  // One new step in at least 0.12 s; with the million old ones it would be thousands a second.
  EXPECT_LT(std::stod(rate[1]), 9.0);
}

TEST(Progress, RewritesTheLineAtMostTenTimesASecond) {
  const TerminalAsStderr terminal;
  Progress progress("train", 100000, "steps");
  wait_for_the_next_line();
  progress.update(1);
  EXPECT_NE(terminal.text(), "");
  progress.update(2);
  EXPECT_EQ(terminal.text(), "");
}

TEST(Progress, AShortJobLeavesNothingInALog) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress("train", 3, "steps");
    for (int i = 1; i <= 3; ++i) progress.update(i);
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(Progress, SaysNothingWhenSilencedWithoutATotalOrWithoutAnUpdate) {
  const TerminalAsStderr terminal;
  Progress::silence(true);
  {
    Progress progress("train", 3, "steps");
    wait_for_the_next_line();
    progress.update(3);
  }
  Progress::silence(false);
  {
    Progress progress("train", 0, "steps");
    wait_for_the_next_line();
    progress.update(0);
  }
  { const Progress progress("train", 3, "steps"); }
  EXPECT_EQ(terminal.text(), "");
}

}  // namespace
}  // namespace assay
