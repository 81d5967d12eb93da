#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "images/image.h"

/// The data set that the synthesis stage makes: generated images and their masks, in a folder.
///
///   set.json             what made the set, written first
///   images/000017.png    the image of pair 17
///   masks/NAME/000017.png  its mask of that name: grey, 255 is the object
///   pairs/000017.json    its facts and the hashes of its pictures, written last: the pair is complete
///   index.json           the facts of all pairs, written when the set is complete
///
/// Every file is written atomically, so that a kill leaves complete pairs and others, which are made again.
namespace assay::diffusion_seg {

/// What is known of a pair beside its pictures.
struct PairFacts {
  std::int64_t number = 0;
  std::uint64_t seed = 0;                       // of its noise
  std::string prompt = {}, word = {};           // what was asked for, and the object in it
  std::map<std::string, double> energies = {};  // of cuts, by name; finite
  double area = 0.0;                            // share of the pixels that the mask holds, in [0, 1]
  std::string rejected = {};                    // why it is not to be learned from; empty where it is

  bool kept() const { return rejected.empty(); }
  bool operator==(const PairFacts&) const = default;
};

/// A pair: an image and one or more masks of it, as "cut" and "exact", on any device.
struct Pair {
  PairFacts facts = {};
  at::Tensor image = {};                         // [3, H, W] uint8
  std::map<std::string, at::Tensor> masks = {};  // [H, W] uint8, 255 is the object; named by letters, digits, - and _
};

/// Bytes [3, H, W] or [H, W] as an image of 3 channels or 1. Throws Error for another shape or type.
Image image_of(const at::Tensor& bytes);
/// The same back, whatever its channels: [C, H, W] uint8.
at::Tensor planes_of(const Image& image);

/// Writes a set, or goes on with one.
class PairWriter {
 public:
  /// Begins in a folder that is empty or not there, or goes on with a set of the same `made_by`, which says everything
  /// that the pairs depend on. Throws InputError where the folder holds a set of another one, or is no set.
  PairWriter(std::filesystem::path folder, const nlohmann::json& made_by);

  /// Whether the pair is complete: its facts are there and its pictures have the hashes that they name.
  bool has(std::int64_t number) const;
  /// Writes a pair, over what a kill left of it; the set is unfinished from here on. Throws Error for a pair that a
  /// reader would refuse: pictures of other shapes, no mask, energies that are not finite, an area outside [0, 1], a
  /// negative number.
  void write(const Pair& pair) const;
  /// Writes the index of the pairs 0 to count - 1, all of which must be complete, with the same masks and size; throws
  /// InputError naming the first that is not. From here on PairSet reads them.
  void finish(std::int64_t count) const;

 private:
  std::filesystem::path folder_;
};

/// Reads a finished set. Pictures are read when they are asked for.
class PairSet {
 public:
  /// Throws InputError where the folder holds no set, an unfinished one, or an index that is broken.
  explicit PairSet(std::filesystem::path folder);

  std::int64_t count() const { return static_cast<std::int64_t>(facts_.size()); }
  int height() const { return height_; }
  int width() const { return width_; }
  /// By number: facts()[i].number is i.
  const std::vector<PairFacts>& facts() const { return facts_; }
  /// The numbers of the pairs that are kept, ascending.
  std::vector<std::int64_t> kept() const;
  const std::vector<std::string>& mask_names() const { return mask_names_; }
  /// What the writer was given.
  const nlohmann::json& made_by() const { return made_by_; }

  /// Of the pairs with these numbers: images [n, 3, H, W] uint8 RGB, and masks [n, H, W] uint8. Throw InputError naming
  /// the file where a picture is missing, damaged or of another size; for a number or a mask that the set does not
  /// have. May be called from several threads.
  at::Tensor images(const std::vector<std::int64_t>& numbers) const;
  at::Tensor masks(const std::string& name, const std::vector<std::int64_t>& numbers) const;

 private:
  at::Tensor pictures(const std::vector<std::int64_t>& numbers, int channels,
                      const std::function<std::filesystem::path(std::int64_t)>& file) const;

  std::filesystem::path folder_;
  nlohmann::json made_by_;
  int height_ = 0, width_ = 0;
  std::vector<std::string> mask_names_;
  std::vector<PairFacts> facts_;
};

/// Images [N, 3, H, W] uint8 with the outline of their masks [N, H, W] uint8 (at least 128 is the object): those pixels
/// of the object that touch one outside it, above, below, left or right, are set to magenta, which few pictures hold.
at::Tensor outlined(const at::Tensor& images, const at::Tensor& masks);

/// A contact sheet: each image, and beside it the same with its mask's outline, `columns` such pairs a row and as many
/// rows as they take; 2 white pixels between tiles. Throws InputError where there is nothing to draw.
void write_pair_sheet(const at::Tensor& images, const at::Tensor& masks, std::int64_t columns,
                      const std::filesystem::path& file);

}  // namespace assay::diffusion_seg
