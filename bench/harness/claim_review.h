#pragma once
#include <optional>
#include <string>
#include <vector>

#include "reproductions/claims/claims.h"
#include "store/query.h"

namespace assay {

/// Which claims, and from what they are judged.
struct ClaimRequest {
  std::optional<std::string> method;  // all, unless given
  std::optional<RowId> batch;       // unless given: for each claim the newest batch of the highest tier that decides it
  std::optional<std::string> tier;  // this tier alone
};

/// The finished runs from which a claim was judged.
struct ClaimSource {
  RowId batch = 0;
  std::string tier;
  std::string dataset;
  std::size_t runs = 0;
};

struct ReviewedClaim {
  ClaimRow row;
  ClaimRule rule;
  std::optional<ClaimSource> source;  // none: not run
};

/// Judges claims anew from the recorded scores, in the order of the table of methods and of their claims.json. A claim
/// is judged from the highest tier in which it is made and which has finished runs, in its newest batch that decides
/// it, about that batch's configuration. A claim without such runs is "not run" and speaks of the preset of the highest
/// tier in which it is made. With a batch given and no method, methods that have no finished run in it are left out.
/// Throws InputError for an unknown method, tier or batch.
std::vector<ReviewedClaim> review_claims(const Query& query, const ClaimRequest& request);

}  // namespace assay
