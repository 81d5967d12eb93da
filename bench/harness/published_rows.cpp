#include "bench/harness/published_rows.h"

#include "reproductions/claims/paper_tables.h"

namespace assay {

std::vector<PublishedRow> published_rows(RowId batch, const MethodEntry& method, const nlohmann::json& config) {
  std::vector<PublishedRow> rows;
  for (PublishedCell& cell : method.published_cells(config)) {
    PublishedRow row;
    row.batch = batch;
    row.method = method.id;
    row.title = std::move(cell.table);
    row.source = std::move(cell.source);
    row.label = std::move(cell.row);
    row.settings = std::move(cell.settings);
    row.metric = std::move(cell.metric);
    row.better = cell.direction;
    row.printed = std::move(cell.printed);
    row.value = cell.value;
    row.n = cell.n;
    row.trust = std::move(cell.trust);
    row.trust_meaning = std::move(cell.trust_meaning);
    row.note = std::move(cell.note);
    row.ours = std::move(cell.ours);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace assay
