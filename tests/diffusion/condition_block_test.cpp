#include "diffusion/condition_block.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::indices;
using test::message_of;
using test::same_bits;
using test::values;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// Labels of three classes, two clusters with a layout of one channel, and rows of two with a layout of two.
std::vector<ConditionBlock> three_blocks() {
  std::vector<ConditionBlock> blocks = {{"label", 3, {0, 1, 2, 0}}, {"box", 2, {1, 0, 1, 0}}, {"mask", 2, {}}};
  blocks[1].layout = at::arange(4 * 1 * 2, at::kFloat).view({4, 1, 1, 2});
  blocks[2].rows = values({1, 1, 0, 1, 1, 0, 0, 0}, {4, 2});
  blocks[2].layout = at::arange(100, 100 + 4 * 2 * 2, at::kFloat).view({4, 2, 1, 2});
  return blocks;
}

TEST(ShownCondition, PlacesTheClassInItsBlock) {
  const std::vector<ConditionBlock> blocks = {{"label", 3, {0, 1, 2}}, {"cluster", 2, {1, 0, 1}}};
  EXPECT_TRUE(same_bits(shown_condition(blocks, 0, {2, 0}).vector, values({0, 0, 1, 0, 0, 1, 0, 0, 0, 0}, {2, 5})));
  EXPECT_TRUE(same_bits(shown_condition(blocks, 1, {2}).vector, values({0, 0, 0, 0, 1}, {1, 5})));
  EXPECT_FALSE(shown_condition(blocks, 1, {2}).layout.defined());
}

TEST(ShownCondition, KeepsTheLayoutsOfOtherBlocksEmpty) {
  const std::vector<ConditionBlock> blocks = three_blocks();
  EXPECT_EQ(vector_width(blocks), 7);
  EXPECT_EQ(layout_width(blocks), 3);
  const Condition shown = shown_condition(blocks, {2, 0, 1}, {1, 1, 3});
  EXPECT_TRUE(same_bits(shown.vector, values({0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}, {3, 7})));
  EXPECT_TRUE(
      same_bits(shown.layout, values({0, 0, 104, 105, 106, 107, 0, 0, 0, 0, 0, 0, 6, 7, 0, 0, 0, 0}, {3, 3, 1, 2})));
}

TEST(ShownCondition, ShowsTheTextOfTheChosenBlock) {
  std::vector<ConditionBlock> blocks = {{"a photo of", 0, {}}, {"close-up of", 0, {}}};
  blocks[0].text = at::arange(3 * 2, at::kLong).view({3, 2});
  blocks[1].text = at::arange(100, 100 + 3 * 2, at::kLong).view({3, 2});
  EXPECT_EQ(text_length(blocks), 2);
  EXPECT_EQ(text_length(three_blocks()), 0);
  const Condition shown = shown_condition(blocks, {1, 0}, {2, 0});
  EXPECT_TRUE(at::equal(shown.text, indices({104, 105, 0, 1}).view({2, 2})));
  EXPECT_FALSE(shown.vector.defined());
  EXPECT_THAT(message_of<InputError>([&] { shown_condition(blocks, 1, {3}); }),
              AllOf(HasSubstr("'close-up of'"), HasSubstr("image 3")));
  blocks[1].text = at::arange(3, at::kLong).view({3, 1});
  EXPECT_THAT(message_of<InputError>([&] { text_length(blocks); }), HasSubstr("1 tokens beside those of 2"));
  blocks[1].text = at::Tensor();
  EXPECT_THAT(message_of<InputError>([&] { text_length(blocks); }), HasSubstr("'close-up of': lacks a text"));
}

TEST(ShownCondition, RefusesWhatIsOutOfRange) {
  std::vector<ConditionBlock> blocks = three_blocks();
  EXPECT_THAT(message_of<InputError>([&] { shown_condition(blocks, 0, {4}); }),
              AllOf(HasSubstr("'label'"), HasSubstr("image 4"), HasSubstr("0 to 3")));
  EXPECT_THAT(message_of<InputError>([&] { shown_condition(blocks, 2, {-1}); }), HasSubstr("image -1"));
  blocks[0].ids = {3, -1};
  EXPECT_THAT(message_of<InputError>([&] { shown_condition(blocks, 0, {0}); }),
              AllOf(HasSubstr("'label'"), HasSubstr("class 3"), HasSubstr("0 to 2")));
  EXPECT_THAT(message_of<InputError>([&] { shown_condition(blocks, 0, {1}); }), HasSubstr("class -1"));
  blocks[2].layout = at::arange(4 * 2 * 4, at::kFloat).view({4, 2, 2, 2});
  EXPECT_THAT(message_of<InputError>([&] { shown_condition(blocks, 0, {0}); }), HasSubstr("2 x 2 beside one of 1 x 2"));
}

}  // namespace
}  // namespace assay
