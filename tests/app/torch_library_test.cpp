#include "app/torch_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* symbol = "libassay_torch.so: undefined symbol: _ZN2at11show_configB5cxx11Ev";

TEST(WhyNoTorch, NamesTheOtherVersionAndNotItsMissingSymbol) {
  const std::string why = why_no_torch({{"folder", "/torch"},
                                        {"built_with", "2.11.0"},
                                        {"installed", "2.12.0+cu130"},
                                        {"missing", "2.12.0+cu130 is another version than 2.11.0"}},
                                       symbol);
  EXPECT_EQ(why, "this command needs LibTorch: 2.12.0+cu130 is another version than 2.11.0");
}

TEST(WhyNoTorch, NamesTheFaultWhereTheVersionIsTheRightOne) {
  const std::string why = why_no_torch(
      {{"folder", "/torch"}, {"built_with", "2.11.0"}, {"installed", "2.11.0+cu130"}, {"missing", ""}}, symbol);
  EXPECT_THAT(why, AllOf(HasSubstr("LibTorch 2.11.0"), HasSubstr(symbol), Not(HasSubstr("cu130"))));
}

}  // namespace
}  // namespace assay
