#pragma once
#include "reports/gate/gate.h"
#include "reports/sections.h"

namespace assay {

/// What a report says of the changes since the baseline: the gate's headline, and a section with what regressed,
/// improved or cannot be decided, what is missing or new, and what differs in the environment.
ReportedChanges reported_changes(const GateResult& result);

}  // namespace assay
