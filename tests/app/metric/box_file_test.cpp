#include "app/metric/box_file.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using ::testing::HasSubstr;

TEST(BoxFile, RefusesJsonThatLiesDeepInItself) {
  const test::TemporaryFolder folder;
  const auto file = [&](std::size_t depth) {
    return folder.file("deep.json", "{\"a\": " + std::string(depth, '[') + std::string(depth, ']') + "}");
  };
  EXPECT_THAT(message_of<InputError>([&] { read_box_file(file(256)); }),
              HasSubstr("deep.json: its JSON lies more than 256 levels deep"));
  EXPECT_EQ(read_box_file(file(255)).size(), 1U);
}

}  // namespace
}  // namespace assay
