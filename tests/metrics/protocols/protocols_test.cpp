#include "metrics/protocols/protocols.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "metrics/generative/generative_protocols.h"

namespace assay {
namespace {

TEST(Protocols, EachHasItsOwnIdAndSaysWhatItChooses) {
  std::set<std::string> ids;
  for (const Protocol& protocol : protocols()) {
    EXPECT_TRUE(ids.insert(protocol.id).second) << protocol.id;
    EXPECT_FALSE(protocol.description.empty()) << protocol.id;
    EXPECT_FALSE(protocol.origin.empty()) << protocol.id;
    EXPECT_TRUE(protocol.choices.is_object() && !protocol.choices.empty()) << protocol.id;
  }
  EXPECT_THAT(ids,
              ::testing::IsSupersetOf({"fid-tf1",  "fid-torch",  "fid-clean",    "fid-tm18", "fid-sg3", "fid-infinity",
                                       "is-tf10",  "is-oai5000", "kid-seed2020", "pr-oai",   "pr-tf",   "prdc5",
                                       "sfid-oai", "fd-dinov2",  "fd-small",     "pysod",    "fan",     "tokencut",
                                       "selfmask", "voc",        "corloc-lost",  "sklearn"}));
}

TEST(Protocols, EveryGenerativeProtocolIsOneOfThem) {
  for (const GenerativeProtocol& row : generative_protocols()) {
    const Protocol& protocol = find_protocol(row.id());
    EXPECT_EQ(protocol.description, row.words.description);
    EXPECT_EQ(protocol.choices, row.words.choices);
  }
}

TEST(Protocols, OursComeFirst) {
  bool others = false;
  for (const Protocol& protocol : protocols()) {
    EXPECT_FALSE(others && protocol.origin == "Assay") << protocol.id;
    others = others || protocol.id == "fid-tf1";
  }
}

TEST(Protocols, TheirChoicesAreNamed) {
  EXPECT_EQ(find_protocol("sklearn").choices["nmi_average"], "arithmetic");
  EXPECT_EQ(find_protocol("fd-small").choices["covariance_divisor"], "n - 1");
}

TEST(Protocols, AUseTakesThePlaceOfChoicesAndAddsItsOwn) {
  const Protocol used = used_protocol({.name = "kid-seed2020", .choices = {{"subsets", 7}, {"reference", "abc"}}});
  EXPECT_EQ(used.origin, find_protocol("kid-seed2020").origin);
  EXPECT_EQ(used.choices["subsets"], 7);
  EXPECT_EQ(used.choices["reference"], "abc");
  EXPECT_EQ(used.choices["subset_size"], 1000);
  EXPECT_EQ(used_protocol({.name = "sklearn"}).choices, find_protocol("sklearn").choices);
}

TEST(Protocols, AnUnknownIdNamesTheNearest) {
  EXPECT_THAT([] { find_protocol("sklern"); }, ::testing::ThrowsMessage<InputError>(::testing::HasSubstr("sklearn")));
}

}  // namespace
}  // namespace assay
