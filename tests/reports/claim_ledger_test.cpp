#include "reports/claim_ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay {
namespace {

/// Batches of one method and one claim.
class Ledger : public ::testing::Test {
 protected:
  void batch(const std::string& tier, Verdict verdict, std::size_t finished = 2, const std::string& began = "") {
    const RowId id = std::ssize(batches) + 1;
    batches.push_back({id, "assay run m", began.empty() ? "2026-11-0" + std::to_string(id) : began, {}});
    for (std::size_t i = 0; i < finished + 1; ++i) {
      RunRow run;
      run.id = std::ssize(runs) + 1;
      run.batch = id;
      run.method = "m";
      run.tier = tier;
      run.status = i < finished ? RunStatus::done : RunStatus::failed;
      runs.push_back(run);
    }
    ClaimRow claim;
    claim.batch = id;
    claim.method = "m";
    claim.name = "C1";
    claim.verdict = verdict;
    claims.push_back(claim);
  }
  LedgerEntry entry() const {
    const std::vector<LedgerEntry> ledger = make_ledger(claims, runs, batches);
    EXPECT_EQ(ledger.size(), 1U);
    return ledger.at(0);
  }

  std::vector<BatchRow> batches;
  std::vector<RunRow> runs;
  std::vector<ClaimRow> claims;
};

TEST_F(Ledger, CountsTheNewestBatchOfTheHighestTier) {
  batch("mini", Verdict::inconclusive);
  batch("mini", Verdict::supported, 5);
  batch("smoke", Verdict::contradicted);
  EXPECT_EQ(entry().current().claim.batch, 2);
  EXPECT_EQ(entry().current().tier, "mini");
  EXPECT_EQ(entry().current().runs, 5U) << "finished ones";
}

TEST_F(Ledger, ABatchThatDidNotJudgeHidesNoneThatDid) {
  batch("smoke", Verdict::supported);
  batch("long", Verdict::not_run);
  EXPECT_EQ(entry().current().claim.batch, 1);
}

TEST_F(Ledger, WhereNoneJudgedTheNewestSpeaks) {
  batch("mini", Verdict::not_run, 0);
  batch("mini", Verdict::not_run, 0);
  EXPECT_EQ(entry().current().claim.batch, 2);
  EXPECT_EQ(entry().current().tier, "") << "nothing finished";
}

TEST_F(Ledger, HistoryFollowsTheClockAndNotTheNumbersOfMergedBatches) {
  batch("mini", Verdict::supported, 2, "2026-11-20");
  batch("mini", Verdict::inconclusive, 2, "2026-11-10");
  EXPECT_EQ(history_words(entry()), "inconclusive in batch 2 (mini); supported in batch 1 (mini)");
  EXPECT_EQ(entry().current().claim.batch, 1);
}

TEST_F(Ledger, HistoryNamesEqualVerdictsTogether) {
  for (int i = 0; i < 4; ++i) batch("mini", Verdict::supported);
  batch("mini", Verdict::contradicted);
  batch("long", Verdict::contradicted);
  EXPECT_EQ(
      history_words(entry()),
      "supported in 4 batches from 1 to 4 (mini); contradicted in batch 5 (mini); contradicted in batch 6 (long)");
}

TEST_F(Ledger, KeepsTheClaimsOfMethodsTogether) {
  batch("mini", Verdict::supported);
  ClaimRow other = claims[0], second = claims[0];
  other.method = "n";
  second.name = "C2";
  claims.push_back(other);
  claims.push_back(second);
  const std::vector<LedgerEntry> ledger = make_ledger(claims, runs, batches);
  ASSERT_EQ(ledger.size(), 3U);
  EXPECT_EQ(ledger[1].current().claim.name, "C2");
  EXPECT_EQ(ledger[2].current().claim.method, "n");
  EXPECT_EQ(ledger[2].current().runs, 0U);
}

}  // namespace
}  // namespace assay
