#pragma once
#include <string>
#include <vector>

#include "reproductions/claims/claims.h"
#include "reproductions/contrast.h"
#include "store/query.h"

namespace assay {

/// The planned contrasts, and after them one for each difference that a claim is about and no planned one gives.
std::vector<Contrast> contrasts_of(const MethodPlan& plan, const std::vector<Claim>& claims);

/// A claim for which nothing is recorded.
ClaimRow not_run(const Claim& claim, const std::string& method);

/// What an interval says of a rule: supported when the whole interval lies where the rule wants it, contradicted when
/// all of it lies elsewhere, else inconclusive. `below` and `above` leave their bound to neither side; the other rules
/// hold at theirs. A number is the interval [x, x].
Verdict verdict_of(const ClaimRule& rule, double low, double high);

/// The finished runs of a method in a batch, and their scores.
struct FinishedRuns {
  RowId batch;
  std::string method;
  std::vector<RunRow> runs;
  std::vector<ScoreRow> scores;

  FinishedRuns(const Query& query, RowId b, const std::string& m);
};

/// What the finished runs of a batch say.
struct Verdicts {
  std::vector<ComparisonRow> comparisons;
  std::vector<ClaimRow> claims;
};

/// The planned contrasts and the claims of a method over the finished runs of a batch.
///
/// Comparisons, one for each of contrasts_of(): paired Student t over the seeds with Holm's adjustment over the
/// contrasts of one metric; where the runs name a network under `pretrained`, it says that it is one network's. With
/// one seed, or one difference in all of them, the interval is the run's own, over samples, where it recorded one.
/// Contrasts without scores on both sides are left out, and so are those for which an arm has several such scores.
///
/// Claims: the interval of a difference is its comparison's; that of a score is Student's t over the seeds, or, with
/// one seed or one value for all of them, the run's own. Where there is none, a value that the claim calls exact, or
/// that all of several seeds share, is compared itself.
Verdicts judge(const Query& query, RowId batch, const std::string& method, const MethodPlan& plan,
               const std::vector<Claim>& claims);
/// The same of runs that were read before.
Verdicts judge(const FinishedRuns& finished, const MethodPlan& plan, const std::vector<Claim>& claims);

}  // namespace assay
