#include "tests/fuzz/trial.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string_view>

#include "core/elapsed.h"
#include "core/error.h"
#include "core/phrases.h"
#include "core/process_memory.h"
#include "core/progress.h"
#include "tests/fuzz/mutation.h"

namespace assay::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_failures = 20;
constexpr int reader_failed = 3;  // exit code of a process that has said why

/// What the process that reads leaves behind, however it ends.
struct Shared {
  std::uint64_t next, accepted, refused;
  char what[400];
};

/// Memory that both processes see.
class SharedMemory {
 public:
  SharedMemory()
      : shared_(static_cast<Shared*>(
            ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
    if (shared_ == MAP_FAILED) throw Error("no memory to share");
  }
  ~SharedMemory() { ::munmap(shared_, sizeof(Shared)); }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  Shared& operator*() const { return *shared_; }

 private:
  Shared* shared_;
};

/// Refuses memory beyond 1 GiB more than there is now. The address sanitizer, which reserves all addresses, has its own
/// option (fuzz_program.cpp).
void limit_memory() {
#ifndef __SANITIZE_ADDRESS__
  const auto now = static_cast<rlim_t>(process_memory("VmSize").value_or(0));
  const rlimit limit{now + (rlim_t{1} << 30), RLIM_INFINITY};
  ::setrlimit(RLIMIT_AS, &limit);
#endif
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
}

/// Ends the process by a signal after so much processor time, which does not grow while others work.
void limit_time(double seconds) {
  itimerval timer{};
  timer.it_value.tv_sec = static_cast<time_t>(seconds);
  timer.it_value.tv_usec = static_cast<suseconds_t>((seconds - static_cast<double>(timer.it_value.tv_sec)) * 1e6);
  ::setitimer(ITIMER_PROF, &timer, nullptr);
}

/// Empty where the reader has accepted or refused the files as it may.
std::string try_once(const FuzzedReader& reader, const fs::path& folder, bool messages, Shared& shared) {
  try {
    reader.read(folder);
    ++shared.accepted;
    return "";
  } catch (const Error& error) {
    const bool input = dynamic_cast<const InputError*>(&error) != nullptr;
    if (messages) std::printf("%s%s\n", input ? "" : "(Error) ", one_line(error.what()).c_str());
    if (!input && !reader.may_fail) return fmt::format("Error instead of InputError: {}", error.what());
    if (std::string_view(error.what()).empty()) return "an empty message";
    ++shared.refused;
    return "";
  } catch (const std::bad_alloc&) {
    return "asks for more than 1 GiB of memory";
  } catch (const std::exception& error) {
    return fmt::format("an exception that is no InputError: {}", error.what());
  }
}

[[noreturn]] void read_all(const FuzzedReader& reader, const std::vector<Files>& seeds, const TrialRequest& request,
                           const fs::path& inside, std::chrono::steady_clock::time_point start, Shared& shared) {
  limit_memory();
  Progress::silence(true);
  for (; shared.next < request.first + request.count; ++shared.next) {
    if (request.seconds > 0 && seconds_since(start) > request.seconds) break;
    fs::remove_all(inside);
    fs::create_directories(inside);
    write_files(inside, mutated(seeds, request.seed, shared.next));
    limit_time(request.seconds_each);
    const std::string what = try_once(reader, inside, request.messages, shared);
    limit_time(0);
    if (what.empty()) continue;
    std::fflush(stdout);
    const std::string cut = one_line(what).substr(0, sizeof(shared.what) - 1);
    std::copy_n(cut.c_str(), cut.size() + 1, shared.what);
    ::_exit(reader_failed);
  }
  std::fflush(stdout);
  ::_exit(0);
}

std::string description(int status, const Shared& shared) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == reader_failed) return static_cast<const char*>(shared.what);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF) return "takes too long";
  if (WIFSIGNALED(status)) return fmt::format("crashes: signal {}", WTERMSIG(status));
  return fmt::format("ends the process with code {}: a sanitizer's report?", WEXITSTATUS(status));
}

/// A file or folder below `whole` that is neither `inside` or below it, nor above it; empty where there is none.
std::string written_outside(const fs::path& whole, const fs::path& inside) {
  const std::string within = inside.string() + "/";
  for (const auto& entry : fs::recursive_directory_iterator(whole)) {
    const std::string name = entry.path().string() + "/";
    if (!name.starts_with(within) && !within.starts_with(name)) return entry.path().string();
  }
  return "";
}

}  // namespace

TrialResult try_reader(const FuzzedReader& reader, const TrialRequest& request) {
  const auto start = std::chrono::steady_clock::now();
  // Deep enough that some steps upwards stay below the folder that is looked at afterwards.
  const fs::path inside = fs::absolute(request.folder) / "a/b/c/read";
  const std::vector<Files> seeds = reader.seeds();
  const SharedMemory memory;
  Shared& shared = *memory;
  shared.next = request.first;
  TrialResult result;
  fs::create_directories(inside);
  while (result.failures.size() < most_failures) {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child < 0) throw Error("cannot start a process");
    if (child == 0) {
      // Also relative paths must not leave anything.
      fs::create_directories(inside);
      fs::current_path(inside.parent_path());
      read_all(reader, seeds, request, inside, start, shared);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (const std::string outside = written_outside(fs::absolute(request.folder), inside); !outside.empty()) {
      result.failures.push_back({shared.next, "somewhere before this number writes outside its folder: " + outside});
      break;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
    result.failures.push_back({shared.next, description(status, shared)});
    ++shared.next;
  }
  result.accepted = shared.accepted;
  result.refused = shared.refused;
  return result;
}

}  // namespace assay::fuzz
