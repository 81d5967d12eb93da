#include "reproductions/maskdm/algorithm/masks.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/config.h"
#include "core/error.h"

namespace assay::maskdm {
namespace {

using Kind = MaskOptions::Kind;

constexpr Names<Kind> kind_names = {
    {"none", Kind::none}, {"patch", Kind::patch}, {"block", Kind::block}, {"crop", Kind::crop}};

/// int(rate N), as the published code truncates it.
std::int64_t hidden_patches(double rate, std::int64_t grid) {
  return static_cast<std::int64_t>(rate * static_cast<double>(grid * grid));
}

/// `count` of the numbers below n at random, ascending.
std::vector<std::int64_t> some_of(std::int64_t n, std::int64_t count, RandomStream& random) {
  std::vector<std::int64_t> order = permutation(n, random);
  order.resize(static_cast<std::size_t>(count));
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace

MaskOptions read_mask_options(const nlohmann::json& object, const std::string& where, std::int64_t grid) {
  ConfigReader reader(object, where);
  MaskOptions o;
  o.kind = reader.choice("kind", o.kind, kind_names);
  o.rate = reader.real("rate", o.rate, 0.0, 1.0);
  o.block = reader.integer("block", o.block, 1);
  o.crop = reader.integer("crop", o.crop, 1);
  reader.finish();
  if (o.kind == Kind::block && grid % o.block != 0)
    throw InputError(
        fmt::format("{}.block: {} does not divide the grid of {} x {} patches", where, o.block, grid, grid));
  if (o.kind == Kind::crop && o.crop > grid)
    throw InputError(
        fmt::format("{}.crop: {} in a grid of {} x {} patches; accepted: 1 to {}", where, o.crop, grid, grid, grid));
  if (visible_count(o, grid) < 1)
    throw InputError(fmt::format("{}.rate: {} leaves nothing of {} x {} patches to see; accepted: at least one patch{}",
                                 where, o.rate, grid, grid,
                                 o.kind == Kind::block ? fmt::format(", and blocks of {}", o.block) : ""));
  return o;
}

nlohmann::json to_json(const MaskOptions& o) {
  return {{"kind", name_of(o.kind, kind_names)}, {"rate", o.rate}, {"block", o.block}, {"crop", o.crop}};
}

std::int64_t visible_count(const MaskOptions& o, std::int64_t grid) {
  const std::int64_t patches = grid * grid, area = o.block * o.block;
  switch (o.kind) {
    case Kind::none:
      return patches;
    case Kind::patch:
      return patches - hidden_patches(o.rate, grid);
    case Kind::block:
      return patches - hidden_patches(o.rate, grid) / area * area;
    case Kind::crop:
      return o.crop * o.crop;
  }
  throw Error("maskdm: a mask of no kind");
}

std::vector<std::int64_t> draw_visible(const MaskOptions& o, std::int64_t grid, RandomStream& random) {
  const std::int64_t patches = grid * grid;
  std::vector<std::int64_t> visible;
  switch (o.kind) {
    case Kind::none:
      visible.resize(static_cast<std::size_t>(patches));
      std::iota(visible.begin(), visible.end(), 0);
      break;
    case Kind::patch:
      visible = some_of(patches, visible_count(o, grid), random);
      break;
    case Kind::block: {
      const std::int64_t side = grid / o.block, area = o.block * o.block;
      for (const std::int64_t b : some_of(side * side, visible_count(o, grid) / area, random))
        for (std::int64_t i = 0; i < area; ++i)
          visible.push_back((b / side * o.block + i / o.block) * grid + b % side * o.block + i % o.block);
      std::sort(visible.begin(), visible.end());
      break;
    }
    case Kind::crop: {
      const auto places = static_cast<std::uint64_t>(grid - o.crop + 1);
      const auto top = static_cast<std::int64_t>(random.below(places)),
                 left = static_cast<std::int64_t>(random.below(places));
      for (std::int64_t y = 0; y < o.crop; ++y)
        for (std::int64_t x = 0; x < o.crop; ++x) visible.push_back((top + y) * grid + left + x);
      break;
    }
  }
  return visible;
}

at::Tensor visible_of_masks(const at::Tensor& masks) {
  if (masks.dim() != 2) throw InputError("masks must be [B, N], 1 where a patch is hidden");
  const at::Tensor shown = masks.eq(0);
  const at::Tensor counts = shown.sum(1);
  const auto fewest = counts.min().item<std::int64_t>(), most = counts.max().item<std::int64_t>();
  if (fewest != most)
    throw InputError(fmt::format(
        "masks: images show {} to {} patches; accepted: the same number in every image of a batch", fewest, most));
  if (most == 0) throw InputError("masks: nothing is visible; accepted: at least one patch an image");
  return shown.nonzero().select(1, 1).reshape({masks.size(0), most});
}

}  // namespace assay::maskdm
