#pragma once
#include <string>
#include <vector>

#include "reports/sections.h"

namespace assay {

/// Takes rows out of the data whose numbers are not finite, which other programs may have written, and says what was
/// left out, a line a row: no mean, interval or drawing can be made of them. An interval that is not finite goes
/// alone, where its value is finite.
std::vector<std::string> leave_out_what_is_not_finite(ReportData& data);

}  // namespace assay
