#include "store/artifact_place.h"

#include <gtest/gtest.h>

namespace assay {
namespace {

TEST(ArtifactPlace, IsInTheStoresFolder) {
  for (const std::string path : {"grid.png", "artifacts/run-1/grid.png", "cache/..name", "a/.../b", "./a"})
    EXPECT_TRUE(lies_in_store_folder(path)) << path;
  for (const std::string path : {"", "/etc/motd", "..", "../a", "a/../../b", "artifacts/run-1/../../assay.db", "a/.."})
    EXPECT_FALSE(lies_in_store_folder(path)) << path;
  EXPECT_FALSE(lies_in_store_folder(std::string("a\0b", 3)));
}

}  // namespace
}  // namespace assay
