#include "metrics/protocols/protocols.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "metrics/features/image_protocol.h"

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
  EXPECT_THAT(ids,
              ::testing::IsSupersetOf({"fid-tf1",  "fid-torch",  "fid-clean",    "fid-tm18", "fid-sg3", "fid-infinity",
                                       "is-tf10",  "is-oai5000", "kid-seed2020", "pr-oai",   "pr-tf",   "prdc5",
                                       "sfid-oai", "fd-dinov2",  "fd-small",     "pysod",    "fan",     "tokencut",
                                       "selfmask", "voc",        "corloc-lost",  "sklearn"}));
}

TEST(Protocols, EveryImageProtocolIsOneOfThem) {
  for (const ImageProtocol& image : image_protocols())
    EXPECT_NO_THROW(find_protocol(std::string(image.id))) << image.id;
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
