#include "reports/score_tables.h"

#include <algorithm>
#include <utility>

#include "reports/wording.h"

namespace assay {

std::vector<ScoreTable> tables_by_metric(const std::vector<ScoreGroup>& groups, bool clustering) {
  std::vector<ScoreTable> tables;
  for (const ScoreGroup& group : groups) {
    if (is_clustering(group.name) != clustering) continue;
    const auto found = std::find_if(tables.begin(), tables.end(), [&](const ScoreTable& table) {
      return table.method == group.method && table.tier == group.tier && table.dataset == group.dataset &&
             (clustering || table.name == group.name) && table.protocol_id == group.protocol_id;
    });
    if (found != tables.end())
      found->groups.push_back(&group);
    else
      tables.push_back({group.method, group.tier, group.dataset, group.name, group.protocol_id, {&group}});
  }
  // An arm's rows stand together, by weight.
  for (ScoreTable& table : tables) {
    const std::vector<std::string> arms =
        distinct(table.groups, [](const ScoreGroup* group) { return group->arm + " "; });
    const auto key = [&](const ScoreGroup* group) {
      return std::make_pair(std::find(arms.begin(), arms.end(), group->arm + " ") - arms.begin(),
                            guidance_weight(group->params).value_or(-1e300));
    };
    std::stable_sort(table.groups.begin(), table.groups.end(),
                     [&](const ScoreGroup* a, const ScoreGroup* b) { return key(a) < key(b); });
  }
  return tables;
}

bool has_several_seeds(const std::vector<const ScoreGroup*>& groups) {
  return std::any_of(groups.begin(), groups.end(), [](const ScoreGroup* group) { return group->values.size() > 1; });
}

}  // namespace assay
