#include "bench/harness/batch_result.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "store/query.h"

namespace assay {
namespace {

template <class Row>
std::vector<Row> of_run(const std::vector<Row>& rows, RowId run) {
  std::vector<Row> own;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(own), [&](const Row& row) { return row.run == run; });
  return own;
}

std::vector<ClaimRow> of_method(const std::vector<ClaimRow>& claims, const std::string& method) {
  std::vector<ClaimRow> own;
  std::copy_if(claims.begin(), claims.end(), std::back_inserter(own),
               [&](const ClaimRow& claim) { return claim.method == method; });
  return own;
}

}  // namespace

BatchResult read_batch(const Store& store, RowId batch) {
  const Query query(store);
  RunFilter filter;
  filter.batch = batch;
  const auto scores = query.scores(filter);
  const auto artifacts = query.artifacts(filter);
  const auto notes = query.notes(filter);
  const auto claims = query.claims(batch);
  BatchResult result{batch, {}, query.comparisons(batch)};
  for (RunRow& run : query.runs(filter)) {
    const RowId id = run.id;
    std::vector<ClaimRow> judged = of_method(claims, run.method);
    result.runs.push_back(
        {std::move(run), of_run(scores, id), of_run(artifacts, id), of_run(notes, id), std::move(judged)});
  }
  return result;
}

}  // namespace assay
