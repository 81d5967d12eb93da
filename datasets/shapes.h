#pragma once
#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "datasets/shape_raster.h"

namespace assay {

inline constexpr std::int64_t max_shapes_count = 1'000'000;

/// The made set. Item i is drawn from RandomStream(seed, Purpose::dataset, i) alone: one shape in one of the object
/// colours, filled `solid`, `striped` (with a darker shade) or `outlined` (with a paler inside), in one of three sizes,
/// anywhere inside the image, on a background whose colours are disjoint from the objects'.
/// group = shape or colour, as the spec says; subgroup = colour and shape, caption as in "large striped red star".
/// The mask is the whole shape in every fill. About 80 % of the items are for training, by a hash of the index.
/// Images are made on each call of sample(); nothing is stored.
std::unique_ptr<Dataset> open_shapes(const DatasetSpec& spec);

enum class Fill { solid, striped, outlined };
enum class ShapeSize { small, medium, large };

/// All that is drawn of one item.
struct ShapeFactors {
  Shape shape = Shape::circle;
  int colour = 0;  // index into object_colours()
  Fill fill = Fill::solid;
  ShapeSize size = ShapeSize::small;
  Placement place;  // the circle around it lies inside the image
};

struct ObjectColour {
  std::string name;
  std::uint8_t rgb[3];
};

/// Largest minus smallest channel is at least object_chroma for these colours and for the shades made of them.
inline constexpr int object_chroma = 60;
const std::vector<ObjectColour>& object_colours();

/// The factors of item `index`. The radius is 0.18, 0.28 or 0.38 of the image size, within 5 %.
ShapeFactors shape_factors(std::uint64_t seed, std::int64_t index, int size);

/// As in "large striped red star".
std::string caption(const ShapeFactors& factors);

}  // namespace assay
