#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "datasets/background.h"
#include "datasets/dataset.h"

namespace assay {

/// Objects cut out of real pictures, and what stands behind them.
struct Cutouts {
  /// Takes size, seed and background of the spec. Throws InputError for an unknown background.
  Cutouts(std::string set_name, const DatasetSpec& spec);

  std::string name;
  int size;
  std::uint64_t seed;
  Background background;
  std::vector<Item> items;
  std::vector<Image> images;           // per item: RGBA, size x size; the alpha is the mask
  std::vector<std::uint64_t> streams;  // per item: which random numbers its background takes
  std::vector<std::string> groups, subgroups;
  std::vector<Problem> problems;
  std::string hash;
};

/// Puts each object on its background when it is asked for.
std::unique_ptr<Dataset> make_cutout_set(Cutouts cutouts);

}  // namespace assay
