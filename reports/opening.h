#pragma once
#include <vector>

#include "reports/sections.h"

namespace assay {

/// The first page: pictures of the arm that the main comparison is about and of what it is compared with beside real
/// images, one chart (the headline score against w, else the main paired differences), the verdicts by count, and what
/// must be known before anything is believed. Of several methods and data sets the first that has pictures, else the
/// first. Empty where the store holds nothing of this.
Opening opening_of(const ReportData& data, const std::vector<ScoreGroup>& groups);

}  // namespace assay
