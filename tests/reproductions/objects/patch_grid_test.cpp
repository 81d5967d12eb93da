#include "reproductions/objects/patch_grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "core/error.h"

namespace assay {
namespace {

using ::testing::ElementsAre;

TEST(PatchComponents, AreJoinedAtEdges) {
  const std::vector<std::uint8_t> marks = {0, 1, 0, 1,  //
                                           1, 0, 0, 1,  //
                                           1, 1, 1, 0};
  EXPECT_THAT(component_of(marks, 4, 3), ElementsAre(0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0));
}

TEST(PatchComponents, HoldAStartThatIsNotMarked) {
  const std::vector<std::uint8_t> marks = {0, 0, 1};
  EXPECT_THAT(component_of(marks, 3, 0), ElementsAre(1, 0, 0));
  EXPECT_THAT(component_of(marks, 3, 1), ElementsAre(0, 1, 1));
}

TEST(BoxAround, IsClippedToTheImage) {
  const std::vector<std::uint8_t> marks = {0, 0, 1,  //
                                           0, 1, 0};
  EXPECT_THAT(box_around(marks, {2, 3, 8, 13, 22}), ElementsAre(8, 0, 22, 13));
  EXPECT_THROW(box_around(std::vector<std::uint8_t>(6, 0), {2, 3, 8, 13, 22}), Error);
}

}  // namespace
}  // namespace assay
