#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/background.h"
#include "datasets/dataset.h"
#include "datasets/photographs.h"

namespace assay {

/// Objects cut out of real pictures, and what stands behind them.
struct Cutouts {
  /// Takes size, seed, background and placement of the spec. Throws InputError for an unknown background and
  /// for missing photographs.
  Cutouts(std::string set_name, const DatasetSpec& spec);

  std::string name;
  int size;
  std::uint64_t seed;
  Background background = Background::white;
  std::optional<Photographs> photographs;  // instead of the background
  std::optional<ObjectPlacement> placement;
  std::vector<Item> items;             // one an object
  std::vector<Image> images;           // per object: RGBA, size x size; the alpha is the mask
  std::vector<std::uint64_t> streams;  // per object: which random numbers its place and background take
  std::vector<std::string> groups, subgroups;
  std::vector<Problem> problems;
  std::string hash;  // of all but photographs and placement
};

/// Puts each object in its place on its background when it is asked for. An object is shrunk to the side that was drawn
/// for it, and not enlarged where it is smaller. The copies of an object follow it, "owl" by "owl-at2", and the hash is
/// of photographs and placement too; what a set gives without a placement does not change by there being placements.
std::unique_ptr<Dataset> make_cutout_set(Cutouts cutouts);

}  // namespace assay
