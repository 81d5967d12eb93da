#include "kernels/inference/large_block.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace assay {
namespace {

constexpr std::int64_t large_page = 1 << 21;

bool begins_a_large_page(const at::Tensor& block) {
  return reinterpret_cast<std::uintptr_t>(block.const_data_ptr()) % large_page == 0;
}

// Below and from one large page on: 720 x 720 values are less, 728 x 728 more.
TEST(LargeBlock, HasTheShapeAndOrderOfEmptyAndCanBeWritten) {
  for (const std::int64_t side : {0, 3, 720, 728, 1500}) {
    at::Tensor block = large_block({side, side});
    ASSERT_EQ(block.sizes(), at::IntArrayRef({side, side}));
    EXPECT_TRUE(block.is_contiguous());
    EXPECT_EQ(block.scalar_type(), at::kFloat);
    block.fill_(1);
    EXPECT_EQ(block.sum().item<double>(), static_cast<double>(side * side));
  }
  for (const std::int64_t side : {2, 90, 91}) {
    at::Tensor block = large_block({2, 32, side, side}, at::MemoryFormat::ChannelsLast);
    ASSERT_EQ(block.sizes(), at::IntArrayRef({2, 32, side, side}));
    EXPECT_TRUE(block.is_contiguous(at::MemoryFormat::ChannelsLast)) << side;
    block.fill_(1);
    EXPECT_EQ(block.sum().item<double>(), static_cast<double>(64 * side * side));
  }
}

#if defined(__linux__)
TEST(LargeBlock, BeginsALargePageWhereItFillsOne) {
  EXPECT_TRUE(begins_a_large_page(large_block({large_page / 4})));
  EXPECT_TRUE(begins_a_large_page(large_block({1, 64, 100, 100}, at::MemoryFormat::ChannelsLast)));
}
#endif

}  // namespace
}  // namespace assay
