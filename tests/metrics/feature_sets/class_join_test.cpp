#include "metrics/feature_sets/class_join.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace assay {
namespace {

using Names = std::vector<std::string>;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// A set of these names with `count` images each, in the order given; label k is the place of the name.
FeatureSet named(const std::string& name, const std::vector<std::pair<std::string, int>>& counts) {
  FeatureSet set;
  set.name = name;
  for (const auto& [class_name, count] : counts) {
    set.labels.insert(set.labels.end(), static_cast<std::size_t>(count),
                      static_cast<std::int64_t>(set.class_names.size()));
    set.class_names.push_back(class_name);
  }
  return set;
}

FeatureSet numbered(const std::string& name, std::vector<std::int64_t> labels) {
  FeatureSet set;
  set.name = name;
  set.labels = std::move(labels);
  return set;
}

/// The class of each image as the set says it now.
Names classes_of(const FeatureSet& set) {
  Names out;
  for (const std::int64_t label : set.labels) out.push_back(class_text(label, set.class_names));
  return out;
}

std::string only_note(const ClassJoin& join) {
  EXPECT_EQ(join.notes.size(), 1u);
  return join.notes.empty() ? "" : join.notes[0];
}

std::string refusal(FeatureSet reference, FeatureSet generated) {
  try {
    join_classes(reference, generated);
  } catch (const InputError& error) {
    return error.what();
  }
  ADD_FAILURE() << "not refused";
  return "";
}

auto lone(const std::string& name, std::int64_t images) {
  return AllOf(Field(&LoneClass::name, name), Field(&LoneClass::images, images));
}

TEST(ClassJoin, AClassThatGeneratedLacksDoesNotMoveTheOthers) {
  FeatureSet reference = named("REF", {{"cat", 1}, {"dog", 40}, {"fox", 2}}),
             generated = named("GEN", {{"cat", 2}, {"fox", 1}});
  const ClassJoin join = join_classes(reference, generated);
  EXPECT_TRUE(join.by_name);
  EXPECT_EQ(reference.class_names, generated.class_names);
  EXPECT_THAT(classes_of(generated), ElementsAre("cat", "cat", "fox"));
  EXPECT_EQ(reference.labels.back(), generated.labels.back());
  EXPECT_THAT(join.reference_alone, ElementsAre(lone("dog", 40)));
  EXPECT_THAT(join.generated_alone, IsEmpty());
  EXPECT_THAT(only_note(join), HasSubstr("class 'dog' (40 images) is in REF alone"));
}

TEST(ClassJoin, WhatEitherSideAloneHasIsSaidOfBoth) {
  FeatureSet reference = named("REF", {{"cat", 2}, {"dog", 3}, {"fox", 4}});
  FeatureSet generated = named("GEN", {{"dog", 1}, {"fox", 1}, {"owl", 1}, {"yak", 5}});
  const ClassJoin join = join_classes(reference, generated);
  EXPECT_EQ(reference.class_names, (Names{"cat", "dog", "fox", "owl", "yak"}));
  EXPECT_THAT(classes_of(generated), ElementsAre("dog", "fox", "owl", "yak", "yak", "yak", "yak", "yak"));
  EXPECT_THAT(join.generated_alone, ElementsAre(lone("owl", 1), lone("yak", 5)));
  EXPECT_THAT(only_note(join), AllOf(HasSubstr("class 'cat' (2 images) is in REF alone"),
                                     HasSubstr("2 classes (6 images) are in GEN alone: 'owl' (1), 'yak' (5)")));
}

TEST(ClassJoin, NamesOfOneWordInTwoSpellingsStayApartAndAreSaid) {
  FeatureSet reference = named("REF", {{"cat", 1}, {"dog", 1}, {"fox", 1}}),
             generated = named("GEN", {{"Dog", 2}, {"cat", 1}, {"fox", 1}});
  const ClassJoin join = join_classes(reference, generated);
  EXPECT_EQ(reference.class_names, (Names{"Dog", "cat", "dog", "fox"}));
  EXPECT_THAT(classes_of(generated), ElementsAre("Dog", "Dog", "cat", "fox"));
  ASSERT_EQ(join.notes.size(), 2u);
  EXPECT_THAT(join.notes[1], AllOf(HasSubstr("'dog' and 'Dog'"), HasSubstr("exactly")));
  FeatureSet padded = named("REF", {{"01", 1}, {"polar_bear", 1}, {"owl", 1}}),
             plain = named("GEN", {{"1", 1}, {"polar bear", 1}, {"yak", 1}});
  EXPECT_THAT(join_classes(padded, plain).notes[1],
              AllOf(HasSubstr("'01' and '1', 'polar_bear' and 'polar bear'"), Not(HasSubstr("owl"))));
}

TEST(ClassJoin, EqualClassesNeedNoNote) {
  FeatureSet reference = named("REF", {{"cat", 3}, {"dog", 1}}), generated = named("GEN", {{"dog", 2}, {"cat", 1}});
  const ClassJoin join = join_classes(reference, generated);
  EXPECT_THAT(join.notes, IsEmpty());
  EXPECT_THAT(classes_of(generated), ElementsAre("dog", "dog", "cat"));
  EXPECT_THAT(reference.labels, ElementsAre(0, 0, 0, 1));
}

TEST(ClassJoin, NamesStandInNaturalOrder) {
  FeatureSet reference = named("REF", {{"1", 1}, {"10", 1}, {"2", 1}}), generated = named("GEN", {{"10", 1}, {"2", 1}});
  join_classes(reference, generated);
  EXPECT_EQ(reference.class_names, (Names{"1", "2", "10"}));
  EXPECT_THAT(reference.labels, ElementsAre(0, 2, 1));
  EXPECT_THAT(generated.labels, ElementsAre(2, 1));
}

TEST(ClassJoin, ANameThatNoImageHasIsNoClassOfThatSide) {
  FeatureSet reference = named("REF", {{"cat", 1}, {"dog", 2}}),
             generated = named("GEN", {{"cat", 1}, {"dog", 0}, {"owl", 0}});
  const ClassJoin join = join_classes(reference, generated);
  EXPECT_EQ(reference.class_names, (Names{"cat", "dog"}));
  EXPECT_THAT(join.reference_alone, ElementsAre(lone("dog", 2)));
  EXPECT_THAT(join.generated_alone, IsEmpty());
}

TEST(ClassJoin, NumbersOnBothSidesAreJoinedAsNumbersAndSaid) {
  FeatureSet reference = numbered("REF", {0, 2, 2, -1}), generated = numbered("GEN", {2, 10});
  const ClassJoin join = join_classes(reference, generated);
  EXPECT_FALSE(join.by_name);
  EXPECT_THAT(reference.labels, ElementsAre(0, 2, 2, -1));
  EXPECT_THAT(join.reference_alone, ElementsAre(lone("-1", 1), lone("0", 1)));
  ASSERT_EQ(join.notes.size(), 2u);
  EXPECT_THAT(join.notes[0], AllOf(HasSubstr("by number"), HasSubstr("neither REF nor GEN has class names")));
  EXPECT_THAT(join.notes[1], HasSubstr("class 10 (1 image) is in GEN alone"));
}

TEST(ClassJoin, FoldersNamedByNumberAreThatNumberOfTheOtherSide) {
  for (const bool swap : {false, true}) {
    FeatureSet folders = named("TREE", {{"0", 1}, {"1", 1}, {"10", 2}, {"2", 1}}),
               file = numbered("FILE", {10, 2, 0, 1});
    const ClassJoin join = swap ? join_classes(file, folders) : join_classes(folders, file);
    EXPECT_FALSE(join.by_name);
    EXPECT_THAT(folders.labels, ElementsAre(0, 1, 10, 10, 2));
    EXPECT_THAT(folders.class_names, IsEmpty());
    EXPECT_THAT(join.reference_alone, IsEmpty());
    EXPECT_THAT(only_note(join), AllOf(HasSubstr("FILE has no class names"), HasSubstr("those of TREE are numbers")));
  }
}

TEST(ClassJoin, NamesBesideNumbersAreRefusedWithWhatCanBeDone) {
  const FeatureSet named_set = named("REF", {{"cat", 1}, {"dog", 1}, {"fox", 1}, {"owl", 1}});
  const FeatureSet numbers = numbered("GEN", {0, 1, 2, 0, 3});
  for (const std::string& text : {refusal(named_set, numbers), refusal(numbers, named_set)})
    EXPECT_THAT(text, AllOf(HasSubstr("REF has class names (cat, dog, fox and 1 more)"),
                            HasSubstr("GEN has numbers alone (0, 1, 2 and 1 more)"), HasSubstr("`class_names`")));
  FeatureSet spoilt = numbers;
  spoilt.notes = {"GEN: logits are 7 wide", "GEN: class_names are not all different, and were not used"};
  EXPECT_THAT(refusal(named_set, spoilt), HasSubstr("(0, 1, 2 and 1 more; GEN: class_names are not all different"));
  // A number with zeros in front, a sign or beyond int64 is a name.
  for (const char* name : {"00", "+1", "-1", "99999999999999999999", "1.0", " 1", ""})
    EXPECT_THAT(refusal(named("REF", {{"0", 1}, {name, 1}}), numbers), HasSubstr("cannot be joined")) << name;
}

TEST(ClassJoin, WhatASetLacksOrContradictsIsRefusedByName) {
  const FeatureSet whole = named("REF", {{"cat", 1}});
  EXPECT_THAT(refusal(whole, numbered("GEN", {})), HasSubstr("GEN: holds no labels"));
  FeatureSet beyond = named("GEN", {{"cat", 1}});
  beyond.labels.push_back(1);
  EXPECT_THAT(refusal(whole, beyond), HasSubstr("GEN: holds label 1 and 1 class names"));
  beyond.labels.back() = -1;
  EXPECT_THAT(refusal(whole, beyond), HasSubstr("GEN: holds label -1"));
  EXPECT_THAT(refusal(whole, named("GEN", {{"cat", 1}, {"cat", 1}})), HasSubstr("GEN: names class 'cat' twice"));
}

TEST(ClassJoin, ALongListIsCutAndCounted) {
  std::vector<std::pair<std::string, int>> many = {{"cat", 1}};
  for (int i = 0; i < 100; ++i) many.emplace_back(fmt::format("c{}", i), 2);
  FeatureSet reference = named("REF", many), generated = named("GEN", {{"cat", 1}});
  EXPECT_THAT(only_note(join_classes(reference, generated)),
              HasSubstr("100 classes (200 images) are in REF alone: 'c0' (2), 'c1' (2), 'c2' (2), 'c3' (2), 'c4' (2) "
                        "and 95 more"));
}

}  // namespace
}  // namespace assay
