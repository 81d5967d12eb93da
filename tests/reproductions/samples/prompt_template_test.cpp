#include "reproductions/samples/prompt_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(PromptTemplate, TakesWordsInTheOnePlaceThatItHas) {
  EXPECT_EQ(filled_template("a photo of a {}", "red cat"), "a photo of a red cat");
  EXPECT_EQ(filled_template("{} alone", ""), " alone");
  EXPECT_EQ(filled_template("{}", "{}"), "{}");
  EXPECT_EQ(filled_template("a {{}} b", "x"), "a {x} b");
}

TEST(PromptTemplate, IsRefusedWithoutAPlaceAndWithTwo) {
  const auto fault = [](const std::string& text) {
    return message_of<InputError>([&] { filled_template(text, "x"); });
  };
  for (const char* none : {"a photo", "", "{ }", "}{"})
    EXPECT_THAT(fault(none), HasSubstr("no place for the words; accepted: a text with one {}")) << none;
  for (const char* two : {"{} and {}", "{}{}"})
    EXPECT_THAT(fault(two), HasSubstr("more than one place for the words; accepted: a text with one {}")) << two;
}

TEST(PromptTemplate, IsReadFromAConfigurationThatGivesSome) {
  const auto read = [](const nlohmann::json& object) {
    ConfigReader reader(object, "model");
    return read_templates(reader, "templates", {"{}"});
  };
  EXPECT_EQ(read({{"templates", {"a {}", "the {}"}}}), (std::vector<std::string>{"a {}", "the {}"}));
  EXPECT_EQ(read(nlohmann::json::object()), std::vector<std::string>{"{}"});
  EXPECT_THAT(message_of<InputError>([&] {
                read({{"templates", {"a {}", "the"}}});
              }),
              AllOf(HasSubstr("template 'the'"), HasSubstr("accepted")));
}

}  // namespace
}  // namespace assay
