#include "datasets/annotated/voc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "core/file.h"
#include "images/png.h"
#include "tests/datasets/fixtures.h"

namespace assay {
namespace {

using test::input_error;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* dog = R"(<annotation>
  <filename>000005.jpg</filename>
  <size><width>20</width><height>10</height><depth>3</depth></size>
  <object>
    <name>dog</name><truncated>1</truncated><difficult>0</difficult>
    <part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>
    <bndbox><xmax>20</xmax><xmin>1</xmin><ymin>1</ymin><ymax>10</ymax></bndbox>
  </object>
  <object>
    <name> person </name><difficult>1</difficult>
    <bndbox><xmin>3</xmin><ymin>45.70</ymin><xmax>4</xmax><ymax>50</ymax></bndbox>
  </object>
  <object><name>cat</name><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>5</xmax><ymax>6</ymax></bndbox></object>
</annotation>)";

class Voc : public ::testing::Test {
 protected:
  Voc() {
    write("VOC2007/ImageSets/Main/trainval.txt", "000005\n");
    write("VOC2007/Annotations/000005.xml", dog);
  }
  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((folder / file).parent_path());
    write_file_atomically(folder / file, text);
  }
  std::unique_ptr<AnnotatedImages> open(const VocOptions& options = {}) const {
    return open_voc(folder / "VOC2007", options);
  }
  /// The refusal of an annotation with this text in it.
  std::string refusal(const std::string& annotation) const {
    write("VOC2007/Annotations/000005.xml", annotation);
    return input_error([&] { open(); });
  }
  test::TemporaryFolder folder;
};

TEST_F(Voc, LowersTheMinimumOfCornersThatCountFromOne) {
  const auto set = open();
  ASSERT_EQ(set->items().size(), 1u);
  const AnnotatedImage& item = set->items()[0];
  EXPECT_EQ(item.id, "000005");
  EXPECT_EQ(item.width, 20);
  EXPECT_EQ(item.height, 10);
  ASSERT_EQ(item.objects.size(), 3u);
  EXPECT_EQ(item.objects[0].box, (TrueBox{0, 0, 20, 10}));  // the whole image
  EXPECT_EQ(item.objects[1].box, (TrueBox{2, 44.7, 4, 50}));
  EXPECT_EQ(item.objects[2].box, (TrueBox{4, 4, 5, 6}));
  EXPECT_EQ(item.objects[1].category, "person");
  EXPECT_TRUE(item.objects[0].truncated && !item.objects[0].difficult);
  EXPECT_TRUE(!item.objects[1].truncated && item.objects[1].difficult);
  EXPECT_TRUE(!item.objects[2].truncated && !item.objects[2].difficult);
  EXPECT_THAT(set->notes(), ElementsAre(AllOf(HasSubstr("1 box reaches outside"), HasSubstr("000005"))));
}

TEST_F(Voc, ReadsCornersAsAsked) {
  EXPECT_EQ(open({.corners = VocCorners::as_written})->items()[0].objects[0].box, (TrueBox{1, 1, 20, 10}));
  EXPECT_EQ(open({.corners = VocCorners::both_lowered})->items()[0].objects[0].box, (TrueBox{0, 0, 19, 9}));
}

TEST_F(Voc, CountsBoxesByTheRule) {
  const AnnotatedImage item = open()->items()[0];
  EXPECT_EQ(counted_boxes(item, {}).boxes.size(), 3u);
  EXPECT_EQ(counted_boxes(item, {}).hard, 2);
  EXPECT_THAT(counted_boxes(item, {.drop_hard = true}).boxes, ElementsAre(TrueBox{4, 4, 5, 6}));
  EXPECT_EQ(counted_boxes(item, {.drop_hard = true}).hard, 2);
}

TEST_F(Voc, IsFoundBelowItsKit) {
  EXPECT_EQ(open_voc(folder.path())->items().size(), 1u);
  write("kit/VOCdevkit/VOC2007/ImageSets/Main/trainval.txt", "000005\r\n");
  write("kit/VOCdevkit/VOC2007/Annotations/000005.xml", dog);
  EXPECT_EQ(open_voc(folder / "kit")->items().size(), 1u);
  write("kit/VOCdevkit/VOC2012/Annotations/a.xml", dog);
  EXPECT_THAT(input_error([&] { open_voc(folder / "kit"); }), HasSubstr("VOC2007, VOC2012; expected one of them"));
  EXPECT_THAT(input_error([&] { open_voc(folder / "VOC2007/ImageSets"); }),
              AllOf(HasSubstr("expected the folders Annotations"), HasSubstr("Main")));
}

TEST_F(Voc, TakesImagesOfUnknownSizeAndWithoutObjects) {
  write("VOC2007/Annotations/000005.xml",
        "<annotation><object><name>a</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>999</xmax><ymax>9</ymax></bndbox>"
        "</object></annotation>");
  EXPECT_EQ(open()->items()[0].width, 0);
  EXPECT_THAT(open()->notes(), IsEmpty());
  write("VOC2007/Annotations/000005.xml", "<annotation><size><width>0</width><height>0</height></size></annotation>");
  EXPECT_EQ(open()->items()[0].width, 0);
  EXPECT_THAT(open()->items()[0].objects, IsEmpty());
}

TEST_F(Voc, NamesFileAndObjectOfADamagedAnnotation) {
  EXPECT_THAT(refusal("<annotation><object>"), HasSubstr("000005.xml: no XML: "));
  EXPECT_THAT(refusal("<people></people>"), HasSubstr("000005.xml: its root is 'people'; expected 'annotation'"));
  EXPECT_THAT(refusal("<annotation><object><name>a</name></object></annotation>"),
              HasSubstr("000005.xml: object 1: has no bndbox"));
  EXPECT_THAT(refusal("<annotation><object><bndbox/></object></annotation>"), HasSubstr("object 1: has no name"));
  const auto box = [](const std::string& corners) {
    return "<annotation><object><name>a</name><bndbox>" + corners + "</bndbox></object></annotation>";
  };
  EXPECT_THAT(refusal(box("<xmin>1</xmin><ymin>1</ymin><xmax>9</xmax>")), HasSubstr("object 1: has no ymax"));
  EXPECT_THAT(refusal(box("<xmin>1</xmin><ymin>1</ymin><xmax>9,5</xmax><ymax>9</ymax>")),
              HasSubstr("object 1: xmax is '9,5'; expected a number"));
  EXPECT_THAT(refusal(box("<xmin>nan</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax>")), HasSubstr("xmin is 'nan'"));
  EXPECT_THAT(refusal(box("<xmin>9</xmin><ymin>1</ymin><xmax>1</xmax><ymax>9</ymax>")),
              HasSubstr("its box from 9, 1 to 1, 9 has no pixel"));
  EXPECT_THAT(refusal("<annotation><object><name>a</name><difficult>yes</difficult><bndbox><xmin>1</xmin>"
                      "<ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"),
              HasSubstr("object 1: difficult is 'yes'; expected 0 or 1"));
}

TEST_F(Voc, NamesWhatIsWrongWithAList) {
  EXPECT_THAT(input_error([&] { open({.set = "test"}); }),
              AllOf(HasSubstr("test.txt: is not there"), HasSubstr("known: trainval")));
  write("VOC2007/ImageSets/Main/dog_trainval.txt", "000005  1\n");
  EXPECT_THAT(input_error([&] { open({.set = "dog_trainval"}); }), HasSubstr("a list of a class"));
  write("VOC2007/ImageSets/Main/train.txt", "000005\n000005\n");
  EXPECT_THAT(input_error([&] { open({.set = "train"}); }), HasSubstr("'000005' stands there twice"));
  write("VOC2007/ImageSets/Main/val.txt", "\n \n");
  EXPECT_THAT(input_error([&] { open({.set = "val"}); }), HasSubstr("val.txt: holds no name"));
  write("VOC2007/ImageSets/Main/val.txt", "000006\n");
  EXPECT_THAT(input_error([&] { open({.set = "val"}); }), HasSubstr("000006.xml"));
}

TEST_F(Voc, ReadsMasksAsNumbersOfObjectsAndClasses) {
  write("VOC2007/ImageSets/Segmentation/val.txt", "000005\n");
  const VocOptions objects{.set = "Segmentation/val", .masks = MaskKind::objects};
  EXPECT_THAT(input_error([&] { open(objects); }),
              AllOf(HasSubstr("SegmentationObject: 1 of 1 images have no mask there (000005)"),
                    HasSubstr("Segmentation/trainval")));
  std::filesystem::create_directories(folder / "VOC2007/SegmentationObject");
  const std::filesystem::path palette = std::filesystem::path(ASSAY_TEST_DATA) / "png" / "palette.png";
  std::filesystem::copy_file(palette, folder / "VOC2007/SegmentationObject/000005.png");
  const auto set = open(objects);
  EXPECT_EQ(set->mask_kind(), MaskKind::objects);
  const Image mask = set->mask(0);  // indices, no colours
  EXPECT_EQ(mask.channels, 1);
  EXPECT_EQ(mask.width, 13);
  EXPECT_THROW(open()->mask(0), Error);
}

TEST_F(Voc, RefusesAnImageOfAnotherSizeThanItsAnnotation) {
  write("VOC2007/Annotations/000005.xml",
        "<annotation><filename>x.png</filename><size><width>3</width><height>2</height></size></annotation>");
  std::filesystem::create_directories(folder / "VOC2007/JPEGImages");
  write_png(folder / "VOC2007/JPEGImages/000005.png", Image(3, 2, 3, 9));
  EXPECT_EQ(open()->image(0), Image(3, 2, 3, 9));
  write_png(folder / "VOC2007/JPEGImages/000005.png", Image(2, 3, 3, 9));
  EXPECT_THAT(input_error([&] { open()->image(0); }),
              HasSubstr("000005.png: has 2 x 3 pixels, and its annotation says 3 x 2"));
}

}  // namespace
}  // namespace assay
