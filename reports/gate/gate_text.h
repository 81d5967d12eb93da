#pragma once
#include <string>
#include <vector>

#include "reports/gate/gate.h"

namespace assay {

// A result in words, the same in every form.

/// "regressed: 2 of 40 series; 1 improved, 36 unchanged, 1 undecided".
std::string headline(const GateResult& result);
/// "batch 41 of 2026-11-29 01:00 UTC against baseline main (batch 30 of 2026-11-18 01:00 UTC)".
std::string compared_words(const GateResult& result);
/// "20.1 -> 22.4: +2.3 [1.1, 3.5], 2 levels"; for speed "1.20 ms -> 1.26 ms per call: 5.0 % slower".
std::string change_words(const JudgedSeries& one);
/// A line for each step: "since batch 39 (run 201): +2.3; code a -> b".
std::vector<std::string> step_words(const JudgedSeries& one);
/// How it was tested, and what counts: "paired t over seeds, p 0.0012, Holm 0.02; counts from 0.9 on; 12 nights".
std::string test_words(const JudgedSeries& one);

/// For a terminal; ends with a line break.
std::string gate_text(const GateResult& result);

}  // namespace assay
