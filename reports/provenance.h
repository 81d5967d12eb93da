#pragma once
#include <string>

#include "store/rows.h"

namespace assay {

/// Anchor of the part that says how the runs of a method, tier and data set were made; every number leads there.
std::string provenance_anchor(const std::string& method, const std::string& tier, const std::string& dataset);

/// The command that makes one run of a batch again, quoted for a shell: the batch's own tier, settings, threads and
/// device, and the seed and method of the run. The store is left to the reader, so that the old one is not written to.
std::string rerun_command(const BatchRow& batch, const RunRow& run);

}  // namespace assay
