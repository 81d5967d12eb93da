#include "reproductions/objects/found_objects.h"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

// Grids of 3 x 4 patches of 4 pixels for images of 10 x 15.
LocalFeatures some_features() { return {test::normal({5, 12, 6}, 2), 3, 4, 4}; }

TEST(FoundObjects, AreThoseOfEachImageOnItsOwn) {
  const LocalFeatures features = some_features();
  const FoundObjects by_lost = find_by_lost(features, 0.5, 10, 15), by_cut = find_by_tokencut(features, {}, 10, 15);
  ASSERT_EQ(by_cut.masks.sizes(), at::IntArrayRef({5, 1, 10, 15}));
  for (std::int64_t i = 0; i < 5; ++i) {
    const std::span<const float> of_image(features.values.const_data_ptr<float>() + i * 72, 72);
    const LostBox one = lost(of_image, 3, 4, 6, 10, 15, {.patch = 4, .candidates = 6});
    const TokenCutObject other = tokencut(of_image, 3, 4, 6, 10, 15, {.patch = 4});
    EXPECT_THAT(by_lost.boxes[static_cast<std::size_t>(i)], ElementsAreArray(one.box));
    EXPECT_THAT(by_cut.boxes[static_cast<std::size_t>(i)], ElementsAreArray(other.box));
    for (std::int64_t y = 0; y < 10; ++y)
      for (std::int64_t x = 0; x < 15; ++x) {
        const auto patch = static_cast<std::size_t>(y / 4 * 4 + x / 4);
        EXPECT_EQ(by_lost.masks[i][0][y][x].item<float>(), one.component[patch]);
        EXPECT_EQ(by_cut.masks[i][0][y][x].item<float>(), other.mask[patch]);
      }
  }
}

TEST(FoundObjects, TakeAShareOfThePatchesAsCandidates) {
  for (const double share : {0.0, 1.1})
    EXPECT_THAT(test::message_of<InputError>([&] { find_by_lost(some_features(), share, 10, 15); }),
                HasSubstr("candidate share"));
  EXPECT_THAT(test::message_of<InputError>([] { find_by_tokencut(some_features(), {}, 10, 17); }),
              HasSubstr("accepted: 3 x 5"));
}

}  // namespace
}  // namespace assay
