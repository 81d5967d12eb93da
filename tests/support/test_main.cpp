#include <gtest/gtest.h>

#include <iostream>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace {

/// Whether `path`, as the compiler was given it, is `file` of the repository.
bool names(std::string_view path, std::string_view file) {
  if (!path.ends_with(file)) return false;
  path.remove_suffix(file.size());
  return path.empty() || path.ends_with('/');
}

/// A filter that chooses the cases of `file`. None, with a line on standard error, where there are none or where
/// another file of this program has a case of the same name.
std::optional<std::string> filter_of(std::string_view file) {
  std::set<std::string> here, elsewhere;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const testing::TestSuite& suite = *all.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      const testing::TestInfo& test = *suite.GetTestInfo(j);
      (names(test.file(), file) ? here : elsewhere).insert(std::string(suite.name()) + "." + test.name());
    }
  }
  if (here.empty()) {
    std::cerr << "no case of " << file << " is in this program\n";
    return std::nullopt;
  }
  std::string filter;
  for (const std::string& name : here) {
    if (elsewhere.contains(name)) {
      std::cerr << name << " is in " << file << " and in another file of this program\n";
      return std::nullopt;
    }
    filter += name + ":";
  }
  return filter;
}

}  // namespace

/// `--file=PATH` runs the cases of that file of the repository alone, but for those that a filter of GoogleTest's
/// leaves out by a leading minus. Another filter goes before it: a death test starts the program anew with one.
int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  constexpr std::string_view option = "--file=";
  const std::string_view argument = argc == 2 ? argv[1] : "";
  if (argc > 2 || (argc == 2 && !argument.starts_with(option))) {
    std::cerr << "usage: " << argv[0] << " [--file=PATH] [GoogleTest's options]\n";
    return 2;
  }
  const std::string given = GTEST_FLAG_GET(filter);
  if (argc == 2 && (given == "*" || given.starts_with('-'))) {
    const std::optional<std::string> filter = filter_of(argument.substr(option.size()));
    if (!filter) return 1;
    GTEST_FLAG_SET(filter, given == "*" ? *filter : *filter + given);
  }
  return RUN_ALL_TESTS();
}
