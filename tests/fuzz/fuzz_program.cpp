#include "tests/fuzz/fuzz_program.h"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "core/error.h"
#include "core/nearest.h"
#include "tests/fuzz/mutation.h"
#include "tests/fuzz/trial.h"
#include "tests/support/temporary_folder.h"

#ifdef __SANITIZE_ADDRESS__
/// The sanitizer's own limits, since it cannot live with RLIMIT_AS: memory beyond 1 GiB is a report.
extern "C" const char* __asan_default_options() {  // NOLINT(bugprone-reserved-identifier): the sanitizer's name
  return "max_allocation_size_mb=1024:soft_rss_limit_mb=2048:allocator_may_return_null=0:detect_leaks=0";
}
#endif

namespace assay::fuzz {
namespace {

struct Options {
  std::string reader;  // empty: all
  TrialRequest request;
  std::string write, seeds;  // folders to write files to
};

constexpr const char* usage =
    "usage: %s [--reader NAME] [--mutations N] [--first N] [--seed N] [--seconds S] [--folder DIR] [--messages 1]\n"
    "          [--write DIR | --seeds DIR]\n";

std::optional<Options> parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--reader")
      o.reader = value;
    else if (name == "--mutations")
      o.request.count = std::strtoull(value, nullptr, 10);
    else if (name == "--first")
      o.request.first = std::strtoull(value, nullptr, 10);
    else if (name == "--seed")
      o.request.seed = std::strtoull(value, nullptr, 10);
    else if (name == "--seconds")
      o.request.seconds = std::strtod(value, nullptr);
    else if (name == "--folder")
      o.request.folder = value;
    else if (name == "--messages")
      o.request.messages = std::string(value) == "1";
    else if (name == "--write")
      o.write = value;
    else if (name == "--seeds")
      o.seeds = value;
    else
      return std::nullopt;
  }
  return argc % 2 == 1 ? std::optional(o) : std::nullopt;
}

/// Whether the reader did as it must.
bool try_and_report(const FuzzedReader& reader, const TrialRequest& request) {
  const TrialResult result = try_reader(reader, request);
  const auto tried = result.accepted + result.refused + result.failures.size();
  std::printf("%-12s %8llu mutations: %llu accepted, %llu refused, %zu failures\n", reader.name.c_str(),
              static_cast<unsigned long long>(tried), static_cast<unsigned long long>(result.accepted),
              static_cast<unsigned long long>(result.refused), result.failures.size());
  for (const TrialFailure& failure : result.failures)
    std::printf("  --reader %s --seed %llu --first %llu --mutations 1: %s\n", reader.name.c_str(),
                static_cast<unsigned long long>(request.seed), static_cast<unsigned long long>(failure.number),
                failure.what.c_str());
  std::fflush(stdout);
  return result.failures.empty();
}

int run(const Options& options, const std::vector<FuzzedReader>& readers) {
  if (!options.reader.empty()) find_named(readers, &FuzzedReader::name, "reader", options.reader);
  bool good = true;
  for (const FuzzedReader& reader : readers) {
    if (!options.reader.empty() && reader.name != options.reader) continue;
    if (!options.write.empty()) {
      write_files(options.write, mutated(reader.seeds(), options.request.seed, options.request.first));
    } else if (!options.seeds.empty()) {
      std::size_t number = 0;
      for (const Files& files : reader.seeds())
        if (const auto file = files.find(reader.main_file); file != files.end())
          write_files(options.seeds, {{std::to_string(number++), file->second}});
    } else {
      TrialRequest request = options.request;
      const test::TemporaryFolder own;
      if (request.folder.empty()) request.folder = own.path();
      good = try_and_report(reader, request) && good;
    }
  }
  return good ? 0 : 1;
}

}  // namespace

int fuzz_program(int argc, char** argv, const std::vector<FuzzedReader>& readers) {
  const std::optional<Options> options = parse(argc, argv);
  if (!options) {
    std::fprintf(stderr, usage, argv[0]);
    return 2;
  }
  try {
    return run(*options, readers);
  } catch (const InputError& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 2;
  }
}

}  // namespace assay::fuzz
