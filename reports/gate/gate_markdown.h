#pragma once
#include <string>

#include "reports/gate/gate.h"

namespace assay {

/// As Markdown, for a summary of a CI job: a headline, what differs of the environment, a table for each finding but
/// "unchanged", and lists of what was not compared.
std::string gate_markdown(const GateResult& result);

}  // namespace assay
