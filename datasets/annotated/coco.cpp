#include "datasets/annotated/coco.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/phrases.h"
#include "datasets/annotated/name_list.h"
#include "images/decoded_size.h"
#include "images/polygon_mask.h"

namespace assay {
namespace {

using nlohmann::json;
using Event = json::parse_event_t;

constexpr int most_pixels = 1 << 20;  // a side

/// How messages name an annotation: by its id, or by its place where it has none.
struct AnnotationName {
  bool has_id = false;
  std::int64_t number = 0;

  std::string text() const {
    return has_id ? fmt::format("annotation {}", number) : fmt::format("element {} of 'annotations'", number);
  }
};

/// How an object is outlined; all are empty where it is not.
struct Outline {
  std::vector<std::vector<double>> polygons;
  std::vector<std::int64_t> runs;
  std::string text;           // of runs, compressed
  int width = 0, height = 0;  // that the runs are said to fill; 0 where nothing is said
};

struct Annotation {
  AnnotationName name;
  std::int64_t image = 0, category = 0;
  TrueBox box{};
  bool crowd = false;
  Outline outline;
};

std::string shown(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 80);
}

/// An integer, which writers that go through tables of floats give as 9.0. Nothing for anything else.
std::optional<std::int64_t> integer_of(const json& value) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX}) return std::nullopt;
  if (value.is_number_integer()) return value.get<std::int64_t>();
  constexpr double exact = 9007199254740992.0;
  if (value.is_number_float() && std::abs(value.get<double>()) <= exact &&
      value.get<double>() == std::floor(value.get<double>()))
    return static_cast<std::int64_t>(value.get<double>());
  return std::nullopt;
}

std::string stem_of(const std::string& name) { return std::filesystem::path(name).stem().string(); }

/// Reads the lists of a file element by element, so that no more than one of them is in memory as JSON.
class Reader {
 public:
  Reader(std::filesystem::path file, const CocoOptions& options) : file_(std::move(file)), options_(options) {
    if (options_.list.empty()) return;
    std::vector<std::string> twice;
    for (const std::string& name : read_name_list(options_.list))
      if (!wanted_.emplace(stem_of(name), false).second) twice.push_back(name);
    if (!twice.empty())
      throw InputError(
          fmt::format("{}: stand there twice, but for folders: {}", options_.list.string(), first_few(twice)));
  }

  void read() {
    const MappedFile mapped(file_);
    const std::string_view text = mapped.content();
    try {
      const json root = json::parse(text.begin(), text.end(),
                                    [this](int depth, Event event, json& value) { return take(depth, event, value); });
      if (!root.is_object()) throw not_instances("its root is no object");
    } catch (const json::exception& error) {
      const auto* parse = dynamic_cast<const json::parse_error*>(&error);
      throw InputError(fmt::format("{}: not valid JSON{}", file_.string(),
                                   parse != nullptr ? fmt::format(" at byte {}", parse->byte) : std::string()));
    }
    for (const char* list : {"images", "annotations"})
      if (!seen_.contains(list)) throw not_instances(fmt::format("has no list '{}'", list));
    std::vector<std::string> missing;
    for (const auto& [stem, found] : wanted_)
      if (!found) missing.push_back(stem);
    if (!missing.empty())
      throw InputError(fmt::format("{}: {} of {} images of {} are not in it ({})", file_.string(), missing.size(),
                                   wanted_.size(), options_.list.string(), first_few(missing)));
  }

  const std::filesystem::path& file() const { return file_; }
  std::vector<AnnotatedImage>& images() { return images_; }
  std::vector<Annotation>& annotations() { return annotations_; }

  /// The place of an annotation's image among images(); nothing where the list does not name it.
  std::optional<std::size_t> image_of(const Annotation& annotation) const {
    const auto found = places_.find(annotation.image);
    if (found != places_.end()) return found->second;
    if (unwanted_.contains(annotation.image)) return std::nullopt;
    throw InputError(
        fmt::format("{}: {}: the file has no image {}", file_.string(), annotation.name.text(), annotation.image));
  }

  std::string category_of(const Annotation& annotation) const {
    const auto found = categories_.find(annotation.category);
    if (found != categories_.end()) return found->second;
    throw InputError(fmt::format("{}: {}: the file has no category {}", file_.string(), annotation.name.text(),
                                 annotation.category));
  }

 private:
  InputError not_instances(const std::string& what) const {
    return InputError(
        fmt::format("{}: {}; expected a COCO instances file, with lists of images, annotations and "
                    "categories",
                    file_.string(), what));
  }

  /// Called at each token; what it answers false to is not kept.
  bool take(int depth, Event event, json& value) {
    if (depth >= deepest_json)
      throw InputError(fmt::format("{}: its JSON lies more than {} levels deep", file_.string(), deepest_json));
    if (depth == 0 && event == Event::array_start) throw not_instances("is a list, as files of results are");
    if (depth != 1 && depth != 2) return true;
    if (depth == 1 && event == Event::key) {
      list_ = value.get<std::string>();
      element_ = 0;
      const bool needed = list_ == "images" || list_ == "annotations" || list_ == "categories";
      if (needed && !seen_.insert(list_).second) throw not_instances(fmt::format("has two lists '{}'", list_));
      if (!needed) list_.clear();
      return needed;
    }
    if (list_.empty()) return true;
    if (depth == 1 && (event == Event::object_start || event == Event::value))
      throw not_instances(fmt::format("'{}' is no list", list_));
    if (depth == 2 && (event == Event::array_start || event == Event::value))
      throw InputError(fmt::format("{}: element {} of '{}' is no object", file_.string(), element_, list_));
    if (depth != 2 || event != Event::object_end) return true;
    if (list_ == "images")
      take_image(value);
    else if (list_ == "annotations")
      take_annotation(value);
    else
      take_category(value);
    ++element_;
    return false;
  }

  std::string place() const { return fmt::format("{}: element {} of '{}'", file_.string(), element_, list_); }

  std::int64_t required_integer(const json& element, const char* key, const std::string& where) const {
    const auto found = element.find(key);
    if (found == element.end()) throw InputError(fmt::format("{}: has no {}", where, key));
    if (const auto value = integer_of(*found)) return *value;
    throw InputError(fmt::format("{}: {} is {}; expected an integer", where, key, shown(*found)));
  }

  const std::string& required_text(const json& element, const char* key, const std::string& where) const {
    const auto found = element.find(key);
    if (found == element.end()) throw InputError(fmt::format("{}: has no {}", where, key));
    if (!found->is_string() || found->get_ref<const std::string&>().empty())
      throw InputError(fmt::format("{}: {} is {}; expected a text", where, key, shown(*found)));
    return found->get_ref<const std::string&>();
  }

  int side(const json& element, const char* key, const std::string& where) const {
    if (!element.contains(key)) return 0;
    const std::int64_t pixels = required_integer(element, key, where);
    if (pixels < 1 || pixels > most_pixels)
      throw InputError(fmt::format("{}: {} is {}; accepted: 1 to {}", where, key, pixels, most_pixels));
    return static_cast<int>(pixels);
  }

  void take_image(const json& element) {
    const std::int64_t id = required_integer(element, "id", place());
    const std::string where = fmt::format("{}: image {}", file_.string(), id);
    const std::string& name = required_text(element, "file_name", where);
    if (places_.contains(id) || unwanted_.contains(id)) throw InputError(where + ": stands there twice");
    AnnotatedImage image;
    image.id = stem_of(name);
    if (!options_.list.empty()) {
      const auto found = wanted_.find(image.id);
      if (found == wanted_.end()) {
        unwanted_.insert(id);
        return;
      }
      found->second = true;
    }
    if (!stems_.insert(image.id).second)
      throw InputError(fmt::format("{}: another image is named '{}' too", where, image.id));
    image.image = options_.images / name;
    image.width = side(element, "width", where);
    image.height = side(element, "height", where);
    if (image.width == 0 || image.height == 0) image.width = image.height = 0;
    // What read_image_file() would refuse.
    if (image.width > 0)
      check_decoded_size(static_cast<std::uint64_t>(image.width), static_cast<std::uint64_t>(image.height), 1, where);
    places_.emplace(id, images_.size());
    images_.push_back(std::move(image));
  }

  void take_category(const json& element) {
    const std::int64_t id = required_integer(element, "id", place());
    const std::string where = fmt::format("{}: category {}", file_.string(), id);
    if (!categories_.emplace(id, required_text(element, "name", where)).second)
      throw InputError(where + ": stands there twice");
  }

  void take_annotation(const json& element) {
    Annotation out;
    const auto id = element.contains("id") ? integer_of(element["id"]) : std::nullopt;
    out.name = {id.has_value(), id.value_or(element_)};
    const std::string where = fmt::format("{}: {}", file_.string(), out.name.text());
    out.image = required_integer(element, "image_id", where);
    if (unwanted_.contains(out.image)) return;
    out.category = required_integer(element, "category_id", where);
    out.box = box_of(element, where);
    if (const auto crowd = element.find("iscrowd"); crowd != element.end()) {
      const auto flag = crowd->is_boolean() ? std::optional<std::int64_t>(crowd->get<bool>()) : integer_of(*crowd);
      if (!flag || *flag < 0 || *flag > 1)
        throw InputError(fmt::format("{}: iscrowd is {}; expected 0 or 1", where, shown(*crowd)));
      out.crowd = *flag == 1;
    }
    if (options_.masks)
      if (const auto outline = element.find("segmentation"); outline != element.end())
        out.outline = outline_of(*outline, where);
    annotations_.push_back(std::move(out));
  }

  static TrueBox box_of(const json& element, const std::string& where) {
    const auto found = element.find("bbox");
    if (found == element.end()) throw InputError(where + ": has no bbox; expected [x, y, width, height]");
    TrueBox box{};
    bool good = found->is_array() && found->size() == 4;
    for (std::size_t i = 0; good && i < 4; ++i) {
      good = (*found)[i].is_number();
      if (good) box[i] = (*found)[i].get<double>();
      good = good && std::isfinite(box[i]) && (i < 2 || (box[i] >= 0 && std::isfinite(box[i - 2] + box[i])));
    }
    if (!good)
      throw InputError(fmt::format("{}: bbox is {}; expected [x, y, width, height], the last two not negative", where,
                                   shown(*found)));
    box[2] += box[0];
    box[3] += box[1];
    return box;
  }

  static Outline outline_of(const json& value, const std::string& where) {
    Outline out;
    if (value.is_object() && value.contains("counts")) {
      if (const auto size = value.find("size"); size != value.end()) {
        const bool pair = size->is_array() && size->size() == 2;
        const auto height = pair ? integer_of((*size)[0]) : std::nullopt;
        const auto width = pair ? integer_of((*size)[1]) : std::nullopt;
        if (!height || !width || *height < 1 || *width < 1 || *height > most_pixels || *width > most_pixels)
          throw InputError(
              fmt::format("{}: size of its segmentation is {}; expected [height, width]", where, shown(*size)));
        out.height = static_cast<int>(*height);
        out.width = static_cast<int>(*width);
      }
      const json& counts = value["counts"];
      if (counts.is_string()) {
        out.text = counts.get<std::string>();
        return out;
      }
      if (counts.is_array()) {
        out.runs.reserve(counts.size());
        for (const json& run : counts) {
          const auto length = integer_of(run);
          if (!length)
            throw InputError(fmt::format("{}: run {} of its segmentation is {}; expected an integer", where,
                                         out.runs.size(), shown(run)));
          out.runs.push_back(*length);
        }
        return out;
      }
    }
    if (!value.is_array())
      throw InputError(
          fmt::format("{}: segmentation is {}; expected a list of polygons [x0, y0, x1, y1, ...], or "
                      "{{\"counts\": runs, \"size\": [height, width]}}",
                      where, shown(value)));
    out.polygons.reserve(value.size());
    for (const json& polygon : value) {
      std::vector<double> coordinates;
      if (polygon.is_array()) coordinates.reserve(polygon.size());
      const bool good = polygon.is_array() && std::all_of(polygon.begin(), polygon.end(), [&](const json& coordinate) {
                          if (!coordinate.is_number()) return false;
                          coordinates.push_back(coordinate.get<double>());
                          return true;
                        });
      if (!good)
        throw InputError(fmt::format("{}: polygon {} of its segmentation is {}; expected [x0, y0, x1, y1, ...]", where,
                                     out.polygons.size(), shown(polygon)));
      out.polygons.push_back(std::move(coordinates));
    }
    return out;
  }

  std::filesystem::path file_;
  CocoOptions options_;
  std::map<std::string, bool> wanted_;  // stems of the list, and whether the file has them
  std::string list_;                    // the list that is being read; empty in what is not needed
  std::int64_t element_ = 0;
  std::unordered_set<std::string> seen_, stems_;
  std::vector<AnnotatedImage> images_;
  std::unordered_map<std::int64_t, std::size_t> places_;
  std::unordered_set<std::int64_t> unwanted_;
  std::unordered_map<std::int64_t, std::string> categories_;
  std::vector<Annotation> annotations_;
};

class CocoFile : public CocoImages {
 public:
  CocoFile(const std::filesystem::path& file, const CocoOptions& options)
      : CocoImages("coco"), file_(file), has_outlines_(options.masks) {
    Reader reader(file, options);
    reader.read();
    std::vector<std::vector<Annotation>> annotations(reader.images().size());
    for (Annotation& annotation : reader.annotations())
      if (const auto place = reader.image_of(annotation)) annotations[*place].push_back(std::move(annotation));

    std::vector<std::size_t> order(reader.images().size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return reader.images()[a].id < reader.images()[b].id; });
    items_.reserve(order.size());
    if (has_outlines_) outlines_.reserve(order.size());
    if (has_outlines_) mask_kind_ = MaskKind::foreground;
    for (const std::size_t place : order) {
      AnnotatedImage& item = items_.emplace_back(std::move(reader.images()[place]));
      std::vector<NamedOutline> outlines;
      for (Annotation& annotation : annotations[place]) {
        AnnotatedObject object;
        object.box = annotation.box;
        object.category = reader.category_of(annotation);
        object.crowd = annotation.crowd;
        item.objects.push_back(std::move(object));
        if (has_outlines_) outlines.push_back({annotation.name, std::move(annotation.outline)});
      }
      if (has_outlines_) outlines_.push_back(std::move(outlines));
    }
  }

  RunLengths object_mask(std::int64_t index, std::int64_t object) const override {
    const AnnotatedImage& of = item(index);
    if (!has_outlines_) throw Error("the COCO file was opened without outlines");
    const std::vector<NamedOutline>& outlines = outlines_[static_cast<std::size_t>(index)];
    if (object < 0 || object >= static_cast<std::int64_t>(outlines.size()))
      throw Error(fmt::format("{}: object {} of {}", of.id, object, outlines.size()));
    const Outline& outline = outlines[static_cast<std::size_t>(object)].outline;
    const std::string where =
        fmt::format("{}: {}", file_.string(), outlines[static_cast<std::size_t>(object)].name.text());
    if (of.width == 0)
      throw InputError(
          fmt::format("{}: image {} has no width and height, which its masks need", file_.string(), of.id));
    if (outline.width > 0 && (outline.width != of.width || outline.height != of.height))
      throw InputError(fmt::format("{}: its runs are of {} x {} pixels, its image has {} x {}", where, outline.width,
                                   outline.height, of.width, of.height));
    if (!outline.text.empty()) return run_lengths_from_text(outline.text, of.width, of.height, where);
    if (!outline.runs.empty()) return run_lengths_from(outline.runs, of.width, of.height, where);
    if (outline.polygons.empty()) throw InputError(where + ": has no segmentation");
    std::vector<RunLengths> parts;
    parts.reserve(outline.polygons.size());
    for (const std::vector<double>& polygon : outline.polygons)
      parts.push_back(polygon_mask(polygon, of.width, of.height, where));
    return merged(parts, MaskMerge::any);
  }

  Image mask(std::int64_t index) const override {
    const AnnotatedImage& of = item(index);
    if (!has_outlines_) return CocoImages::mask(index);
    if (of.width == 0)
      throw InputError(
          fmt::format("{}: image {} has no width and height, which its mask needs", file_.string(), of.id));
    Image image(of.width, of.height, 1);
    for (std::size_t object = 0; object < of.objects.size(); ++object)
      add_to(image, object_mask(index, static_cast<std::int64_t>(object)));
    return image;
  }

 private:
  struct NamedOutline {
    AnnotationName name;
    Outline outline;
  };

  static void add_to(Image& image, const RunLengths& mask) {
    const Image object = image_of(mask);
    std::transform(image.pixels.begin(), image.pixels.end(), object.pixels.begin(), image.pixels.begin(),
                   [](std::uint8_t a, std::uint8_t b) { return std::max(a, b); });
  }

  std::filesystem::path file_;
  bool has_outlines_;
  std::vector<std::vector<NamedOutline>> outlines_;  // of each item's objects
};

}  // namespace

std::unique_ptr<CocoImages> open_coco(const std::filesystem::path& file, const CocoOptions& options) {
  return std::make_unique<CocoFile>(file, options);
}

}  // namespace assay
