#include "reproductions/diffusion_seg/algorithm/pair_files.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/nearest.h"
#include "core/phrases.h"
#include "images/image_file.h"
#include "images/png.h"
#include "reproductions/samples/image_tensors.h"

namespace assay::diffusion_seg {
namespace {

namespace fs = std::filesystem;

constexpr const char* set_format = "assay pairs 1";

fs::path set_file(const fs::path& folder) { return folder / "set.json"; }
fs::path index_file(const fs::path& folder) { return folder / "index.json"; }
fs::path facts_file(const fs::path& folder, std::int64_t number) {
  return folder / "pairs" / fmt::format("{:06}.json", number);
}
fs::path image_file(const fs::path& folder, std::int64_t number) {
  return folder / "images" / fmt::format("{:06}.png", number);
}
fs::path mask_file(const fs::path& folder, const std::string& name, std::int64_t number) {
  return folder / "masks" / name / fmt::format("{:06}.png", number);
}

nlohmann::json json_of(const PairFacts& facts) {
  return {{"number", facts.number},     {"seed", facts.seed}, {"prompt", facts.prompt},    {"word", facts.word},
          {"energies", facts.energies}, {"area", facts.area}, {"rejected", facts.rejected}};
}

/// Throws nlohmann::json::exception where it is none.
PairFacts facts_of(const nlohmann::json& json) {
  return {.number = json.at("number").get<std::int64_t>(),
          .seed = json.at("seed").get<std::uint64_t>(),
          .prompt = json.at("prompt").get<std::string>(),
          .word = json.at("word").get<std::string>(),
          .energies = json.at("energies").get<std::map<std::string, double>>(),
          .area = json.at("area").get<double>(),
          .rejected = json.at("rejected").get<std::string>()};
}

/// What the file of a pair says of it.
struct StoredPair {
  PairFacts facts;
  int width = 0, height = 0;
  std::string image_hash;
  std::map<std::string, std::string> mask_hashes;

  std::vector<std::string> mask_names() const {
    std::vector<std::string> names;
    names.reserve(mask_hashes.size());
    for (const auto& [name, hash] : mask_hashes) names.push_back(name);
    return names;
  }
};

bool has_hash(const fs::path& file, const std::string& hash) {
  std::error_code code;
  return fs::is_regular_file(file, code) && hash_file(file) == hash;
}

/// The pair, if it is complete.
std::optional<StoredPair> complete_pair(const fs::path& folder, std::int64_t number) {
  const fs::path file = facts_file(folder, number);
  std::error_code code;
  if (!fs::is_regular_file(file, code)) return std::nullopt;
  StoredPair stored;
  try {
    const auto json = nlohmann::json::parse(read_file(file));
    stored = {.facts = facts_of(json),
              .width = json.at("width").get<int>(),
              .height = json.at("height").get<int>(),
              .image_hash = json.at("image").get<std::string>(),
              .mask_hashes = json.at("masks").get<std::map<std::string, std::string>>()};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  bool complete = stored.facts.number == number && has_hash(image_file(folder, number), stored.image_hash);
  for (const auto& [name, hash] : stored.mask_hashes)
    complete = complete && has_hash(mask_file(folder, name, number), hash);
  return complete ? std::optional(std::move(stored)) : std::nullopt;
}

/// Whether a folder of masks may have this name.
bool is_mask_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

void check_pair(const Pair& pair) {
  const PairFacts& facts = pair.facts;
  const std::string where = fmt::format("pair {}", facts.number);
  if (facts.number < 0) throw Error(where + ": numbers begin with 0");
  if (!(facts.area >= 0 && facts.area <= 1)) throw Error(fmt::format("{}: area {}", where, facts.area));
  for (const auto& [name, energy] : facts.energies)
    if (!std::isfinite(energy)) throw Error(fmt::format("{}: energy {} is {}", where, name, energy));
  if (pair.image.dim() != 3) throw Error(where + ": the image is not [3, H, W]");
  if (pair.masks.empty()) throw Error(where + ": no mask");
  for (const auto& [name, mask] : pair.masks) {
    if (!is_mask_name(name)) throw Error(fmt::format("{}: a mask is named '{}'", where, name));
    if (mask.sizes() != pair.image.sizes().slice(1))
      throw Error(fmt::format("{}: mask {} is [{}], the image [{}]", where, name, fmt::join(mask.sizes(), ", "),
                              fmt::join(pair.image.sizes(), ", ")));
  }
}

/// Writes a picture and returns its hash.
std::string written(const fs::path& file, const Image& image) {
  const std::string bytes = encode_png(image);
  write_file_atomically(file, bytes);
  return hash_text(bytes);
}

/// The parsed file. Throws InputError naming it where it is none of ours.
nlohmann::json parsed(const fs::path& file) { return parse_json(read_file(file), file.string()); }

nlohmann::json read_made_by(const fs::path& folder) {
  const nlohmann::json set = parsed(set_file(folder));
  if (!set.is_object() || set.value("format", nlohmann::json()) != set_format || !set.contains("made_by"))
    throw InputError(fmt::format("{}: expected a set of pairs of format '{}'", set_file(folder).string(), set_format));
  return set.at("made_by");
}

/// Whether a folder is missing, or holds nothing but what a kill leaves of write_file_atomically().
bool is_unused(const fs::path& folder) {
  std::error_code code;
  if (!fs::exists(folder, code)) return true;
  if (!fs::is_directory(folder, code)) return false;
  const fs::directory_iterator entries(folder, code);
  return !code && std::all_of(begin(entries), end(entries),
                              [](const fs::directory_entry& entry) { return entry.path().extension() == ".part"; });
}

/// The picture of a pair, checked, as planes into `out`.
void read_planes(const fs::path& file, int channels, int width, int height, std::uint8_t* out) {
  const Image image = read_image_file(file);
  if (image.channels != channels || image.width != width || image.height != height)
    throw InputError(fmt::format("{}: {} x {} pixels of {}; expected {} x {} of {}", file.string(), image.width,
                                 image.height, counted(image.channels, "channel"), width, height,
                                 counted(channels, "channel")));
  const std::size_t plane = image.pixels.size() / static_cast<std::size_t>(channels);
  for (std::size_t p = 0; p < plane; ++p)
    for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c)
      out[c * plane + p] = image.pixels[p * static_cast<std::size_t>(channels) + c];
}

}  // namespace

Image image_of(const at::Tensor& bytes) {
  const bool colour = bytes.dim() == 3 && bytes.size(0) == 3;
  if ((!colour && bytes.dim() != 2) || bytes.scalar_type() != at::kByte)
    throw Error(fmt::format("an image of {} [{}]", bytes.dtype().name(), fmt::join(bytes.sizes(), ", ")));
  const at::Tensor host = (colour ? bytes.permute({1, 2, 0}) : bytes).to(at::kCPU).contiguous();
  Image image;
  image.height = static_cast<int>(host.size(0));
  image.width = static_cast<int>(host.size(1));
  image.channels = colour ? 3 : 1;
  image.pixels.assign(host.const_data_ptr<std::uint8_t>(), host.const_data_ptr<std::uint8_t>() + host.numel());
  return image;
}

at::Tensor planes_of(const Image& image) {
  const at::Tensor bytes = at::empty({image.height, image.width, image.channels}, at::kByte);
  std::memcpy(bytes.mutable_data_ptr<std::uint8_t>(), image.pixels.data(), image.pixels.size());
  return bytes.permute({2, 0, 1});
}

PairWriter::PairWriter(fs::path folder, const nlohmann::json& made_by) : folder_(std::move(folder)) {
  if (is_unused(folder_)) {
    ensure_folder(folder_);
    write_file_atomically(set_file(folder_),
                          nlohmann::json{{"format", set_format}, {"made_by", made_by}}.dump(2) + "\n");
  } else if (!fs::is_regular_file(set_file(folder_))) {
    throw InputError(
        fmt::format("{}: holds no set of pairs, and something else; accepted: an empty folder, or one "
                    "that does not exist",
                    folder_.string()));
  } else if (read_made_by(folder_).dump() != made_by.dump()) {
    throw InputError(fmt::format("{}: holds pairs that were made in another way; remove it or choose another place",
                                 folder_.string()));
  }
  ensure_folder(folder_ / "images");
  ensure_folder(folder_ / "pairs");
}

bool PairWriter::has(std::int64_t number) const { return complete_pair(folder_, number).has_value(); }

void PairWriter::write(const Pair& pair) const {
  check_pair(pair);
  // The index says nothing true of a set that changes.
  fs::remove(index_file(folder_));
  const std::int64_t number = pair.facts.number;
  nlohmann::json json = json_of(pair.facts);
  json["height"] = pair.image.size(1);
  json["width"] = pair.image.size(2);
  json["image"] = written(image_file(folder_, number), image_of(pair.image));
  json["masks"] = nlohmann::json::object();
  for (const auto& [name, mask] : pair.masks) {
    const fs::path file = mask_file(folder_, name, number);
    ensure_folder(file.parent_path());
    json["masks"][name] = written(file, image_of(mask));
  }
  write_file_atomically(facts_file(folder_, number), json.dump(2) + "\n");
}

void PairWriter::finish(std::int64_t count) const {
  nlohmann::json index = {{"format", set_format}, {"pairs", nlohmann::json::array()}};
  std::map<std::string, std::int64_t> rejected;
  std::optional<StoredPair> first;
  for (std::int64_t number = 0; number < count; ++number) {
    const std::optional<StoredPair> pair = complete_pair(folder_, number);
    if (!pair) throw InputError(fmt::format("{}: pair {} is not complete", folder_.string(), number));
    if (!first) first = pair;
    if (pair->width != first->width || pair->height != first->height || pair->mask_names() != first->mask_names())
      throw InputError(fmt::format("{}: pair {} has {} x {} pixels and masks {}; the first has {} x {} and {}",
                                   folder_.string(), number, pair->width, pair->height,
                                   fmt::join(pair->mask_names(), ", "), first->width, first->height,
                                   fmt::join(first->mask_names(), ", ")));
    index["pairs"].push_back(json_of(pair->facts));
    if (!pair->facts.kept()) ++rejected[pair->facts.rejected];
  }
  if (!first) throw InputError(fmt::format("{}: no pair to finish", folder_.string()));
  index["width"] = first->width;
  index["height"] = first->height;
  index["masks"] = first->mask_names();
  index["rejected"] = rejected;
  write_file_atomically(index_file(folder_), index.dump(1) + "\n");
}

PairSet::PairSet(fs::path folder) : folder_(std::move(folder)) {
  std::error_code code;
  if (!fs::is_regular_file(set_file(folder_), code))
    throw InputError(fmt::format("{}: holds no set of pairs; expected a folder with set.json", folder_.string()));
  made_by_ = read_made_by(folder_);
  const fs::path file = index_file(folder_);
  if (!fs::is_regular_file(file, code))
    throw InputError(
        fmt::format("{}: the set of pairs is unfinished; expected index.json, which the run that makes it "
                    "writes in the end",
                    folder_.string()));
  const nlohmann::json index = parsed(file);
  try {
    height_ = index.at("height").get<int>();
    width_ = index.at("width").get<int>();
    mask_names_ = index.at("masks").get<std::vector<std::string>>();
    facts_.reserve(index.at("pairs").size());
    for (const nlohmann::json& pair : index.at("pairs")) facts_.push_back(facts_of(pair));
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("{}: no index of pairs: {}", file.string(), error.what()));
  }
  for (std::size_t i = 0; i < facts_.size(); ++i)
    if (facts_[i].number != static_cast<std::int64_t>(i))
      throw InputError(fmt::format("{}: pair {} stands at place {}; expected them in order from 0", file.string(),
                                   facts_[i].number, i));
  if (facts_.empty() || width_ < 1 || height_ < 1 || mask_names_.empty() ||
      !std::all_of(mask_names_.begin(), mask_names_.end(), is_mask_name))
    throw InputError(
        fmt::format("{}: {} of {} x {} pixels with masks '{}'; expected at least one of each, masks named "
                    "by letters, digits, - and _",
                    file.string(), counted(count(), "pair"), width_, height_, fmt::join(mask_names_, "', '")));
}

std::vector<std::int64_t> PairSet::kept() const {
  std::vector<std::int64_t> numbers;
  for (const PairFacts& facts : facts_)
    if (facts.kept()) numbers.push_back(facts.number);
  return numbers;
}

at::Tensor PairSet::pictures(const std::vector<std::int64_t>& numbers, int channels,
                             const std::function<fs::path(std::int64_t)>& file) const {
  const at::Tensor bytes = at::empty({static_cast<std::int64_t>(numbers.size()), channels, height_, width_}, at::kByte);
  auto* out = bytes.mutable_data_ptr<std::uint8_t>();
  const std::int64_t size = std::int64_t{channels} * height_ * width_;
  for (const std::int64_t number : numbers) {
    if (number < 0 || number >= count())
      throw InputError(
          fmt::format("{}: pair {} is not there; accepted: 0 to {}", folder_.string(), number, count() - 1));
    read_planes(file(number), channels, width_, height_, out);
    out += size;
  }
  return bytes;
}

at::Tensor PairSet::images(const std::vector<std::int64_t>& numbers) const {
  return pictures(numbers, 3, [&](std::int64_t number) { return image_file(folder_, number); });
}

at::Tensor PairSet::masks(const std::string& name, const std::vector<std::int64_t>& numbers) const {
  if (std::find(mask_names_.begin(), mask_names_.end(), name) == mask_names_.end())
    throw InputError(fmt::format("{}: {}", folder_.string(), unknown_name_message("mask", name, mask_names_)));
  return pictures(numbers, 1, [&](std::int64_t number) { return mask_file(folder_, name, number); }).squeeze(1);
}

at::Tensor outlined(const at::Tensor& images, const at::Tensor& masks) {
  if (images.dim() != 4 || images.size(1) != 3 || masks.dim() != 3 || masks.size(0) != images.size(0) ||
      masks.sizes().slice(1) != images.sizes().slice(2))
    throw InputError(fmt::format("outlines: images [{}] and masks [{}]; accepted: [N, 3, H, W] and [N, H, W]",
                                 fmt::join(images.sizes(), ", "), fmt::join(masks.sizes(), ", ")));
  const at::Tensor object = masks >= 128;
  at::Tensor line = at::zeros_like(object);
  for (const std::int64_t axis : {1, 2}) {
    const std::int64_t size = object.size(axis);
    const at::Tensor before = object.narrow(axis, 0, size - 1), after = object.narrow(axis, 1, size - 1);
    line.narrow(axis, 0, size - 1).logical_or_(before & ~after);
    line.narrow(axis, 1, size - 1).logical_or_(after & ~before);
  }
  at::Tensor out = images.clone();
  const std::array<int, 3> magenta = {255, 0, 255};
  for (std::int64_t c = 0; c < 3; ++c) out.select(1, c).masked_fill_(line, magenta[static_cast<std::size_t>(c)]);
  return out;
}

void write_pair_sheet(const at::Tensor& images, const at::Tensor& masks, std::int64_t columns, const fs::path& file) {
  const at::Tensor tiles = at::stack({images, outlined(images, masks)}, 1).flatten(0, 1);
  if (images.size(0) == 0 || columns < 1)
    throw InputError(fmt::format("contact sheet: {} in {}; accepted: at least one of both",
                                 counted(images.size(0), "image"), counted(columns, "column")));
  const std::int64_t rows = (images.size(0) + columns - 1) / columns;
  write_image_grid(tiles, rows, 2 * std::min(columns, images.size(0)), 2, file);
}

}  // namespace assay::diffusion_seg
