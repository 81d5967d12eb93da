#include "reproductions/self_guided/paper_conditions.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "core/array_file.h"
#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/numbers.h"
#include "core/philox.h"
#include "reproductions/self_guided/algorithm/boxes.h"
#include "reproductions/self_guided/algorithm/layout.h"

namespace assay::self_guided::paper {
namespace {

std::vector<std::int64_t> integers(const ArrayFile& file, const char* name, std::int64_t columns, std::int64_t rows) {
  const TensorView view = file.read(name);
  std::vector<std::int64_t> wanted = {rows};
  if (columns > 1) wanted.push_back(columns);
  const bool column = columns == 1 && view.shape == std::vector<std::int64_t>{rows, 1};
  if (view.shape != wanted && !column)
    throw InputError(fmt::format("{} is [{}]; expected [{}]", file.where(name), fmt::join(view.shape, ", "),
                                 fmt::join(wanted, ", ")));
  return integers_of(view, file.where(name));
}

std::int64_t rows_of(const ArrayFile& file, const char* name) {
  const std::vector<std::int64_t>& shape = file.header(name).shape;
  if (shape.empty() || shape[0] < 1)
    throw InputError(fmt::format("{} is empty; expected a row for every training image", file.where(name)));
  return shape[0];
}

NamedSize parse_line(const std::string& line, const std::string& where) {
  const auto fault = [&] { return InputError(fmt::format("{}: '{}'; expected STEM,HEIGHT,WIDTH", where, line)); };
  const auto second = line.rfind(','), first = second == std::string::npos ? second : line.rfind(',', second - 1);
  if (first == std::string::npos || first == 0) throw fault();
  const auto number = [&](std::size_t begin, std::size_t end) {
    std::int64_t value = 0;
    const auto [stop, code] = std::from_chars(line.data() + begin, line.data() + end, value);
    if (code != std::errc() || stop != line.data() + end || value < 1) throw fault();
    return value;
  };
  return {line.substr(0, first), number(first + 1, second), number(second + 1, line.size())};
}

using Kind = ConditionSource::Kind;
constexpr Names<Kind> kind_names = {{"none", Kind::none},
                                    {"ids", Kind::ids},
                                    {"multi_hot", Kind::multi_hot},
                                    {"boxes", Kind::boxes},
                                    {"masks", Kind::masks}};

/// The window of an image of this size that its training loader would show.
Crop training_crop(std::int64_t height, std::int64_t width, RandomStream& random) {
  const double window = static_cast<double>(std::min(height, width)) / (1.05 + 0.2 * random.uniform());
  const double left = random.uniform() * (static_cast<double>(width) - window),
               top = random.uniform() * (static_cast<double>(height) - window);
  return {left, top, left + window, top + window};
}

}  // namespace

std::vector<NeededFile> ConditionSource::files() const {
  if (kind == Kind::none) return {};
  if (kind == Kind::masks) return {file, masks};
  return {file};
}

ConditionSource read_condition_source(const nlohmann::json& object, const std::string& where,
                                      const std::filesystem::path& folder) {
  ConfigReader reader(object, where);
  ConditionSource source;
  source.kind = reader.choice("kind", source.kind, kind_names);
  const std::string file = reader.text("file", ""), masks = reader.text("masks", ""), from = reader.text("from", "");
  reader.finish();
  const auto needed = [&](const char* key, const std::string& name, bool is_folder) {
    if (name.empty())
      throw InputError(fmt::format("{}.{}: missing; kind {} reads it", where, key, name_of(source.kind, kind_names)));
    NeededFile found;
    found.what = fmt::format("conditions `{}`", where.substr(where.rfind('.') + 1));
    found.path = folder / name;
    found.source = from;
    found.folder = is_folder;
    return found;
  };
  if (source.kind != ConditionSource::Kind::none) source.file = needed("file", file, false);
  if (source.kind == ConditionSource::Kind::masks) source.masks = needed("masks", masks, true);
  return source;
}

PaperConditions::PaperConditions(const ConditionSource& source, std::int64_t size, std::int64_t layout_channels,
                                 std::int64_t side)
    : source_(source), size_(size), layout_channels_(layout_channels), side_(side) {
  using enum ConditionSource::Kind;
  if (source_.kind == none) return;
  if (source_.kind == masks) {
    read_masks();
    return;
  }
  const ArrayFile file(source_.file.path);
  if (source_.kind == multi_hot) {
    images_ = rows_of(file, "classes");
    const TensorView view = file.read("classes");
    if (view.shape != std::vector<std::int64_t>{images_, size_})
      throw InputError(fmt::format("{} is [{}]; expected [{}, {}]", file.where("classes"), fmt::join(view.shape, ", "),
                                   images_, size_));
    const std::vector<double> values = doubles_of(view, file.where("classes"));
    classes_ = at::empty({images_, size_}, at::kFloat);
    std::copy(values.begin(), values.end(), classes_.mutable_data_ptr<float>());
    return;
  }
  read_ids(file);
  if (source_.kind == boxes) read_boxes(file);
}

void PaperConditions::read_ids(const ArrayFile& file) {
  images_ = rows_of(file, "ids");
  ids_ = integers(file, "ids", 1, images_);
  for (std::size_t i = 0; i < ids_.size(); ++i)
    if (ids_[i] < 0 || ids_[i] >= size_)
      throw InputError(fmt::format("{}: id {} of image {} is out of range; the network knows 0 to {}", file.path(),
                                   ids_[i], i, size_ - 1));
}

void PaperConditions::read_boxes(const ArrayFile& file) {
  boxes_ = integers(file, "boxes", 4, images_);
  sizes_ = integers(file, "sizes", 2, images_);
  for (std::size_t i = 0; i < static_cast<std::size_t>(images_); ++i) {
    const std::int64_t *box = &boxes_[4 * i], height = sizes_[2 * i], width = sizes_[2 * i + 1];
    if (box[0] < 0 || box[1] < 0 || box[0] >= box[2] || box[1] >= box[3] || box[2] > width || box[3] > height)
      throw InputError(fmt::format("{}: box {} {} {} {} of image {} is empty or leaves its {} x {} pixels", file.path(),
                                   box[0], box[1], box[2], box[3], i, height, width));
  }
}

void PaperConditions::read_masks() {
  const std::string text = read_file(source_.file.path);
  std::int64_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty())
      named_.push_back(parse_line(line, fmt::format("{}, line {}", source_.file.path.string(), number)));
  }
  if (named_.empty())
    throw InputError(fmt::format("{}: names no image; expected lines STEM,HEIGHT,WIDTH", source_.file.path.string()));
  images_ = static_cast<std::int64_t>(named_.size());
  // In parts: the maps of a whole data set may not fit into memory.
  constexpr std::size_t part = 256;
  for (std::size_t begin = 0; begin < named_.size(); begin += part)
    read_cluster_maps(source_.masks.path,
                      {named_.begin() + static_cast<std::ptrdiff_t>(begin),
                       named_.begin() + static_cast<std::ptrdiff_t>(std::min(begin + part, named_.size()))},
                      layout_channels_);
}

Condition PaperConditions::draw(std::uint64_t seed, std::int64_t first, std::int64_t count) const {
  using enum ConditionSource::Kind;
  if (source_.kind == none) return {};
  at::Tensor rows = at::zeros({count, size_}, at::kFloat);
  std::vector<at::Tensor> layouts;
  for (std::int64_t i = 0; i < count; ++i) {
    RandomStream random(seed, Purpose::condition, static_cast<std::uint64_t>(first + i));
    const std::size_t image = random.below(static_cast<std::uint64_t>(images_));
    float* row = rows.mutable_data_ptr<float>() + i * size_;
    if (source_.kind == ids || source_.kind == boxes) row[ids_[image]] = 1;
    if (source_.kind == multi_hot)
      std::copy_n(classes_.const_data_ptr<float>() + static_cast<std::int64_t>(image) * size_, size_, row);
    if (source_.kind == boxes) {
      const std::int64_t height = sizes_[2 * image], width = sizes_[2 * image + 1], *box = &boxes_[4 * image];
      const at::Tensor map = box_layout({PixelBox{box[0], box[1], box[2], box[3]}}, height, width);
      layouts.push_back(crop_nearest(map, training_crop(height, width, random), side_, side_));
    }
    if (source_.kind == masks) {
      const NamedSize& named = named_[image];
      const at::Tensor map = read_cluster_maps(source_.masks.path, {named}, layout_channels_)[0];
      const at::Tensor shown = crop_nearest(map, training_crop(named.height, named.width, random), side_, side_);
      const MaskLayouts made = mask_layouts(shown.unsqueeze(0), layout_channels_);
      std::copy_n(made.occurs.const_data_ptr<float>(), size_, row);
      layouts.push_back(made.layout);
    }
  }
  return {rows, layouts.empty() ? at::Tensor() : at::cat(layouts)};
}

}  // namespace assay::self_guided::paper
