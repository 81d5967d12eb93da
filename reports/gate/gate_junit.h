#pragma once
#include <string>

#include "reports/gate/gate.h"

namespace assay {

/// As JUnit XML: a suite of quality, one of speed and one of runs, a test case for each series and unfinished run. What
/// regressed fails; undecided and uncompared series are skipped, and so are unfinished runs unless the gate is strict,
/// so that a file with failures goes with exit code 3 and none with 0.
std::string gate_junit(const GateResult& result);

}  // namespace assay
