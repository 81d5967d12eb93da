#pragma once
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "images/image.h"

namespace assay {

enum class Split { train, validation };

/// "train" or "validation".
const std::string& name_of(Split split);

struct Item {
  std::string stem;  // file name without extension: unique in the set, letters, digits, '-' and '_'
  std::string name;  // caption
  int group = 0;     // index into Dataset::groups()
  int subgroup = 0;  // index into Dataset::subgroups()
  Split split = Split::train;
};

struct Sample {
  Image image;  // RGB, size x size
  Image mask;   // 1 channel: coverage of the object, 0..255
  Box box;      // mask_box(mask)
};

/// An entry that was left out, or could not be delivered as asked, and why. Never a silent drop.
struct Problem {
  std::string item;
  std::string what;
};

/// A labelled set of square RGB images with masks. Items have a fixed order; everything is const and may be called from
/// several threads at once.
class Dataset {
 public:
  virtual ~Dataset() = default;

  /// The name in dataset_table().
  virtual const std::string& name() const = 0;
  /// Width and height of every image.
  virtual int size() const = 0;
  /// Content id: changes with everything that can change pixels, masks, labels, split or counts.
  virtual std::string hash() const = 0;
  virtual const std::vector<Item>& items() const = 0;
  virtual const std::vector<std::string>& groups() const = 0;
  virtual const std::vector<std::string>& subgroups() const = 0;
  /// The same bytes on every call. Throws Error unless 0 <= index < items().size().
  virtual Sample sample(std::int64_t index) const = 0;
  virtual const std::vector<Problem>& problems() const = 0;
};

/// Training for about 80 % of all keys, by the key's XXH3 alone: no seed moves an item to the other side.
Split split_by_hash(const std::string& key);

/// Indices of the items of one split, ascending.
std::vector<std::int64_t> indices(const Dataset& dataset, Split split);

/// Where and how large the objects of a set of cut-outs stand; without one, each as its picture has it, most in the
/// middle and as large as the image. An object is first cut to the box around its alpha. Its place and side are drawn
/// for each item from the seed, and the mask is that of the object where it stands.
struct ObjectPlacement {
  double least_side = 0.5, most_side = 0.8;  // longer side of the object / side of the image; uniform between these
  bool anywhere = true;     // uniform over the places where it lies inside the image as a whole; otherwise the middle
  std::int64_t copies = 1;  // items of each training object, each with a place and background of its own
};

inline constexpr std::int64_t max_object_copies = 1000;

/// How to open a dataset. Empty texts stand for the data set's default.
struct DatasetSpec {
  std::string name;
  int size = 16;                      // pixels; 8 to the data set's largest_size
  std::string background;             // white, solid, texture; not shapes: photographs[:FOLDER]
  std::string imbalance = "natural";  // see datasets/imbalance.h; changes the training split only
  std::uint64_t seed = 0;             // backgrounds, made images, choice of the imbalanced items; at most 2^63 - 1
  std::int64_t count = 4096;          // shapes: number of images of both splits, 1 to 1,000,000
  std::string group = "shape";        // shapes: the factor that is an item's group, shape or colour
  std::string font;                   // emoji: font file; default: the first found of emoji_font_places()
  std::string emoji_list;             // emoji: emoji-test.txt; default: the first found of emoji_list_places()
  std::string folder;                 // stamps, clipart: the tree of pictures; default: the first found of their places
  bool symbols = false;               // stamps: with letters, digits, coins and signs
  std::optional<ObjectPlacement> placement;  // emoji, stamps, clipart
};

/// Reads {"name": ..., "size": ..., ...}, or the name alone as a string. Keys another data set has are refused.
/// `where` names the object in messages. Throws InputError.
DatasetSpec read_dataset_spec(const nlohmann::json& value, const std::string& where);

/// What read_dataset_spec reads, with only the keys this data set has.
nlohmann::json to_json(const DatasetSpec& spec);

/// Opens a data set and makes it imbalanced where asked. Throws InputError for an unknown name, a value out of range,
/// a missing or unusable file.
std::unique_ptr<Dataset> open_dataset(const DatasetSpec& spec);

struct DatasetEntry {
  std::string name;
  std::string description;  // one line
  /// Opens it without the imbalance.
  std::unique_ptr<Dataset> (*open)(const DatasetSpec& spec);
  /// What is missing on this machine to open it with default files, and how to get it; empty when nothing is.
  std::string (*missing)();
  int largest_size;  // the smallest is smallest_dataset_size
  std::string default_background;
  std::vector<std::string> keys;  // settings besides name, size, background, imbalance and seed
};

inline constexpr int smallest_dataset_size = 8;

/// Every data set there is.
const std::vector<DatasetEntry>& dataset_table();

/// Throws InputError with the known names.
const DatasetEntry& dataset_entry(const std::string& name);

}  // namespace assay
