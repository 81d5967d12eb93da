#include "images/image_array.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "core/error.h"
#include "images/set_layout.h"
#include "tests/support/npy.h"
#include "tests/support/npz_batch.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ImageArrayTest : public ::testing::Test {
 protected:
  /// All images of an array whose elements are 0, 1, 2, ... in C order.
  std::vector<std::uint8_t> pixels(const std::string& key, const std::vector<std::int64_t>& shape) {
    std::string bytes;
    const auto count =
        static_cast<std::size_t>(std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>()));
    for (std::size_t i = 0; i < count; ++i) bytes += static_cast<char>(i);
    test::write_npz(folder_ / "batch.npz", {{key, "|u1", shape, bytes}});
    const ArrayFile file(folder_ / "batch.npz");
    const SetLayout layout = find_layout(file);
    EXPECT_EQ(layout.images, key);
    ImageArray images(file, layout.images);
    notes_ = images.notes();
    notes_.insert(notes_.begin(), layout.notes.begin(), layout.notes.end());
    count_ = images.count();
    std::vector<std::uint8_t> all, one(3 * static_cast<std::size_t>(images.height() * images.width()));
    for (std::int64_t i = 0; i < images.count(); ++i) {
      images.read(one);
      all.insert(all.end(), one.begin(), one.end());
    }
    images.rewind();
    images.read(one);
    EXPECT_TRUE(std::equal(one.begin(), one.end(), all.begin()));
    return all;
  }
  test::TemporaryFolder folder_;
  std::vector<std::string> notes_;
  std::int64_t count_ = 0;
};

TEST_F(ImageArrayTest, ColoursLieLast) {
  EXPECT_THAT(pixels("arr_0", {2, 1, 1, 3}), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(ImageArrayTest, GreyIsRepeatedAndAlphaIsDropped) {
  EXPECT_THAT(pixels("arr_0", {1, 1, 2, 1}), ElementsAre(0, 0, 0, 1, 1, 1));
  EXPECT_THAT(pixels("arr_0", {2, 2, 2}).size(), 24U);
  EXPECT_EQ(count_, 2);
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_THAT(pixels("arr_0", {1, 1, 2, 4}), ElementsAre(0, 1, 2, 4, 5, 6));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("alpha was dropped")));
  EXPECT_THAT(pixels("arr_0", {1, 1, 2, 2}), ElementsAre(0, 0, 0, 2, 2, 2));
}

TEST_F(ImageArrayTest, ChannelsMayComeFirstWhereTheyCannotComeLast) {
  // [1, 3, 1, 5]: red 0 to 4, green 5 to 9, blue 10 to 14.
  EXPECT_THAT(pixels("arr_0", {1, 3, 1, 5}), ElementsAre(0, 5, 10, 1, 6, 11, 2, 7, 12, 3, 8, 13, 4, 9, 14));
  EXPECT_THAT(notes_, ElementsAre(AllOf(HasSubstr("channels come first"), HasSubstr("[1, 3, 1, 5]"))));
  EXPECT_THAT(pixels("arr_0", {1, 1, 1, 5}), ElementsAre(0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4));
}

TEST_F(ImageArrayTest, StandUnderOtherKeys) {
  pixels("images", {1, 2, 2, 3});
  EXPECT_THAT(notes_, IsEmpty());
  pixels("samples", {1, 2, 2, 3});
  EXPECT_THAT(notes_, IsEmpty());
  pixels("x_train", {1, 2, 2, 3});
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("'x_train' was taken for its images")));
}

TEST_F(ImageArrayTest, OneImageIsNoBatchAndFloatsAreNoImages) {
  const auto refusal = [&](const std::string& type, const std::vector<std::int64_t>& shape, std::size_t bytes) {
    test::write_npz(folder_ / "batch.npz", {{"arr_0", type, shape, std::string(bytes, '\0')}});
    return message_of<InputError>([&] { find_layout(ArrayFile(folder_ / "batch.npz")); });
  };
  EXPECT_THAT(refusal("|u1", {8, 8, 3}, 192), AllOf(HasSubstr("U8 [8, 8, 3]"), HasSubstr("[images, height, width,")));
  EXPECT_THAT(refusal("<f4", {2, 4, 4, 3}, 384), AllOf(HasSubstr("F32 [2, 4, 4, 3]"), HasSubstr("U8")));
  EXPECT_THAT(refusal("|i1", {2, 4, 4, 3}, 96), HasSubstr("I8 [2, 4, 4, 3]"));
  test::write_npz(folder_ / "none.npz", {{"arr_0", "|u1", {0, 4, 4, 3}, ""}});
  const ArrayFile none(folder_ / "none.npz");
  EXPECT_THAT(message_of<InputError>([&] { ImageArray(none, "arr_0"); }), HasSubstr("U8 [0, 4, 4, 3]"));
}

TEST_F(ImageArrayTest, FeaturesBesideImagesAreWhatTheirNameSays) {
  const std::vector<test::NpzMember> both = {{"arr_0", "|u1", {1, 2, 2, 3}, std::string(12, 'x')},
                                             {"features", "<f4", {1, 1}, "1234"}};
  test::write_npz(folder_ / "both.npz", both);
  const SetLayout layout = find_layout(ArrayFile(folder_ / "both.npz"));
  EXPECT_EQ(layout.features, "features");
  EXPECT_EQ(layout.images, "");
  EXPECT_THAT(layout.notes, ElementsAre(AllOf(HasSubstr("'features' was taken"), HasSubstr("'arr_0'"))));
}

}  // namespace
}  // namespace assay
