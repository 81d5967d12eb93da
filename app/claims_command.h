#pragma once
#include <string>

#include "bench/harness/claim_review.h"

namespace assay {

/// What `assay claims` is asked for.
struct ClaimsCommand {
  std::string store = "results/assay.db";
  ClaimRequest request;
  bool json = false;
};

/// Judges the claims and prints them, as a table or as one JSON object {"claims": [...]}; returns the exit code 0.
/// Throws InputError for what is no store, and as review_claims.
int claims_action(const ClaimsCommand& options);

}  // namespace assay
