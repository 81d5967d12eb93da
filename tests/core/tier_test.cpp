#include "core/tier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Tier, IsFoundByItsName) {
  EXPECT_THAT(names_of(all_tiers()), ElementsAre("smoke", "mini", "long", "paper"));
  for (const Tier tier : all_tiers()) EXPECT_EQ(find_tier(name_of(tier), all_tiers(), "--tier"), tier);
}

TEST(Tier, ThatIsNotAcceptedIsRefusedWithTheNearest) {
  EXPECT_THAT(test::message_of<InputError>([] { find_tier("smok", all_tiers(), "--tier"); }),
              AllOf(HasSubstr("--tier: "), HasSubstr("did you mean 'smoke'?")));
  EXPECT_THAT(test::message_of<InputError>([] { find_tier("paper", {Tier::smoke}, "toy"); }),
              AllOf(HasSubstr("toy: unknown tier 'paper'"), Not(HasSubstr("mini"))));
}

}  // namespace
}  // namespace assay
