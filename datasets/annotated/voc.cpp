#include "datasets/annotated/voc.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <pugixml.hpp>
#include <string_view>

#include "core/error.h"
#include "core/file.h"
#include "core/phrases.h"
#include "datasets/annotated/name_list.h"
#include "images/image_file.h"
#include "images/image_folder.h"

namespace assay {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view white = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(white);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(white) - begin + 1);
}

std::string_view text_in(const pugi::xml_node& node, const char* name) { return trimmed(node.child_value(name)); }

double number_in(const pugi::xml_node& node, const char* name, const std::string& where) {
  const std::string_view text = text_in(node, name);
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    throw InputError(text.empty() ? fmt::format("{}: has no {}", where, name)
                                  : fmt::format("{}: {} is '{}'; expected a number", where, name, text));
  return value;
}

bool flag_in(const pugi::xml_node& node, const char* name, const std::string& where) {
  const std::string_view text = text_in(node, name);
  if (text.empty() || text == "0") return false;
  if (text == "1") return true;
  throw InputError(fmt::format("{}: {} is '{}'; expected 0 or 1", where, name, text));
}

TrueBox box_in(const pugi::xml_node& object, VocCorners corners, const std::string& where) {
  const pugi::xml_node box = object.child("bndbox");
  if (!box) throw InputError(fmt::format("{}: has no bndbox", where));
  TrueBox out{number_in(box, "xmin", where), number_in(box, "ymin", where), number_in(box, "xmax", where),
              number_in(box, "ymax", where)};
  if (out[0] > out[2] || out[1] > out[3])
    throw InputError(
        fmt::format("{}: its box from {}, {} to {}, {} has no pixel; expected xmin <= xmax and ymin <= ymax", where,
                    out[0], out[1], out[2], out[3]));
  if (corners != VocCorners::as_written) out[0] -= 1.0, out[1] -= 1.0;
  if (corners == VocCorners::both_lowered) out[2] -= 1.0, out[3] -= 1.0;
  return out;
}

/// Where JPEGImages/, Annotations/ and ImageSets/ lie: the folder itself, or the one folder of a VOCdevkit/.
std::filesystem::path find_root(const std::filesystem::path& folder) {
  const ImageFolder listing = read_image_folder(folder);
  if (std::filesystem::is_directory(folder / "Annotations")) return folder;
  std::vector<std::string> years;
  for (const std::string& name : listing.folders)
    if (std::filesystem::is_directory(folder / name / "Annotations")) years.push_back(name);
  if (years.size() == 1) return folder / years[0];
  if (years.size() > 1)
    throw InputError(fmt::format("{}: holds {}; expected one of them", folder.string(), first_few(years)));
  if (std::filesystem::is_directory(folder / "VOCdevkit")) return find_root(folder / "VOCdevkit");
  throw InputError(fmt::format("{}: expected the folders Annotations, ImageSets and JPEGImages of VOC{}",
                               folder.string(), found_instead(listing.passed_over(), listing.hidden)));
}

/// The lists of a folder of ImageSets/ that are not of a class ("cat_train"), for messages.
std::string known_lists(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code unreadable;
  for (const auto& entry : std::filesystem::directory_iterator(folder, unreadable))
    if (entry.path().extension() == ".txt" && entry.path().stem().string().find('_') == std::string::npos)
      names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names.empty() ? "no list is there" : "known: " + first_few(names);
}

std::vector<std::string> read_ids(const std::filesystem::path& root, const std::string& set) {
  const std::filesystem::path sets = root / "ImageSets";
  const std::filesystem::path file = (set.find('/') == set.npos ? sets / "Main" : sets) / (set + ".txt");
  if (std::error_code code; !std::filesystem::exists(file, code))
    throw InputError(fmt::format("{}: is not there; {}", file.string(), known_lists(file.parent_path())));
  std::vector<std::string> ids = read_name_list(file);
  for (const std::string& id : ids)
    if (id.find_first_of(" \t") != id.npos)
      throw InputError(
          fmt::format("{}: '{}' is no name of an image; a list of a class, with a second column, is not "
                      "accepted",
                      file.string(), id));
  std::sort(ids.begin(), ids.end());
  return ids;
}

class VocImages : public AnnotatedImages {
 public:
  VocImages(const std::filesystem::path& folder, const VocOptions& options)
      : AnnotatedImages("voc"), root_(find_root(folder)), corners_(options.corners) {
    mask_kind_ = options.masks;
    if (mask_kind_ == MaskKind::foreground) throw Error("VOC has masks of objects and of classes");
    const std::vector<std::string> ids = read_ids(root_, options.set);
    items_.reserve(ids.size());
    for (const std::string& id : ids) items_.push_back(read_item(id));
    if (mask_kind_ != MaskKind::none) find_masks();
    if (outside_ > 0)
      notes_.push_back(fmt::format("{}: {} outside their image, the first in {}; taken as they are", root_.string(),
                                   outside_ == 1 ? "1 box reaches" : fmt::format("{} boxes reach", outside_),
                                   first_outside_));
  }

 private:
  AnnotatedImage read_item(const std::string& id) {
    const std::filesystem::path file = root_ / "Annotations" / (id + ".xml");
    const std::string text = read_file(file);
    pugi::xml_document document;
    const pugi::xml_parse_result parsed = document.load_buffer(text.data(), text.size());
    if (!parsed)
      throw InputError(fmt::format("{}: no XML: {} at byte {}", file.string(), parsed.description(), parsed.offset));
    const pugi::xml_node annotation = document.child("annotation");
    if (!annotation)
      throw InputError(fmt::format("{}: its root is '{}'; expected 'annotation'", file.string(),
                                   document.document_element().name()));
    AnnotatedImage item;
    item.id = id;
    // The published files say <id>.jpg; sets in VOC's form hold other kinds too.
    const std::filesystem::path named = std::string(text_in(annotation, "filename"));
    item.image =
        root_ / "JPEGImages" / (id + (has_image_extension(named) ? named.extension().string() : std::string(".jpg")));
    if (const pugi::xml_node size = annotation.child("size")) {
      item.width = size_in(size, "width", file.string());
      item.height = size_in(size, "height", file.string());
      if (item.width == 0 || item.height == 0) item.width = item.height = 0;
    }
    for (const pugi::xml_node& node : annotation.children("object")) {
      const std::string where = fmt::format("{}: object {}", file.string(), item.objects.size() + 1);
      AnnotatedObject object;
      object.category = text_in(node, "name");
      if (object.category.empty()) throw InputError(where + ": has no name");
      object.box = box_in(node, corners_, where);
      object.difficult = flag_in(node, "difficult", where);
      object.truncated = flag_in(node, "truncated", where);
      note_box_outside(object.box, item);
      item.objects.push_back(std::move(object));
    }
    return item;
  }

  static int size_in(const pugi::xml_node& size, const char* name, const std::string& where) {
    if (text_in(size, name).empty()) return 0;
    const double value = number_in(size, name, where);
    if (value < 0 || value > 1 << 30 || value != std::floor(value))
      throw InputError(fmt::format("{}: {} is {}; expected a number of pixels", where, name, value));
    return static_cast<int>(value);
  }

  void note_box_outside(const TrueBox& box, const AnnotatedImage& item) {
    if (item.width == 0 || (box[0] >= 0 && box[1] >= 0 && box[2] <= item.width && box[3] <= item.height)) return;
    if (outside_++ == 0) first_outside_ = item.id;
  }

  void find_masks() {
    const std::filesystem::path folder =
        root_ / (mask_kind_ == MaskKind::objects ? "SegmentationObject" : "SegmentationClass");
    std::vector<std::string> missing;
    for (AnnotatedImage& item : items_) {
      item.mask = folder / (item.id + ".png");
      if (std::error_code code; !std::filesystem::exists(item.mask, code)) missing.push_back(item.id);
    }
    if (!missing.empty())
      throw InputError(
          fmt::format("{}: {} of {} images have no mask there ({}); the lists of ImageSets/Segmentation "
                      "name those that have, as in 'Segmentation/trainval'",
                      folder.string(), missing.size(), items_.size(), first_few(missing)));
  }

  std::filesystem::path root_;
  VocCorners corners_;
  std::int64_t outside_ = 0;
  std::string first_outside_;
};

}  // namespace

std::unique_ptr<AnnotatedImages> open_voc(const std::filesystem::path& folder, const VocOptions& options) {
  return std::make_unique<VocImages>(folder, options);
}

}  // namespace assay
