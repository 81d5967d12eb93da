#include "core/names.h"

#include <gmock/gmock.h>

#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using ::testing::ElementsAre;

enum class Shape { circle, square, star };
constexpr Names<Shape> shape_names = {{"square", Shape::square}, {"circle", Shape::circle}};

TEST(Names, LeadThereAndBack) {
  for (const auto& [name, value] : shape_names) {
    EXPECT_EQ(value_of("shape", name, shape_names), value);
    EXPECT_EQ(name_of(value, shape_names), name);
  }
}

TEST(Names, AreListedInTheOrderOfTheTable) { EXPECT_THAT(listed(shape_names), ElementsAre("square", "circle")); }

TEST(Names, OfNoRowAreRefusedWithTheNearest) {
  EXPECT_EQ(message_of<InputError>([] { value_of("shape", "circel", shape_names); }),
            "unknown shape 'circel'; did you mean 'circle'? known: square, circle");
  EXPECT_FALSE(find_value("Circle", shape_names));
}

TEST(Names, AreMissingForAValueWithoutARow) { EXPECT_THROW(name_of(Shape::star, shape_names), Error); }

}  // namespace
}  // namespace assay
