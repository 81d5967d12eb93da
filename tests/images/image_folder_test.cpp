#include "images/image_folder.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "images/image_file.h"
#include "tests/datasets/fixtures.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using test::input_error;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

std::vector<std::string> stems_of(const ImageFolder& listing) {
  std::vector<std::string> stems;
  for (const auto& file : listing.files) stems.push_back(file.stem);
  return stems;
}

void write_empty(const fs::path& file) {
  fs::create_directories(file.parent_path());
  std::ofstream out(file);
}

TEST(HiddenEntry, IsWhatBeginsWithADotOrASystemLeaves) {
  for (const char* name : {".", ".DS_Store", "._a.png", ".ipynb_checkpoints", ".hidden.png", "__MACOSX", "Thumbs.db",
                           "thumbs.DB", "desktop.ini", "Desktop.ini", "@eaDir", "$RECYCLE.BIN", "lost+found", "Icon\r"})
    EXPECT_TRUE(is_hidden_entry(name)) << name;
  for (const char* name :
       {"a.png", "_a.png", "_MACOSX", "Thumbs.png", "ini", "a.DS_Store", "eaDir", "@a.png", "#1.png"})
    EXPECT_FALSE(is_hidden_entry(name)) << name;
}

TEST(ImageFolder, SortsByStemAndTellsImagesFoldersAndOthersApart) {
  const TemporaryFolder folder;
  for (const char* name : {"b.png", "a-b.JPG", "a.jpeg", "A.Png", ".hidden.png", "._b.png", "Thumbs.db", "notes.txt",
                           "z.TXT", "a.csv", "README"})
    folder.file(name, "");
  for (const char* name : {"folder.png", "sub", ".ipynb_checkpoints", "__MACOSX"}) fs::create_directory(folder / name);
  fs::create_directory_symlink(folder / "sub", folder / "link");
  ASSERT_EQ(::mkfifo((folder / "pipe.png").c_str(), 0600), 0);

  const ImageFolder listing = read_image_folder(folder.path());

  EXPECT_THAT(stems_of(listing), ElementsAre("A", "a", "a-b", "b"));
  EXPECT_EQ(listing.files[2].path, folder / "a-b.JPG");
  EXPECT_THAT(listing.folders, ElementsAre("folder.png", "link", "sub"));
  EXPECT_EQ(listing.hidden, 5);
  EXPECT_THAT(listing.others.kinds, ElementsAre(Pair(".csv", 1), Pair(".txt", 2), Pair("file without an extension", 1),
                                                Pair("special file", 1)));
  EXPECT_EQ(listing.others.first, "README");
  EXPECT_EQ(listing.passed_over().text(),
            "8 entries (3 folders, 2 .txt, 1 .csv, 1 file without an extension, 1 special file; the first is README)");
}

TEST(ImageFolder, FollowsLinksAndKeepsThoseThatLeadNowhere) {
  const TemporaryFolder folder, other;
  fs::create_symlink(other.file("x.png", ""), folder / "a.png");
  fs::create_symlink(other / "absent.png", folder / "b.png");
  fs::create_symlink(other / "absent.txt", folder / "c.txt");
  fs::create_symlink(folder / "loop.png", folder / "loop.png");
  fs::create_directory_symlink(folder.path(), other / "all");

  const ImageFolder listing = read_image_folder(other / "all");

  EXPECT_THAT(stems_of(listing), ElementsAre("a", "b", "loop"));
  EXPECT_THAT(listing.others.kinds, ElementsAre(Pair(".txt", 1)));
  EXPECT_THAT(input_error([&] { read_image_file(listing.files[1].path); }), HasSubstr("b.png"));
}

TEST(ImageFolder, HoldsNoImagesWhereAllAreHidden) {
  const TemporaryFolder folder;
  for (const char* name : {"._a.png", ".DS_Store"}) folder.file(name, "");
  EXPECT_TRUE(read_image_folder(folder.path()).files.empty());
  EXPECT_THAT(input_error([&] { list_image_folder(folder.path()); }),
              AllOf(HasSubstr("no images; accepted: .png, .jpg"), HasSubstr("found 2 hidden entries alone")));
}

TEST(ImageFolder, SaysWhatLiesThereInPlaceOfImages) {
  const TemporaryFolder folder;
  folder.file("features.npy", "");
  write_empty(folder / "train" / "cat" / "a.png");
  write_empty(folder / "train" / "cat" / ".ipynb_checkpoints" / "a.png");
  EXPECT_THAT(input_error([&] { list_image_folder(folder.path()); }),
              AllOf(HasSubstr("found 2 entries (1 .npy, 1 folder; the first is features.npy)"),
                    HasSubstr("1 image lies below it, the first is " + (folder / "train/cat/a.png").string())));
  folder.file("images.zip", "");
  EXPECT_THAT(input_error([&] { list_image_folder(folder.path()); }), HasSubstr("unpack the .zip file"));
}

TEST(ImageFolder, NamesAMissingFolderAndWhatIsNoFolder) {
  const TemporaryFolder folder;
  EXPECT_THAT(input_error([] { read_image_folder("/no/such/folder"); }), HasSubstr("/no/such/folder: cannot be read"));
  EXPECT_THAT(input_error([&] { read_image_folder(folder.file("notes.txt", "")); }),
              HasSubstr("notes.txt: is a file; expected a folder of images"));
  EXPECT_THAT(input_error([&] { read_image_folder(folder.file("a.PNG", "")); }),
              HasSubstr("a.PNG: is a single image; expected a folder of images"));
  EXPECT_THAT(input_error([&] { read_image_folder(folder.file("a.zip", "")); }),
              HasSubstr("a.zip: is an archive; expected a folder of images: unpack it first"));
}

TEST(ImageFolder, NamesAFolderThatMayNotBeRead) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const TemporaryFolder folder;
  fs::create_directory(folder / "closed");
  fs::permissions(folder / "closed", fs::perms::none);
  EXPECT_THAT(input_error([&] { read_image_folder(folder / "closed"); }),
              AllOf(HasSubstr("closed: cannot be read as a folder"), HasSubstr("Permission denied")));
  fs::permissions(folder / "closed", fs::perms::owner_all);
}

TEST(ImagesBelow, AreCountedInAllFoldersAndNotThroughLinks) {
  const TemporaryFolder folder;
  for (const char* name : {"b.png", "x/c.jpg", "x/y/a.jpeg", "x/y/notes.txt", ".git/d.png", "__MACOSX/e.png"})
    write_empty(folder / name);
  fs::create_directory_symlink(folder.path(), folder / "x" / "up");

  const ImagesBelow found = images_below(folder.path());

  EXPECT_EQ(found.count, 3);
  EXPECT_EQ(found.first, folder / "b.png");
  EXPECT_EQ(images_below(folder / "absent").count, 0);
}

TEST(PassedOver, NamesTheMostFrequentKindsAndCountsTheOthers) {
  PassedOver over;
  int names = 0;
  for (const char* kind : {".a", ".b", ".c", ".d", ".e", ".f", ".g", ".h", ".i"})
    over.add(kind, fmt::format("n{}", names++));
  over.add(".i", "m");
  EXPECT_EQ(over.text(), "10 entries (2 .i, 1 .a, 1 .b, 1 .c, 1 .d, 1 .e, 3 of other kinds; the first is m)");
  PassedOver all;
  all.add(over, "cat");
  all.add("folder", "dog");
  EXPECT_EQ(all.count(), 11);
  EXPECT_EQ(all.first, "cat/m");
}

TEST(PassedOver, IsNotedWithTheImagesOfFoldersInside) {
  const TemporaryFolder folder;
  for (const char* name : {"a.png", "old/a.png", "old/more/b.png", "notes.txt"}) write_empty(folder / name);
  EXPECT_EQ(passed_over_note("p", read_image_folder(folder / "old/more")), "");
  EXPECT_THAT(passed_over_note(folder.path(), read_image_folder(folder.path())),
              AllOf(HasSubstr("passed over 2 entries (1 .txt, 1 folder; the first is notes.txt)"),
                    HasSubstr("2 images lie in these folders")));
}

}  // namespace
}  // namespace assay
