#include "metrics/protocols.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/error.h"

namespace assay {
namespace {

TEST(Protocols, EachHasItsOwnIdAndSaysWhatItChooses) {
  std::set<std::string> ids;
  for (const Protocol& protocol : protocols()) {
    EXPECT_TRUE(ids.insert(protocol.id).second) << protocol.id;
    EXPECT_FALSE(protocol.description.empty()) << protocol.id;
    EXPECT_FALSE(protocol.origin.empty()) << protocol.id;
    EXPECT_TRUE(protocol.choices.is_object() && !protocol.choices.empty()) << protocol.id;
    EXPECT_EQ(protocol_json(protocol.id)["id"], protocol.id);
  }
  EXPECT_THAT(ids, ::testing::IsSupersetOf({"fd-small", "sklearn", "pysod", "fan", "tokencut", "selfmask", "voc", "corloc-lost"}));
}

TEST(Protocols, ChoicesAreInTheJson) {
  EXPECT_EQ(protocol_json("sklearn")["choices"]["nmi_average"], "arithmetic");
  EXPECT_EQ(protocol_json("fd-small")["choices"]["covariance_divisor"], "n - 1");
}

TEST(Protocols, AnUnknownIdNamesTheNearest) {
  EXPECT_THAT([] { protocol_json("sklern"); }, ::testing::ThrowsMessage<InputError>(::testing::HasSubstr("sklearn")));
}

}  // namespace
}  // namespace assay
