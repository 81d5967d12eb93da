#include "diffusion/text/byte_pairs.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(BytePairs, MergeWhatOccursMostOften) {
  // aab five times, ab once: a b</w> stands six times, then a ab</w> five.
  EXPECT_THAT(learn_merges({"aab aab aab", "aab ab aab"}, 10), ElementsAre(Pair("a", "b</w>"), Pair("a", "ab</w>")));
}

TEST(BytePairs, TiesGoToThePairThatSortsFirst) {
  EXPECT_THAT(learn_merges({"xy ab xy ab"}, 1), ElementsAre(Pair("a", "b</w>")));
}

TEST(BytePairs, PairsThatOccurOnceAreNotMerged) {
  EXPECT_THAT(learn_merges({"abc"}, 5), IsEmpty());
  EXPECT_THAT(learn_merges({}, 5), IsEmpty());
}

TEST(BytePairs, TheOrderOfCaptionsDoesNotMatter) {
  std::vector<std::string> captions = {"a red circle", "two blue squares", "a blue circle", "three red squares"};
  const Merges expected = learn_merges(captions, 12);
  EXPECT_EQ(expected.size(), 12U);
  std::reverse(captions.begin(), captions.end());
  EXPECT_EQ(learn_merges(captions, 12), expected);
}

TEST(BytePairs, CaseAndWhiteSpaceAreThoseOfTheTokenizer) {
  EXPECT_EQ(learn_merges({"Red  RED"}, 5), learn_merges({"red red"}, 5));
}

TEST(BytePairs, RunsOfOneByteAreMergedFromTheLeft) {
  // a a a</w> twice: the pair a a stands twice in aaa as a text of two words, a a</w> too; a a sorts first.
  EXPECT_THAT(learn_merges({"aaa aaa"}, 5), ElementsAre(Pair("a", "a"), Pair("aa", "a</w>")));
}

}  // namespace
}  // namespace assay
