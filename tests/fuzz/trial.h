#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tests/fuzz/fuzzed_reader.h"

namespace assay::fuzz {

struct TrialRequest {
  std::uint64_t seed = 1;
  std::uint64_t first = 0, count = 1000;  // numbers of mutations
  double seconds = 0.0;                   // begins no mutation after this long; 0: goes to the end
  double seconds_each = 5.0;              // of processor time that one may take
  std::filesystem::path folder;           // an empty one, for the files
  bool messages = false;                  // prints what each refusal says
};

/// What a reader did that it must not.
struct TrialFailure {
  std::uint64_t number = 0;
  std::string what;
};

struct TrialResult {
  std::uint64_t accepted = 0, refused = 0;
  std::vector<TrialFailure> failures;  // the first few
};

/// Gives a reader the mutations of its seeds, in a process of its own. It must accept each, or refuse it by InputError
/// with a message (Error where it may fail). Failures are a crash or a sanitizer's report, another exception, more than
/// 1 GiB of memory, more time than is allowed, and a file written outside the folder that was read.
TrialResult try_reader(const FuzzedReader& reader, const TrialRequest& request);

}  // namespace assay::fuzz
