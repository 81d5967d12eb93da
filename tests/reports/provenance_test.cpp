#include "reports/provenance.h"

#include <gtest/gtest.h>

namespace assay {
namespace {

TEST(Provenance, CommandAsksForTheOneSeedWithTheSettingsOfItsBatch) {
  BatchRow batch;
  batch.command = "assay run all --tier mini --dataset emoji --seeds 5 --set 'a=b c'";
  batch.config = {{"settings", {"a=b c", "train.steps=500"}}, {"device", "cpu"}, {"threads", 2}, {"seeds", {0, 1}}};
  RunRow run;
  run.method = "maskdm";
  run.tier = "mini";
  run.dataset = "emoji";
  run.seed = 3;
  EXPECT_EQ(rerun_command(batch, run),
            "assay run maskdm --tier mini --seeds 3, --dataset emoji --set 'a=b c' --set train.steps=500 --device cpu "
            "--threads 2 --store again.db");
}

TEST(Provenance, CommandOfABatchThatRecordedNoSettingsNamesWhatTheRunSays) {
  RunRow run;
  run.method = "m";
  run.tier = "smoke";
  run.dataset = "shapes";
  EXPECT_EQ(rerun_command({}, run), "assay run m --tier smoke --seeds 0, --store again.db");
}

TEST(Provenance, AnchorHoldsNothingThatALinkWouldReadOtherwise) {
  EXPECT_EQ(provenance_anchor("self_guided", "mini", "my set/2"), "made-self_guided-mini-my_set_2");
}

}  // namespace
}  // namespace assay
