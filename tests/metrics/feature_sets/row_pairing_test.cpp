#include "metrics/feature_sets/row_pairing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace assay {
namespace {

using Names = std::vector<std::string>;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

RowNames rows(const std::string& set, Names names) {
  RowNames out;
  out.set = set;
  out.count = static_cast<std::int64_t>(names.size());
  out.names = std::move(names);
  return out;
}

RowNames unnamed(const std::string& set, std::int64_t count, bool feature_file) {
  return {set, count, {}, feature_file};
}

/// The partners of the names of `a`, in its order.
Names partners(const Names& a, const Names& b, PairRule wanted, std::optional<PairRule> given = std::nullopt) {
  const RowPairing pairing = pair_rows(rows("A", a), rows("B", b), given);
  EXPECT_EQ(pairing.rule, wanted) << pairing.note;
  EXPECT_THAT(pairing.note, HasSubstr("rows of A and B are paired by " + std::string(name_of(wanted))));
  Names out;
  for (const std::int64_t row : pairing.rows) out.push_back(b.at(static_cast<std::size_t>(row)));
  return out;
}

std::string note(const RowNames& a, const RowNames& b) { return pair_rows(a, b).note; }

std::string refusal(const RowNames& a, const RowNames& b, std::optional<PairRule> rule = std::nullopt) {
  try {
    pair_rows(a, b, rule);
  } catch (const InputError& error) {
    return error.what();
  }
  ADD_FAILURE() << "not refused";
  return "";
}

TEST(RowPairing, EqualStemsBelongTogetherWhereverTheyStand) {
  EXPECT_THAT(partners({"a", "b", "c"}, {"c", "a", "b"}, PairRule::stem), ElementsAre("a", "b", "c"));
  EXPECT_THAT(partners({"cat/0", "dog/0"}, {"cat/0", "dog/0"}, PairRule::stem), ElementsAre("cat/0", "dog/0"));
  EXPECT_THAT(note(rows("A", {"a"}), rows("B", {"a"})), Not(HasSubstr("differ")));
}

TEST(RowPairing, NumbersBelongTogetherHoweverTheyArePadded) {
  EXPECT_THAT(partners({"0", "1", "10", "11", "2"}, {"00000", "00001", "00002", "00010", "00011"}, PairRule::number),
              ElementsAre("00000", "00001", "00010", "00011", "00002"));
  const RowNames a = rows("A", {"0", "1", "10"}), b = rows("B", {"0000", "0001", "0010"});
  EXPECT_THAT(note(a, b), HasSubstr("'0' of A with '0000' of B"));
  EXPECT_FALSE(pair_rows(a, b).reorders());
  EXPECT_TRUE(pair_rows(rows("A", {"1", "10", "2"}), rows("B", {"1a", "2a", "10a"})).reorders());
}

TEST(RowPairing, TextAroundTheNumberMayDifferBetweenSetsButNotWithinOne) {
  EXPECT_THAT(partners({"sample_10", "sample_9"}, {"img-00009.v2", "img-00010.v2"}, PairRule::number),
              ElementsAre("img-00010.v2", "img-00009.v2"));
  EXPECT_THAT(partners({"256x256_10", "256x256_9"}, {"s1-09", "s1-10"}, PairRule::number),
              ElementsAre("s1-10", "s1-09"));
  // Two numbers vary, or the text does: what the number counts is not known.
  EXPECT_THAT(partners({"a1", "b2"}, {"1", "2"}, PairRule::order), ElementsAre("1", "2"));
  EXPECT_THAT(partners({"1_1", "1_2", "2_1"}, {"1-1", "1-2", "2-1"}, PairRule::order),
              ElementsAre("1-1", "1-2", "2-1"));
}

TEST(RowPairing, NumbersAreThoseOfTheirClass) {
  EXPECT_THAT(partners({"cat/1", "cat/10", "cat/2", "dog/dog_7"}, {"cat/001", "cat/002", "cat/010", "dog/007"},
                       PairRule::number),
              ElementsAre("cat/001", "cat/010", "cat/002", "dog/007"));
  EXPECT_THAT(partners({"cat/1", "dog/2"}, {"cat/02", "dog/01"}, PairRule::order), ElementsAre("cat/02", "dog/01"));
}

TEST(RowPairing, OtherNamesGoInNaturalOrderWithTheFirstPairThatDiffers) {
  EXPECT_THAT(partners({"a1", "a10", "a2", "b"}, {"k1", "k2", "k10", "m"}, PairRule::order),
              ElementsAre("k1", "k10", "k2", "m"));
  const std::string text = note(rows("A", {"x0", "x1", "x10", "x2"}), rows("B", {"x0", "x1", "x11", "x2"}));
  EXPECT_THAT(text, AllOf(HasSubstr("by order"), HasSubstr("'x10' of A has no partner in B"),
                          HasSubstr("'x10' of A with 'x11' of B")));
}

TEST(RowPairing, OneStemOrNumberTwiceCannotBeUsed) {
  EXPECT_THAT(refusal(rows("A", {"a", "a"}), rows("B", {"a", "a"}), PairRule::stem), HasSubstr("A has 'a' twice"));
  EXPECT_THAT(refusal(rows("A", {"1", "2"}), rows("B", {"1", "01"}), PairRule::number),
              HasSubstr("'1' and '01' of B have the same number"));
  EXPECT_THAT(partners({"a", "a"}, {"a", "a"}, PairRule::order), ElementsAre("a", "a"));
  EXPECT_THAT(note(rows("A", {"a", "a"}), rows("B", {"a", "a"})), HasSubstr("A has 'a' twice"));
}

TEST(RowPairing, AGivenRuleIsUsedOrRefusedWithTheReason) {
  EXPECT_THAT(partners({"1", "10", "2"}, {"2", "10", "1"}, PairRule::number, PairRule::number),
              ElementsAre("1", "10", "2"));
  EXPECT_THAT(partners({"1", "10", "2"}, {"2", "10", "1"}, PairRule::order, PairRule::order),
              ElementsAre("1", "10", "2"));
  EXPECT_THAT(refusal(rows("A", {"1", "2"}), rows("B", {"01", "02"}), PairRule::stem),
              AllOf(HasSubstr("cannot be paired by stem"), HasSubstr("'1' and 1 more of A have no partner in B")));
  EXPECT_THAT(refusal(rows("A", {"a", "b"}), rows("B", {"a", "b"}), PairRule::number),
              HasSubstr("the names of A are not alike but for one number, as 'a'"));
  EXPECT_THAT(refusal(rows("A", {"a", "b"}), unnamed("B", 2, true), PairRule::stem), HasSubstr("B have no names"));
}

TEST(RowPairing, BesideRowsWithoutNamesAFolderGoesInTheOrderThatTheyWereWrittenIn) {
  const RowNames folder = rows("A", {"1", "10", "2"});
  // Features of a folder are written in the order of its names as text, images are numbered as they were made.
  EXPECT_THAT(pair_rows(folder, unnamed("F", 3, true)).rows, ElementsAre(0, 1, 2));
  EXPECT_THAT(pair_rows(folder, unnamed("F", 3, false)).rows, ElementsAre(0, 2, 1));
  EXPECT_THAT(pair_rows(unnamed("F", 3, false), folder).rows, ElementsAre(0, 2, 1));
  EXPECT_THAT(note(folder, unnamed("F", 3, true)), HasSubstr("sorted as text"));
  EXPECT_THAT(note(folder, unnamed("F", 3, false)), HasSubstr("natural order"));
  EXPECT_THAT(note(unnamed("E", 3, true), unnamed("F", 3, true)), HasSubstr("no names"));
}

TEST(RowPairing, SetsOfOtherSizesNameTheFirstWithoutAPartner) {
  EXPECT_THAT(refusal(rows("A", {"0", "1", "2"}), rows("B", {"00", "01", "02", "03"})),
              AllOf(HasSubstr("B and A hold 4 and 3 samples"), HasSubstr("'03' of B has no partner in A")));
  EXPECT_THAT(refusal(rows("A", {"x", "y", "z"}), rows("B", {"x", "z"})), HasSubstr("'y' of A has no partner in B"));
  EXPECT_THAT(refusal(unnamed("A", 3, true), unnamed("B", 2, true)), HasSubstr("2 and 3 samples"));
}

TEST(RowPairing, APairThatIsLeftOutMovesTheOthersUp) {
  Names a = {"1", "10", "11", "2", "3"}, b = {"01", "02", "03", "10", "11"};
  RowPairing pairing = pair_rows(rows("A", a), rows("B", b));
  EXPECT_EQ(pairing.partner_of(4), 2);
  const std::vector<std::int64_t> left_out = {1, 3};  // 10 and 2
  const auto partners = pairing.leave_out(left_out);
  EXPECT_THAT(partners, ElementsAre(1, 3));
  a = {"1", "11", "3"}, b = {"01", "03", "11"};
  EXPECT_EQ(pairing.rows, pair_rows(rows("A", a), rows("B", b)).rows);
}

TEST(RowPairing, AnUnknownRuleNamesTheKnownOnes) {
  EXPECT_EQ(parse_pair_rule("number"), PairRule::number);
  try {
    parse_pair_rule("name");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("stem, number, order"));
  }
}

}  // namespace
}  // namespace assay
