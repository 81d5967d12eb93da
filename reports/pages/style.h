#pragma once

namespace assay {

/// The texts of reports/report.css and reports/chart.css.
extern const char* const report_css;
extern const char* const chart_css;

}  // namespace assay
