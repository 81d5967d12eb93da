#include "reproductions/diffusion_seg/photographs.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "datasets/annotated/coco.h"
#include "datasets/annotated/saliency_set.h"
#include "datasets/annotated/voc.h"
#include "images/image_file.h"
#include "images/png.h"
#include "reproductions/diffusion_seg/algorithm/pair_files.h"

namespace assay::diffusion_seg {
namespace {

/// What a photograph's map is held against.
struct Truth {
  Image mask;                     // 0 and 255, of the size of the map; without pixels where boxes are true
  std::vector<BoxCorners> boxes;  // those that count
  std::int64_t height = 0, width = 0;

  bool empty() const {
    if (mask.pixels.empty()) return boxes.empty();
    return std::none_of(mask.pixels.begin(), mask.pixels.end(), [](std::uint8_t pixel) { return pixel != 0; });
  }
};

Truth truth_of(const PhotographSet& set, const AnnotatedImages& photographs, std::int64_t i, const Image& photograph) {
  if (set.kind == PhotographKind::saliency) {
    Image mask = binary_mask(photographs.mask(i), ForegroundRule::above_zero);
    for (std::uint8_t& pixel : mask.pixels) pixel = pixel != 0 ? 255 : 0;
    const std::int64_t height = mask.height, width = mask.width;
    return {std::move(mask), {}, height, width};
  }
  const BoxRule rule{.drop_hard = false, .round = set.kind == PhotographKind::coco20k};
  return {{},
          counted_boxes(photographs.items()[static_cast<std::size_t>(i)], rule).boxes,
          photograph.height,
          photograph.width};
}

std::filesystem::path map_file(const Run& run, const PhotographSet& set, const std::string& arm,
                               const std::string& id) {
  return run.artifact_folder() / "maps" / set.name / arm / (id + ".png");
}

/// The first photographs and what the arm makes of them, small and side by side.
class Picture {
 public:
  void add(const Image& photograph, const Image& map) {
    constexpr std::size_t most = 10;
    constexpr std::int64_t side = 128;
    if (images_.size() == most) return;
    images_.push_back(squared(photograph, side));
    maps_.push_back(squared(map, side).narrow(1, 0, 1).squeeze(1));
  }
  void write(StageOutput& out, const Run& run, const PhotographSet& set, const std::string& arm) const {
    if (images_.empty()) return;
    constexpr std::int64_t columns = 5;
    const std::string name = fmt::format("{} on {}", arm, set.name);
    const auto file = run.artifact_folder() / fmt::format("maps-{}-{}.png", set.name, arm);
    const auto shown = static_cast<std::int64_t>(images_.size());
    write_pair_sheet(at::cat(images_), hardened(at::cat(maps_)), columns, file);
    out.artifacts.push_back({.name = name,
                             .kind = "image-grid",
                             .file = file,
                             .meta = {{"arm", name},
                                      {"seed", run.seed()},
                                      {"rows", (shown + columns - 1) / columns},
                                      {"columns", 2 * std::min(columns, shown)}}});
  }

 private:
  std::vector<at::Tensor> images_, maps_;
};

void make_maps(Run& run, const PhotographSet& set, const AnnotatedImages& photographs, const std::string& arm,
               const MapOfPhotograph& map, std::int64_t count, std::int64_t shard) {
  const auto progress = run.progress(fmt::format("{} on {}", arm, set.name), count, "images");
  for (std::int64_t first = 0; first < count; first += shard)
    run.stage(fmt::format("maps:{}:{}:{:06}", set.name, arm, first), [&](StageOutput& /*out*/) {
      for (std::int64_t i = first; i < std::min(count, first + shard); ++i) {
        const Image photograph = photographs.image(i);
        const Truth truth = truth_of(set, photographs, i, photograph);
        const auto file = map_file(run, set, arm, photographs.items()[static_cast<std::size_t>(i)].id);
        ensure_folder(file.parent_path());
        write_png(file, image_of(map(photograph, truth.height, truth.width)));
        progress(i + 1);
      }
    });
}

}  // namespace

PhotographSet read_photograph_set(const nlohmann::json& object, const std::string& name) {
  const std::string where = "sets." + name;
  ConfigReader reader(object, where);
  PhotographSet set;
  set.name = name;
  set.kind = reader.choice("kind", set.kind, photograph_kind_names);
  set.id = reader.text("id", "");
  set.published_images = reader.integer("images", 0, 0);
  set.folder.what = fmt::format("photographs `{}`", name);
  set.folder.path = reader.text("folder", "");
  set.folder.official = reader.text("official", "");
  set.folder.source = reader.text("from", "");
  set.folder.folder = true;
  reader.finish();
  if (set.folder.path.empty()) throw InputError(where + ".folder: missing");
  if (set.kind == PhotographKind::saliency) {
    if (set.id.empty()) throw InputError(where + ".id: missing; accepted: the id of a saliency set");
    std::vector<std::string> known;
    for (const SaliencySet& published : saliency_sets()) known.push_back(published.id);
    ConfigReader(object, where).one_of("id", "", known);
  } else if (!set.id.empty()) {
    throw InputError(fmt::format("{}.id: '{}'; only a set of kind saliency has one", where, set.id));
  }
  return set;
}

std::unique_ptr<AnnotatedImages> open_photographs(const PhotographSet& set) {
  const std::filesystem::path& folder = set.folder.path;
  switch (set.kind) {
    case PhotographKind::saliency:
      return open_saliency_set(set.id, folder);
    case PhotographKind::voc:
      return open_voc(folder);
    case PhotographKind::coco20k:
      break;
  }
  return open_coco(folder / "instances_train2014.json",
                   {.list = folder / "coco_20k_filenames.txt", .images = folder / "train2014"});
}

at::Tensor squared(const Image& image, std::int64_t side) {
  const at::Tensor planes = planes_of(image).to(at::kFloat).unsqueeze(0).contiguous();
  const std::vector<std::int64_t> size = {side, side};
  return at::_upsample_bicubic2d_aa(planes, size, false)
      .round()
      .clamp(0, 255)
      .to(at::kByte)
      .expand({1, 3, side, side})
      .contiguous();
}

nlohmann::json score_photographs(Run& run, const PhotographSet& set, const PhotographArm& arm,
                                 const MapOfPhotograph& map, const PhotographScoring& how) {
  const std::unique_ptr<AnnotatedImages> photographs = open_photographs(set);
  const auto all = static_cast<std::int64_t>(photographs->items().size());
  const std::int64_t count = how.most > 0 ? std::min(how.most, all) : all;
  make_maps(run, set, *photographs, arm.name, map, count, how.shard);
  return run.stage(fmt::format("score:{}:{}", set.name, arm.name), [&](StageOutput& out) {
    const auto progress = run.progress(fmt::format("score {} on {}", arm.name, set.name), count, "images");
    MaskScores soft, hard;
    std::vector<double> hits;
    Picture picture;
    std::int64_t left_out = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const Image photograph = photographs->image(i);
      const Truth truth = truth_of(set, *photographs, i, photograph);
      progress(i + 1);
      if (truth.empty()) {
        ++left_out;
        continue;
      }
      const Image found =
          as_grey(read_image_file(map_file(run, set, arm.name, photographs->items()[static_cast<std::size_t>(i)].id)));
      picture.add(photograph, found);
      const at::Tensor of_photograph = planes_of(found);
      if (set.kind == PhotographKind::saliency) {
        const at::Tensor mask = planes_of(truth.mask);
        soft.add(score_masks(of_photograph, mask));
        hard.add(score_masks(hardened(of_photograph), mask));
      } else {
        hits.push_back(box_hit(boxes_of(of_photograph).front(), truth.boxes));
      }
    }
    if (left_out == count)
      throw InputError(
          fmt::format("{}: none of {} photographs has an object to be found", set.folder.path.string(), count));
    if (left_out > 0)
      out.notes.push_back(
          fmt::format("{}: {} of {} photographs are left out: nothing to be found", set.name, left_out, count));
    if (count < all) out.notes.push_back(fmt::format("{}: the first {} of {} photographs", set.name, count, all));
    for (const std::string& note : photographs->notes()) out.notes.push_back(note);
    const nlohmann::json params = {{"set", set.name}};
    nlohmann::json reference = {{"images", set.name}};
    if (set.kind == PhotographKind::saliency) {
      add_mask_protocols(out, reference, "> 0");
      add_mask_scores(out, arm.scored(), soft, how.resampling, params);
      nlohmann::json of_hard = params;
      of_hard["map"] = "hard";
      add_max_f(out, arm.scored(), hard, how.resampling, of_hard);
      out.result = {{"iou", soft.iou}};
    } else {
      reference["images_without_true_boxes"] = "left out of the divisor";
      add_corloc_protocol(out, reference,
                          set.kind == PhotographKind::voc ? "of trainval, difficult and truncated ones too; xmin and "
                                                            "ymin lowered by 1"
                                                          : "of COCO20k, rounded, without crowds");
      add_corloc(out, arm.scored(), hits, params);
      out.result = {{"corloc", hits}};
    }
    picture.write(out, run, set, arm.name);
  });
}

}  // namespace assay::diffusion_seg
