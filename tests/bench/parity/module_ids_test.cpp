#include "bench/parity/module_ids.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "bench/parity/modules.h"

namespace assay {
namespace {

using ::testing::ElementsAreArray;

TEST(ParityModules, AreTheIdsOfTheTableInItsOrder) {
  std::vector<std::string> ids;
  ids.reserve(parity::modules().size());
  for (const parity::ModuleEntry& entry : parity::modules()) ids.push_back(entry.id);
  EXPECT_THAT(parity_modules(), ElementsAreArray(ids));
}

TEST(ParityModules, AreSortedAndEachOnce) {
  const std::vector<std::string>& ids = parity_modules();
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()), ids.end());
}

}  // namespace
}  // namespace assay
