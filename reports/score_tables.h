#pragma once
#include <string>
#include <vector>

#include "reports/summary.h"

namespace assay {

/// Groups that belong into one table: of one method, tier, data set, metric and protocol.
struct ScoreTable {
  std::string method, tier, dataset, name;
  RowId protocol_id = 0;
  std::vector<const ScoreGroup*> groups;  // an arm's together, by weight
};

/// The tables in the order of their first group; those of cluster quality alone (all such metrics of one protocol in
/// one table), or all but those. The groups must outlive them.
std::vector<ScoreTable> tables_by_metric(const std::vector<ScoreGroup>& groups, bool clustering);

bool has_several_seeds(const std::vector<const ScoreGroup*>& groups);

}  // namespace assay
