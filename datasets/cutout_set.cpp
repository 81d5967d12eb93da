#include "datasets/cutout_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/philox.h"
#include "images/area_resize.h"

namespace assay {
namespace {

/// The part of an RGBA image within the box around all alpha above 0, of which there must be some.
Image cut_to_alpha(const Image& image) {
  Image seen = take_channel(image, 3);
  for (std::uint8_t& alpha : seen.pixels) alpha = alpha > 0 ? 255 : 0;
  const Box box = mask_box(seen);
  Image part(box.x1 - box.x0, box.y1 - box.y0, 4);
  for (int y = 0; y < part.height; ++y) std::copy_n(image.at(box.x0, box.y0 + y), 4 * part.width, part.at(0, y));
  return part;
}

/// The object, cut to its alpha, with a drawn side at a drawn place of a transparent image of the same size.
Image placed(const Image& object, const ObjectPlacement& placement, RandomStream& random) {
  const int size = object.width;
  Image part = cut_to_alpha(object);
  const double share = placement.least_side + (placement.most_side - placement.least_side) * random.uniform();
  const double scale = std::min(1.0, share * size / std::max(part.width, part.height));
  const auto shrunk = [&](int side) { return std::max(1, static_cast<int>(std::lround(scale * side))); };
  if (scale < 1) part = area_resize(part, shrunk(part.width), shrunk(part.height));
  const auto drawn = [&](int room) { return static_cast<int>(random.below(static_cast<std::uint64_t>(room) + 1)); };
  const int room_x = size - part.width, room_y = size - part.height;
  const int left = placement.anywhere ? drawn(room_x) : room_x / 2;
  const int top = placement.anywhere ? drawn(room_y) : room_y / 2;
  Image image(size, size, 4);
  for (int y = 0; y < part.height; ++y) std::copy_n(part.at(0, y), 4 * part.width, image.at(left, top + y));
  return image;
}

/// The random stream of a further copy of an object.
std::uint64_t stream_of_copy(std::uint64_t stream, std::int64_t copy) {
  return std::stoull(hash_text(fmt::format("{} {}", stream, copy)).substr(0, 16), nullptr, 16);
}

class CutoutSet final : public Dataset {
 public:
  explicit CutoutSet(Cutouts cutouts) : cutouts_(std::move(cutouts)), hash_(cutouts_.hash) {
    const std::optional<ObjectPlacement>& placement = cutouts_.placement;
    objects_.reserve(cutouts_.items.size());
    streams_.reserve(cutouts_.items.size());
    items_.reserve(cutouts_.items.size());
    std::set<std::string> stems;
    for (const Item& item : cutouts_.items) stems.insert(item.stem);
    for (std::size_t object = 0; object < cutouts_.items.size(); ++object) {
      const Item& item = cutouts_.items[object];
      objects_.push_back(object);
      streams_.push_back(cutouts_.streams[object]);
      items_.push_back(item);
      // Held-out objects come once: an interval over them is one over things that were never seen.
      const std::int64_t copies = placement && item.split == Split::train ? placement->copies : 1;
      for (std::int64_t copy = 2; copy <= copies; ++copy) {
        objects_.push_back(object);
        streams_.push_back(stream_of_copy(cutouts_.streams[object], copy));
        items_.push_back(item);
        std::string& stem = items_.back().stem;
        stem += fmt::format("-at{}", copy);
        while (!stems.insert(stem).second) stem += '-';
      }
    }
    const std::optional<Photographs>& photographs = cutouts_.photographs;
    if (photographs) {
      hash_ = Hasher().text(hash_).text("photographs/1").text(photographs->hash()).hex();
      cutouts_.problems.insert(cutouts_.problems.end(), photographs->problems().begin(), photographs->problems().end());
    }
    if (placement)
      hash_ = Hasher()
                  .text(hash_)
                  .text("placement/1")
                  .number(placement->least_side)
                  .number(placement->most_side)
                  .number(std::int64_t{placement->anywhere})
                  .number(placement->copies)
                  .hex();
  }

  const std::string& name() const override { return cutouts_.name; }
  int size() const override { return cutouts_.size; }
  std::string hash() const override { return hash_; }
  const std::vector<Item>& items() const override { return items_; }
  const std::vector<std::string>& groups() const override { return cutouts_.groups; }
  const std::vector<std::string>& subgroups() const override { return cutouts_.subgroups; }
  const std::vector<Problem>& problems() const override { return cutouts_.problems; }

  Sample sample(std::int64_t index) const override {
    if (index < 0 || index >= static_cast<std::int64_t>(items_.size()))
      throw Error(fmt::format("{}: no item {} among {}", cutouts_.name, index, items_.size()));
    const auto i = static_cast<std::size_t>(index);
    RandomStream random(cutouts_.seed, Purpose::dataset, streams_[i]);
    const Image& whole = cutouts_.images[objects_[i]];
    const Image object = cutouts_.placement ? placed(whole, *cutouts_.placement, random) : whole;
    Sample sample;
    sample.image =
        composite(object, cutouts_.photographs ? cutouts_.photographs->crop(items_[i].split, random)
                                               : make_background(cutouts_.background, cutouts_.size, random));
    sample.mask = take_channel(object, 3);
    sample.box = mask_box(sample.mask);
    return sample;
  }

 private:
  Cutouts cutouts_;
  std::string hash_;
  std::vector<Item> items_;
  std::vector<std::size_t> objects_;    // per item: index into the cut-outs
  std::vector<std::uint64_t> streams_;  // per item
};

}  // namespace

Cutouts::Cutouts(std::string set_name, const DatasetSpec& spec)
    : name(std::move(set_name)), size(spec.size), seed(spec.seed), placement(spec.placement) {
  const std::string where = name + ".background";
  if (names_photographs(spec.background))
    photographs.emplace(spec.background, size, where);
  else
    background = parse_background(spec.background, where);
}

std::unique_ptr<Dataset> make_cutout_set(Cutouts cutouts) { return std::make_unique<CutoutSet>(std::move(cutouts)); }

}  // namespace assay
