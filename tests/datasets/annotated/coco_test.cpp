#include "datasets/annotated/coco.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "core/error.h"
#include "core/parallel.h"
#include "tests/datasets/fixtures.h"

namespace assay {
namespace {

using nlohmann::json;
using test::input_error;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

json instances() {
  return json::parse(R"({
    "info": {"images": [1, 2, {"id": 3}]}, "licenses": [{"id": 1}],
    "images": [
      {"id": 9, "file_name": "COCO_train2014_000000000009.jpg", "width": 5, "height": 4, "license": 1},
      {"id": 7, "file_name": "COCO_train2014_000000000007.jpg", "width": 3, "height": 2}],
    "annotations": [
      {"segmentation": [[1, 1, 3, 1, 3, 3, 1, 3], [4, 0, 5, 0, 5, 1, 4, 1]], "area": 5.0, "iscrowd": 0, "image_id": 9,
       "bbox": [0.5, 1.5, 2.0, 2.25], "category_id": 18, "id": 40},
      {"segmentation": {"counts": [0, 2, 4], "size": [2, 3]}, "iscrowd": 1, "image_id": 7, "bbox": [0, 0, 1, 2],
       "category_id": 1, "id": 41},
      {"segmentation": {"counts": "411", "size": [2, 3]}, "iscrowd": 0, "image_id": 7.0, "bbox": [2, 0, 1, 1],
       "category_id": 1, "id": 42}],
    "categories": [{"id": 1, "name": "person", "supercategory": "person"}, {"id": 18, "name": "dog"}]})");
}

class Coco : public ::testing::Test {
 protected:
  std::unique_ptr<CocoImages> open(const json& file, const CocoOptions& options = {}) const {
    return open_coco(folder.file("instances.json", file.dump()), options);
  }
  std::string refusal(const json& file, const CocoOptions& options = {}) const {
    return input_error([&] { open(file, options); });
  }
  /// The refusal of instances() with this patch of RFC 6902.
  std::string refusal_of(const char* patch, const CocoOptions& options = {}) const {
    return refusal(instances().patch(json::parse(patch)), options);
  }
  test::TemporaryFolder folder;
};

std::vector<int> rows_of(const Image& mask) { return {mask.pixels.begin(), mask.pixels.end()}; }

TEST_F(Coco, HasItsObjectsByImage) {
  const auto set = open(instances(), {.images = "photos"});
  ASSERT_EQ(set->items().size(), 2u);
  const AnnotatedImage &seven = set->items()[0], &nine = set->items()[1];
  EXPECT_EQ(nine.id, "COCO_train2014_000000000009");
  EXPECT_EQ(nine.image, std::filesystem::path("photos") / "COCO_train2014_000000000009.jpg");
  EXPECT_EQ(nine.width, 5);
  ASSERT_EQ(nine.objects.size(), 1u);
  EXPECT_EQ(nine.objects[0].category, "dog");
  EXPECT_EQ(nine.objects[0].box, (TrueBox{0.5, 1.5, 2.5, 3.75}));
  ASSERT_EQ(seven.objects.size(), 2u);
  EXPECT_TRUE(seven.objects[0].crowd && !seven.objects[1].crowd);
  EXPECT_EQ(set->mask_kind(), MaskKind::none);
  EXPECT_THROW(set->mask(0), Error);
  EXPECT_THROW(set->object_mask(0, 0), Error);
}

// Python: [round(x) for x in (0.5, 1.5, 2.5, 3.75)]
TEST_F(Coco, CountsBoxesAsLostDoes) {
  const auto set = open(instances());
  EXPECT_THAT(counted_boxes(set->items()[1], {.round = true}).boxes, ElementsAre(TrueBox{0, 2, 2, 4}));
  const CountedBoxes seven = counted_boxes(set->items()[0], {.round = true});
  EXPECT_THAT(seven.boxes, ElementsAre(TrueBox{2, 0, 3, 1}));
  EXPECT_EQ(seven.crowds, 1);
}

TEST_F(Coco, MakesMasksOfPolygonsAndRuns) {
  const auto set = open(instances(), {.masks = true});
  EXPECT_THAT(rows_of(image_of(set->object_mask(1, 0), 1)),
              ElementsAre(0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(rows_of(image_of(set->object_mask(0, 0), 1)), ElementsAre(1, 0, 0, 1, 0, 0));
  EXPECT_THAT(rows_of(image_of(set->object_mask(0, 1), 1)), ElementsAre(0, 0, 1, 0, 0, 0));
  EXPECT_EQ(set->mask_kind(), MaskKind::foreground);
  EXPECT_THAT(rows_of(set->mask(0)), ElementsAre(255, 0, 255, 255, 0, 0));
  EXPECT_THROW(set->object_mask(0, 2), Error);
}

TEST_F(Coco, MasksAreTheSameOnAnyThread) {
  const auto set = open(instances(), {.masks = true});
  const std::array<Image, 2> expected = {set->mask(0), set->mask(1)};
  parallel_for(200, 4, [&](std::int64_t i, int) {
    if (set->mask(i % 2) != expected[static_cast<std::size_t>(i % 2)]) throw Error("another mask");
  });
}

TEST_F(Coco, TakesTheImagesOfAList) {
  for (const char* name : {"train2014/COCO_train2014_000000000007.jpg\r\n", "COCO_train2014_000000000007.jpg",
                           "\nCOCO_train2014_000000000007\n"}) {
    const auto set = open(instances(), {.list = folder.file("list.txt", name), .masks = true});
    ASSERT_EQ(set->items().size(), 1u) << name;
    EXPECT_EQ(set->items()[0].objects.size(), 2u);
    EXPECT_EQ(area_of(set->object_mask(0, 1)), 1);
  }
  EXPECT_THAT(refusal(instances(), {.list = folder.file("list.txt", "a.jpg\nCOCO_train2014_000000000007.jpg\n")}),
              AllOf(HasSubstr("1 of 2 images of "), HasSubstr("list.txt are not in it (a)")));
  EXPECT_THAT(refusal(instances(), {.list = folder.file("list.txt", "x/a.jpg\ny/a.jpg\n")}),
              HasSubstr("stand there twice, but for folders: y/a.jpg"));
}

// Hand-made files have any order of keys.
TEST_F(Coco, ReadsListsInAnyOrder) {
  const json all = instances();
  const std::string text = "{\"categories\":" + all["categories"].dump() +
                           ",\"annotations\":" + all["annotations"].dump() + ",\"images\":" + all["images"].dump() +
                           "}";
  const auto file = folder.file("other.json", text);
  EXPECT_EQ(open_coco(file)->items()[0].objects.size(), 2u);
  const auto list = folder.file("list.txt", "COCO_train2014_000000000009.jpg");
  EXPECT_EQ(open_coco(file, {.list = list})->items()[0].objects.size(), 1u);
}

TEST_F(Coco, NeedsNeitherAreaNorCrowdNorOutline) {
  json file = instances();
  for (json& annotation : file["annotations"])
    for (const char* key : {"area", "iscrowd", "segmentation"}) annotation.erase(key);
  const auto set = open(file, {.masks = true});
  EXPECT_FALSE(set->items()[0].objects[0].crowd);
  EXPECT_THAT(input_error([&] { set->object_mask(0, 0); }),
              HasSubstr("instances.json: annotation 41: has no segmentation"));
  EXPECT_THAT(open(instances().patch(json::parse(R"([{"op":"replace","path":"/annotations","value":[]}])")))
                  ->items()[0]
                  .objects,
              IsEmpty());
}

TEST_F(Coco, NamesFileAndAnnotationOfAFault) {
  EXPECT_THAT(refusal_of(R"([{"op":"replace","path":"/annotations/0/image_id","value":5}])"),
              HasSubstr("instances.json: annotation 40: the file has no image 5"));
  EXPECT_THAT(refusal_of(R"([{"op":"replace","path":"/annotations/0/category_id","value":5}])"),
              HasSubstr("annotation 40: the file has no category 5"));
  EXPECT_THAT(refusal_of(R"([{"op":"remove","path":"/annotations/1/category_id"}])"),
              HasSubstr("annotation 41: has no category_id"));
  EXPECT_THAT(refusal_of(R"([{"op":"remove","path":"/annotations/1/bbox"}])"), HasSubstr("annotation 41: has no bbox"));
  EXPECT_THAT(
      refusal_of(R"([{"op":"remove","path":"/annotations/1/id"},{"op":"remove","path":"/annotations/1/bbox"}])"),
      HasSubstr("element 1 of 'annotations': has no bbox"));
  EXPECT_THAT(refusal_of(R"([{"op":"replace","path":"/annotations/1/bbox","value":[1,2,3]}])"),
              HasSubstr("annotation 41: bbox is [1,2,3]; expected [x, y, width, height]"));
  EXPECT_THAT(refusal_of(R"([{"op":"replace","path":"/annotations/1/bbox","value":[1,2,-3,4]}])"),
              HasSubstr("bbox is [1,2,-3,4]"));
  EXPECT_THAT(refusal_of(R"([{"op":"replace","path":"/annotations/1/iscrowd","value":2}])"),
              HasSubstr("iscrowd is 2; expected 0 or 1"));
  EXPECT_THAT(refusal_of(R"([{"op":"replace","path":"/annotations/1/image_id","value":"7"}])"),
              HasSubstr("image_id is \"7\"; expected an integer"));
  EXPECT_THAT(refusal_of(R"([{"op":"replace","path":"/images/1/id","value":9}])"),
              HasSubstr("image 9: stands there twice"));
  EXPECT_THAT(refusal_of(R"([{"op":"copy","from":"/images/0/file_name","path":"/images/1/file_name"}])"),
              HasSubstr("image 7: another image is named 'COCO_train2014_000000000009' too"));
  EXPECT_THAT(refusal_of(R"([{"op":"remove","path":"/images/0/file_name"}])"), HasSubstr("image 9: has no file_name"));
  EXPECT_THAT(refusal_of(R"([{"op":"remove","path":"/images/0/id"}])"), HasSubstr("element 0 of 'images': has no id"));
  EXPECT_THAT(refusal_of(R"([{"op":"replace","path":"/images/0/width","value":0}])"), HasSubstr("image 9: width is 0"));
  EXPECT_THAT(refusal_of(R"([{"op":"replace","path":"/images/0/width","value":1048576},
                             {"op":"replace","path":"/images/0/height","value":1048576}])"),
              AllOf(HasSubstr("image 9: 1048576 x 1048576 pixels"), HasSubstr("MiB accepted")));
  EXPECT_THAT(refusal_of(R"([{"op":"replace","path":"/annotations/1/bbox","value":[1e308,2,1e308,4]}])"),
              HasSubstr("annotation 41: bbox is [1e+308"));
  EXPECT_THAT(refusal_of(R"([{"op":"replace","path":"/images/0","value":[1]}])"),
              HasSubstr("element 0 of 'images' is no object"));
}

TEST_F(Coco, SaysThatAFileIsNoFileOfInstances) {
  EXPECT_THAT(refusal(json::parse(R"([{"image_id": 1, "bbox": [1,2,3,4], "score": 0.5}])")),
              HasSubstr("is a list, as files of results are; expected a COCO instances file"));
  EXPECT_THAT(refusal(json::parse("3")), HasSubstr("its root is no object"));
  EXPECT_THAT(refusal_of(R"([{"op":"remove","path":"/images"}])"), HasSubstr("has no list 'images'"));
  EXPECT_THAT(refusal_of(R"([{"op":"replace","path":"/annotations","value":{"a":{"id":1}}}])"),
              HasSubstr("'annotations' is no list"));
  EXPECT_THAT(refusal_of(R"([{"op":"replace","path":"/images","value":4}])"), HasSubstr("'images' is no list"));
  EXPECT_THAT(input_error([&] { open_coco(folder.file("cut.json", instances().dump().substr(0, 300))); }),
              HasSubstr("cut.json: not valid JSON at byte 301"));
  EXPECT_THAT(input_error([&] { open_coco(folder.file("twice.json", R"({"images":[],"images":[]})")); }),
              HasSubstr("has two lists 'images'"));
}

TEST_F(Coco, RefusesJsonThatLiesDeepInItself) {
  const auto file = [&](std::size_t depth) {
    const std::string box = std::string(depth, '[') + std::string(depth, ']');
    return folder.file("deep.json", R"({"annotations": [{"image_id": 1, "category_id": 1, "bbox": )" + box + "}]}");
  };
  EXPECT_THAT(input_error([&] { open_coco(file(300)); }), HasSubstr("deep.json: its JSON lies more than 256 levels"));
  EXPECT_THAT(input_error([&] { open_coco(file(200)); }), HasSubstr("bbox is [["));
}

TEST_F(Coco, NamesTheAnnotationOfADamagedOutline) {
  const CocoOptions masks{.masks = true};
  const auto at_opening = [&](const char* outline) {
    json file = instances();
    file["annotations"][1]["segmentation"] = json::parse(outline);
    return refusal(file, masks);
  };
  EXPECT_THAT(at_opening("7"), HasSubstr("annotation 41: segmentation is 7; expected a list of polygons"));
  EXPECT_THAT(at_opening("[[1, 2, \"3\"]]"), HasSubstr("annotation 41: polygon 0 of its segmentation is"));
  EXPECT_THAT(at_opening("[1, 2, 3, 4, 5, 6]"), HasSubstr("polygon 0 of its segmentation is 1"));
  EXPECT_THAT(at_opening(R"({"counts": [1, 2.5], "size": [2, 3]})"), HasSubstr("run 1 of its segmentation is 2.5"));
  EXPECT_THAT(at_opening(R"({"counts": [6], "size": [2]})"), HasSubstr("size of its segmentation is [2]"));
  const auto at_reading = [&](const char* outline) {
    json file = instances();
    file["annotations"][1]["segmentation"] = json::parse(outline);
    const auto set = open(file, masks);
    return input_error([&] { set->mask(0); });
  };
  EXPECT_THAT(at_reading(R"({"counts": [1, 2], "size": [2, 3]})"),
              HasSubstr("instances.json: annotation 41: its runs have 3 pixels, and 3 x 2 are 6"));
  EXPECT_THAT(at_reading(R"({"counts": [1, -2, 7], "size": [2, 3]})"), HasSubstr("annotation 41: run 1 is -2"));
  EXPECT_THAT(at_reading(R"({"counts": "1 ", "size": [2, 3]})"), HasSubstr("annotation 41: character 1"));
  EXPECT_THAT(at_reading(R"({"counts": [6], "size": [3, 2]})"),
              HasSubstr("annotation 41: its runs are of 2 x 3 pixels, its image has 3 x 2"));
  EXPECT_THAT(at_reading("[[1, 2, 3, 4, 5]]"), HasSubstr("annotation 41: a polygon of 5 coordinates"));
}

}  // namespace
}  // namespace assay
