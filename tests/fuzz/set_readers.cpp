#include "app/metric/image_pairs.h"
#include "app/metric/true_boxes.h"
#include "datasets/annotated/coco.h"
#include "datasets/annotated/saliency_set.h"
#include "datasets/annotated/voc.h"
#include "images/image_source.h"
#include "images/png.h"
#include "tests/fuzz/fuzzed_reader.h"

namespace assay::fuzz {
namespace {

namespace fs = std::filesystem;

std::string grey_png() { return encode_png(Image(4, 3, 1, 200)); }
std::string colour_png() { return encode_png(Image(4, 3, 3, 50)); }

void look_at(const AnnotatedImages& set) {
  const auto count = static_cast<std::int64_t>(set.items().size());
  for (std::int64_t i = 0; i < count; ++i) {
    static_cast<void>(counted_boxes(set.items()[static_cast<std::size_t>(i)], {.drop_hard = true, .round = true}));
    static_cast<void>(set.image(i));
    if (set.mask_kind() != MaskKind::none) static_cast<void>(set.mask(i));
  }
}

std::vector<Files> voc_seeds() {
  return {{{"ImageSets/Main/trainval.txt", "000005\n"},
           {"Annotations/000005.xml", R"(<?xml version="1.0"?>
<annotation><filename>000005.png</filename><size><width>4</width><height>3</height><depth>3</depth></size>
<object><name>dog</name><truncated>1</truncated><difficult>0</difficult>
<bndbox><xmin>1</xmin><ymin>1.5</ymin><xmax>4</xmax><ymax>3</ymax></bndbox></object></annotation>)"},
           {"JPEGImages/000005.png", colour_png()},
           {"SegmentationClass/000005.png", grey_png()}}};
}

std::vector<Files> coco_seeds() {
  const std::string begin =
      R"({"info": {"year": 2014}, "images": [{"id": 9, "file_name": "a.png", "width": 4, "height": 3}],
"categories": [{"id": 1, "name": "cat"}], "annotations": [{"id": 1, "image_id": 9, "category_id": 1, "iscrowd": )";
  const auto with = [&](const std::string& rest) {
    return Files{{"instances.json", begin + rest + "}]}"}, {"list.txt", "val/a.png\n"}, {"a.png", colour_png()}};
  };
  return {with(R"(0, "bbox": [0.5, 1, 2, 2], "segmentation": [[0, 0, 3, 0, 3.5, 3], [1, 1, 2, 1, 2, 2, 1, 2]])"),
          with(R"(1, "bbox": [0, 0, 4, 3], "segmentation": {"counts": [2, 3, 7], "size": [3, 4]})"),
          with(R"(1, "bbox": [0, 0, 4, 3], "segmentation": {"counts": "237", "size": [3, 4]})")};
}

void read_coco(const fs::path& folder) {
  const auto coco =
      open_coco(folder / "instances.json", {.list = folder / "list.txt", .images = folder, .masks = true});
  for (std::size_t i = 0; i < coco->items().size(); ++i)
    for (std::size_t object = 0; object < coco->items()[i].objects.size(); ++object) {
      const RunLengths mask = coco->object_mask(static_cast<std::int64_t>(i), static_cast<std::int64_t>(object));
      static_cast<void>(text_of(mask));
      static_cast<void>(overlap(mask, mask));
      static_cast<void>(box_of(mask));
    }
  look_at(*coco);
}

std::vector<Files> box_seeds() {
  return {{{"boxes.json", R"({"a": [[0, 0, 3, 2], {"box": [1, 1, 2, 2], "difficult": 1}], "b": [], "c": null,
"d": {"box": [0.5, 0, 1e2, 7], "truncated": false}, "e": [1, 2, 3, 4]})"}}};
}

void read_boxes(const fs::path& folder) {
  TruthOptions options;
  options.file = folder / "boxes.json";
  options.from_one = true;
  static_cast<void>(read_true_boxes(options));
}

std::vector<Files> folder_seeds() {
  return {{{"images/a.png", colour_png()}, {"masks/a.png", grey_png()}},
          {{"images/a.png", colour_png()},
           {"images/b.jpg", test_data("jpeg/grey.jpg")},
           {"masks/a.bmp", grey_png()},
           {"masks/b.png", grey_png()},
           {"masks/.DS_Store", "x"}}};
}

void read_folders(const fs::path& folder) {
  look_at(*open_image_mask_folders(folder / "images", folder / "masks"));
  ImagePairs pairs = match_images(folder / "images", folder / "masks");
  leave_out_damaged(pairs, 1);
  const auto images = open_images(folder / "images");
  static_cast<void>(images->damaged());
  static_cast<void>(images->hash());
}

}  // namespace

std::vector<FuzzedReader> set_readers() {
  return {{"voc", "Annotations/000005.xml", voc_seeds,
           [](const fs::path& folder) { look_at(*open_voc(folder, {.masks = MaskKind::classes})); }},
          {"coco", "instances.json", coco_seeds, read_coco},
          {"boxes", "boxes.json", box_seeds, read_boxes},
          {"masks", "masks/a.png", folder_seeds, read_folders}};
}

}  // namespace assay::fuzz
