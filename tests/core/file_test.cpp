#include "core/file.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::size_t entries(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}

/// Lets no file of this process grow past `bytes`, as a full disk would.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST(File, ReadsBackEveryByteWritten) {
  const TemporaryFolder folder;
  std::string content(100000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 % 256);
  write_file_atomically(folder / "a", content);
  EXPECT_EQ(read_file(folder / "a"), content);
  write_file_atomically(folder / "a", "");
  EXPECT_EQ(read_file(folder / "a"), "");
  EXPECT_EQ(entries(folder.path()), 1U) << "only the file itself may stay behind";
}

TEST(File, NamesTheFileThatCannotBeRead) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<InputError>([&] { read_file(folder / "absent"); }),
              AllOf(HasSubstr((folder / "absent").string()), HasSubstr("No such file")));
  EXPECT_THAT(message_of<InputError>([&] { read_file(folder.path()); }), HasSubstr("is a folder"));
}

TEST(File, KeepsTheOldContentWhenTheDiskIsFull) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  {
    const FileSizeLimit full(1000);
    EXPECT_THAT(message_of<Error>([&] { write_file_atomically(folder / "a", std::string(5000, 'x')); }),
                AllOf(HasSubstr((folder / "a").string()), HasSubstr("File too large")));
  }
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(entries(folder.path()), 1U) << "the unfinished file must be removed";
}

TEST(File, RefusesAnAbsentFolderAndAFolderAsTarget) {
  const TemporaryFolder folder;
  EXPECT_THROW(write_file_atomically(folder / "absent" / "a", "x"), InputError);
  std::filesystem::create_directory(folder / "a");
  EXPECT_THROW(write_file_atomically(folder / "a", "x"), Error);
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(File, WritersOfOneFileLeaveOneWholeContent) {
  const TemporaryFolder folder;
  std::vector<std::thread> writers;
  for (const char letter : {'a', 'b', 'c', 'd'})
    writers.emplace_back([&folder, letter] {
      for (int i = 0; i < 20; ++i) write_file_atomically(folder / "a", std::string(20000, letter));
    });
  for (std::thread& writer : writers) writer.join();
  const std::string content = read_file(folder / "a");
  EXPECT_EQ(content, std::string(20000, content.at(0)));
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(MappedFile, HasTheBytesOfAFileAsItWasWhenItWasOpened) {
  const TemporaryFolder folder;
  const auto place = folder.file("a", "old");
  MappedFile mapped(place), moved(std::move(mapped));
  write_file_atomically(place, "new one");
  EXPECT_EQ(moved.content(), "old");
  EXPECT_EQ(MappedFile(place).content(), "new one");
  EXPECT_EQ(MappedFile(folder.file("b", "")).content(), "");
}

TEST(MappedFile, TakesAPipeAndRefusesAFolder) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(folder / "pipe") << "through a pipe"; });
  EXPECT_EQ(MappedFile(folder / "pipe").content(), "through a pipe");
  writer.join();
  EXPECT_THAT(message_of<InputError>([&] { MappedFile{folder.path()}; }), HasSubstr("is a folder"));
  EXPECT_THAT(message_of<InputError>([&] { MappedFile{folder / "absent"}; }), HasSubstr("No such file"));
}

TEST(File, EnsureFolderCreatesParentsAndMayBeRepeated) {
  const TemporaryFolder folder;
  for (int i = 0; i < 2; ++i) {
    ensure_folder(folder / "a/b/c");
    EXPECT_TRUE(std::filesystem::is_directory(folder / "a/b/c"));
    EXPECT_TRUE(std::filesystem::is_empty(folder / "a/b/c"));
  }
}

TEST(File, EnsureFolderRefusesAFileInTheWayAndAReadOnlyPlace) {
  const TemporaryFolder folder;
  const auto file = folder.file("a", "x");
  EXPECT_THAT(message_of<InputError>([&] { ensure_folder(file); }), HasSubstr(file.string()));
  EXPECT_THROW(ensure_folder(file / "b"), InputError);
  EXPECT_THROW(ensure_folder("/proc/assay"), InputError);
  EXPECT_THROW(ensure_folder("/proc"), InputError) << "exists, and nothing can be created in it";
}

}  // namespace
}  // namespace assay
