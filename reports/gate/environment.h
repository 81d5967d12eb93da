#pragma once
#include <map>
#include <string>
#include <vector>

#include "store/history.h"

namespace assay {

/// What a batch was made with, by what it is: "code", "device", "driver", "cpu", "cores", "os", "threads",
/// "library eigen", ... Several values of one batch are joined by " and ".
using Environment = std::map<std::string, std::string>;

struct EnvironmentChange {
  std::string what;
  std::string before;  // empty where nothing was recorded
  std::string after;
};

/// Of every batch that has runs or timings. Of the machine, memory is left out: it says how much is free for the
/// system.
std::map<RowId, Environment> environments(const std::vector<BatchRow>& batches, const std::vector<RunRow>& runs,
                                          const History& history);

/// What differs, in the order of the names. What only one of them says differs too.
std::vector<EnvironmentChange> changes_between(const Environment& before, const Environment& after);

/// "code 0.1.0+a -> 0.1.0+b; library libtorch 2.10.0 -> 2.11.0"; empty where nothing changed.
std::string in_words(const std::vector<EnvironmentChange>& changes);

}  // namespace assay
