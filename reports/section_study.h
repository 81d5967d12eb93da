#pragma once
#include "reports/sections.h"

namespace assay {

/// The arms of `assay study guidance-imbalance`, ranked; their rows are in no section of scores or differences.
Section study_section(const ReportData& data);

}  // namespace assay
