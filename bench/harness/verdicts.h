#pragma once
#include <vector>

#include "reproductions/method.h"
#include "store/query.h"
#include "store/recorder.h"

namespace assay {

/// The planned contrasts over the finished runs of a batch: paired Student t over the seeds with Holm's adjustment over
/// the contrasts of one metric. With one seed the interval is the run's own, over samples, where it recorded one.
/// Contrasts without scores on both sides are left out.
std::vector<ComparisonRow> judge_contrasts(const Query& query, RowId batch, const std::string& method,
                                           const std::string& dataset, const MethodPlan& plan);

/// The planned claims, decided by those comparisons (reproductions/method.h, ClaimRule).
std::vector<ClaimRow> judge_claims(RowId batch, const std::string& method, const MethodPlan& plan,
                                   const std::vector<ComparisonRow>& comparisons);

}  // namespace assay
