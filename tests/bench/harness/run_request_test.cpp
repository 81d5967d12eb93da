#include "bench/harness/run_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "bench/harness/device.h"
#include "core/error.h"
#include "reproductions/configured_method.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ParseSeeds, ReadsACountOrAList) {
  EXPECT_THAT(parse_seeds("3"), ElementsAre(0, 1, 2));
  EXPECT_THAT(parse_seeds("1"), ElementsAre(0));
  EXPECT_THAT(parse_seeds("0,3,7"), ElementsAre(0, 3, 7));
  EXPECT_THAT(parse_seeds("3,"), ElementsAre(3));
  EXPECT_THAT(parse_seeds("9,2"), ElementsAre(9, 2));
}

TEST(ParseSeeds, RefusesEverythingElseAndShowsIt) {
  for (const char* text : {"", "0", "-1", "x", "3 ", " 3", "1.5", ",", ",1", "1,,2", "1,x", "1,-2", "10001",
                           "99999999999999999999", "1;2"})
    EXPECT_THAT(message_of<InputError>([&] { parse_seeds(text); }), HasSubstr("--seeds"))
        << "accepted '" << text << "'";
  EXPECT_THAT(message_of<InputError>([] { parse_seeds("4,0,4"); }), HasSubstr("given twice"));
  EXPECT_THAT(message_of<InputError>([] { parse_seeds("1,x"); }), HasSubstr("'x'"));
}

TEST(ConfiguredMethod, AppliesTheDatasetAndThenEverySetting) {
  RunRequest request;
  request.dataset = "shapes";
  request.settings = {"train.steps=7", "sample.sweep=[0,2]"};
  const nlohmann::json config = configured_method("self_guided", request).config;
  EXPECT_EQ(config.at("train").at("steps"), 7);
  EXPECT_EQ(config.at("sample").at("sweep"), nlohmann::json({0, 2}));
  EXPECT_EQ(config.at("dataset").at("name"), "shapes");
}

TEST(ConfiguredMethod, NamesTheNearestOfWhatItDoesNotKnow) {
  const auto refused = [](const std::string& method, const std::function<void(RunRequest&)>& change) {
    RunRequest request;
    change(request);
    return message_of<InputError>([&] { configured_method(method, request); });
  };
  EXPECT_THAT(refused("self_gided", [](RunRequest&) {}), HasSubstr("did you mean 'self_guided'?"));
  EXPECT_THAT(refused("self_guided", [](RunRequest& r) { r.tier = "smoky"; }), HasSubstr("did you mean 'smoke'?"));
  EXPECT_THAT(refused("self_guided", [](RunRequest& r) { r.dataset = "shape"; }), HasSubstr("did you mean 'shapes'?"));
  EXPECT_THAT(refused("self_guided", [](RunRequest& r) { r.settings = {"train.stps=7"}; }),
              HasSubstr("did you mean 'steps'?"));
  EXPECT_THAT(refused("self_guided", [](RunRequest& r) { r.settings = {"train.steps"}; }), HasSubstr("train.steps"));
}

TEST(ChooseDevice, RefusesUnknownNames) {
  EXPECT_THAT(message_of<InputError>([] { choose_device("gpu"); }), AllOf(HasSubstr("gpu"), HasSubstr("cuda")));
  EXPECT_TRUE(choose_device("cpu").is_cpu());
}

}  // namespace
}  // namespace assay
