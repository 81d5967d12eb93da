#pragma once
#include <nlohmann/json.hpp>
#include <vector>

#include "reproductions/method_entry.h"
#include "store/rows.h"

namespace assay {

/// The numbers that a method's paper and others published, to be recorded with a batch of this configuration. Throws
/// InputError as read_paper_tables().
std::vector<PublishedRow> published_rows(RowId batch, const MethodEntry& method, const nlohmann::json& config);

}  // namespace assay
