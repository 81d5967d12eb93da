#pragma once
#include <string>
#include <vector>

#include "reports/pages/charts.h"
#include "reports/pages/document.h"
#include "store/rows.h"

namespace assay {

/// What a paired difference says of its arm A.
enum class Reading { better, worse, unclear, lower, higher };

/// Clear when the interval leaves zero out and the adjusted p-value, if any, agrees.
Reading reading_of(const ComparisonRow& row);
Span reading_chip(Reading reading);

/// Of one arm with itself, B says which of its scores it is.
std::string name_of_b(const ComparisonRow& row);

/// One row a difference. At least one row, all of one metric; `alternative` is left to the caller.
ForestPlot forest_plot(const std::vector<const ComparisonRow*>& rows);
inline constexpr const char* forest_legend = "Square: mean over seeds, with its interval. Dots: single seeds.";

}  // namespace assay
