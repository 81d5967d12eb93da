#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "store/rows.h"

namespace assay {

/// What one batch said of a claim.
struct RecordedVerdict {
  ClaimRow claim;
  std::string recorded_at;  // when the batch began
  std::string tier;         // of the method's finished runs in the batch; empty where there is none
  std::size_t runs = 0;     // finished runs of the method in the batch
};

/// One claim over all batches of a store.
struct LedgerEntry {
  std::vector<RecordedVerdict> history;  // the oldest batch first; at least one
  /// The one that counts: of the highest tier that judged the claim, the newest; the newest one where none did.
  std::size_t counts = 0;

  const RecordedVerdict& current() const { return history[counts]; }
};

/// The claims of a store, those of a method together, in the order in which they were first recorded.
std::vector<LedgerEntry> make_ledger(const std::vector<ClaimRow>& claims, const std::vector<RunRow>& runs,
                                     const std::vector<BatchRow>& batches);

/// "inconclusive in batch 1 (smoke); supported in batch 2, 3 (mini)": equal verdicts of one tier in a row together.
std::string history_words(const LedgerEntry& entry);

}  // namespace assay
