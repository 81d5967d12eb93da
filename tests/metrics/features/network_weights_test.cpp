#include "metrics/features/network_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/npy.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string file_of(const std::string& header, const std::string& data) {
  return test::bytes_of(std::uint64_t{header.size()}) + header + data;
}

const std::vector<WeightShape> one_weight = {{"w", {1}, false}};

TEST(NetworkWeights, TensorsOfTypesThatNoNetworkHasMayStandBeside) {
  const test::TemporaryFolder folder;
  const auto file = folder.file("w", file_of(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                                             R"("scale":{"dtype":"F8_E8M0","shape":[2],"data_offsets":[4,6]},)"
                                             R"("step":{"dtype":"U16","shape":[1],"data_offsets":[6,8]}})",
                                             test::bytes_of(2.5F) + "abcd"));
  EXPECT_EQ(load_network_weights(file, one_weight, "").at("w").const_data_ptr<float>()[0], 2.5F);
}

TEST(NetworkWeights, ANeededTensorOfSuchATypeIsNamed) {
  const test::TemporaryFolder folder;
  const auto file = folder.file("w", file_of(R"({"w":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]},)"
                                             R"("v":{"dtype":"I16","shape":[1],"data_offsets":[1,3]}})",
                                             "abc"));
  EXPECT_THAT(message_of<InputError>([&] { load_network_weights(file, one_weight, "Convert it"); }),
              AllOf(HasSubstr("w is F8_E4M3, expected F32"), HasSubstr("unknown key v"), HasSubstr("Convert it")));
}

}  // namespace
}  // namespace assay
