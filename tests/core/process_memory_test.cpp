#include "core/process_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace assay {
namespace {

constexpr std::int64_t mebi = 1 << 20;

TEST(ProcessMemory, PeakStaysWhenMemoryIsGivenBack) {
  if (!peak_memory_bytes()) GTEST_SKIP() << "/proc/self/status does not tell memory here";
  const std::int64_t before = process_memory("VmRSS").value();
  // From the system itself: an allocator may keep what it gets back, as that of the address sanitizer does.
  void* const memory = ::mmap(nullptr, 64 * mebi, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memset(memory, 1, 64 * mebi);
  const std::int64_t held = process_memory("VmRSS").value();
  ::munmap(memory, 64 * mebi);
  EXPECT_GE(held, before + 63 * mebi);
  EXPECT_GE(*peak_memory_bytes(), held - mebi);
  EXPECT_LT(*process_memory("VmRSS"), before + 32 * mebi);
}

TEST(ProcessMemory, IsAbsentWhereTheSystemDoesNotTellIt) {
  EXPECT_FALSE(process_memory("VmNone"));
  EXPECT_FALSE(process_memory(""));
  EXPECT_FALSE(process_memory("Name"));  // a line that is no size
}

/// What another start of this program prints; see below.
TEST(ProcessMemory, DISABLED_Print) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("\npeaks %lld %lld\n", static_cast<long long>(*peak_memory_bytes()), usage.ru_maxrss * 1024LL);
}

TEST(ProcessMemory, PeakIsNotThatOfWhoeverStartedTheProgram) {
  if (!peak_memory_bytes()) GTEST_SKIP() << "/proc/self/status does not tell memory here";
  const std::vector<char> touched(256 * mebi, 1);
  std::FILE* pipe =
      ::popen("exec /proc/$PPID/exe --gtest_also_run_disabled_tests --gtest_filter=ProcessMemory.DISABLED_Print", "r");
  ASSERT_NE(pipe, nullptr);
  std::string out;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) out += static_cast<char>(c);
  ASSERT_EQ(::pclose(pipe), 0) << out;
  const auto at = out.find("\npeaks ");
  ASSERT_NE(at, std::string::npos) << out;
  long long own = 0, inherited = 0;
  ASSERT_EQ(std::sscanf(out.c_str() + at, "\npeaks %lld %lld", &own, &inherited), 2);
  EXPECT_LT(own, 128 * mebi);
  EXPECT_GT(own, 0);
  EXPECT_EQ(touched.back(), 1);
  RecordProperty("ru_maxrss", std::to_string(inherited));
}

}  // namespace
}  // namespace assay
