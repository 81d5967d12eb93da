// Every query of docs/queries.md runs on a store with results and finds something.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "store/store.h"
#include "tests/reports/sample_store.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

std::vector<std::string> queries_of(const std::string& page) {
  std::vector<std::string> queries;
  const std::string begin = "```sql\n", end = "```\n";
  for (std::size_t at = page.find(begin); at != std::string::npos; at = page.find(begin, at)) {
    at += begin.size();
    queries.push_back(page.substr(at, page.find(end, at) - at));
  }
  return queries;
}

TEST(ExampleQueries, FindSomething) {
  const test::TemporaryFolder folder;
  test::fill_full_store(folder / "assay.db");
  const Store store = Store::read_only(folder / "assay.db");
  const std::vector<std::string> queries =
      queries_of(read_file(std::filesystem::path(ASSAY_SOURCE_DIR) / "docs" / "queries.md"));
  EXPECT_EQ(queries.size(), 10U);
  for (const std::string& query : queries) {
    SQLite::Statement statement(store.database(), query);
    int rows = 0;
    while (statement.executeStep()) ++rows;
    EXPECT_GT(rows, 0) << query;
  }
}

}  // namespace
}  // namespace assay
