#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace assay {

struct ConfiguredMethod;

/// What `assay run` was asked for.
struct RunRequest {
  std::vector<std::string> methods;  // ids, or {"all"}
  std::string tier = "smoke";
  std::string dataset;  // empty: the preset's
  std::string device = "auto";
  std::vector<std::int64_t> seeds = {0};
  std::vector<std::string> settings;  // "a.b=value"
  std::filesystem::path store;
  int threads = 0;                 // CPU threads in all; 0: as many as LibTorch would use
  double checkpoint_seconds = 20;  // between the states that an interrupted training goes on from
  std::string command;             // as typed, for the record
};

/// "3" -> 0, 1, 2; "0,3,7" -> those. Throws InputError for an empty text, a repeated seed, or what is not a number.
std::vector<std::int64_t> parse_seeds(const std::string& text);

/// The ids of the methods that are asked for, sorted, each once; "all" stands for every method. Throws InputError where
/// none is asked for or one is unknown.
std::vector<std::string> method_ids(const std::vector<std::string>& asked);

/// The CPU threads that a request asks for; for 0, LibTorch's number. Throws InputError outside 0 ... 1024.
int thread_total(int asked);

/// A method with what was asked for: the tier's preset, the data set, then every setting. Throws InputError.
ConfiguredMethod configured_method(const std::string& method, const RunRequest& request);

}  // namespace assay
