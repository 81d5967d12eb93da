#include "datasets/shapes.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "core/error.h"
#include "core/hash.h"
#include "core/philox.h"
#include "datasets/background.h"

namespace assay {
namespace {

const std::array<std::string, 3> fill_names{"solid", "striped", "outlined"};
const std::array<std::string, 3> size_names{"small", "medium", "large"};
constexpr std::array<double, 3> size_radii{0.18, 0.28, 0.38};

ShapeFactors draw_factors(RandomStream& random, int size) {
  ShapeFactors factors;
  factors.shape = static_cast<Shape>(random.below(shape_count));
  factors.colour = static_cast<int>(random.below(object_colours().size()));
  factors.fill = static_cast<Fill>(random.below(3));
  factors.size = static_cast<ShapeSize>(random.below(3));
  const double jitter = 0.95 + 0.1 * random.uniform();
  factors.place.radius = size_radii[static_cast<std::size_t>(factors.size)] * size * jitter;
  const double room = size - 2 * factors.place.radius;
  factors.place.x = factors.place.radius + room * random.uniform();
  factors.place.y = factors.place.radius + room * random.uniform();
  return factors;
}

/// The second colour of a fill: half as bright for stripes, halfway to white inside an outline.
double shade(Fill fill, double value) { return fill == Fill::outlined ? (value + 255.0) / 2 : value / 2; }

class Shapes final : public Dataset {
 public:
  explicit Shapes(const DatasetSpec& spec)
      : size_(spec.size),
        seed_(spec.seed),
        background_(parse_background(spec.background, "shapes.background")),
        grouped_by_colour_(spec.group == "colour") {
    const int colours = static_cast<int>(object_colours().size());
    // A group's subgroups lie side by side, in the order of the other factor.
    const int group_count = grouped_by_colour_ ? colours : shape_count,
              others = grouped_by_colour_ ? shape_count : colours;
    for (int group = 0; group < group_count; ++group)
      for (int other = 0; other < others; ++other) {
        const std::string& shape = name_of(static_cast<Shape>(grouped_by_colour_ ? other : group));
        const std::string& colour = object_colours()[static_cast<std::size_t>(grouped_by_colour_ ? group : other)].name;
        if (other == 0) groups_.push_back(grouped_by_colour_ ? colour : shape);
        subgroups_.push_back(colour + " " + shape);
      }
    items_.reserve(static_cast<std::size_t>(spec.count));
    for (std::int64_t i = 0; i < spec.count; ++i) {
      const ShapeFactors factors = shape_factors(seed_, i, size_);
      Item item;
      item.stem = fmt::format("shape-{:06}", i);
      item.name = caption(factors);
      const int shape = static_cast<int>(factors.shape);
      item.group = grouped_by_colour_ ? factors.colour : shape;
      item.subgroup = item.group * others + (grouped_by_colour_ ? shape : factors.colour);
      item.split = split_by_hash(item.stem);
      items_.push_back(std::move(item));
    }
  }

  const std::string& name() const override {
    static const std::string name = "shapes";
    return name;
  }
  int size() const override { return size_; }
  std::string hash() const override {
    Hasher hasher;
    hasher.text("shapes/1")
        .number(std::int64_t{size_})
        .text(background_names()[static_cast<std::size_t>(background_)])
        .number(static_cast<std::int64_t>(seed_))
        .number(static_cast<std::int64_t>(items_.size()));
    if (grouped_by_colour_) hasher.text("grouped by colour");
    return hasher.hex();
  }
  const std::vector<Item>& items() const override { return items_; }
  const std::vector<std::string>& groups() const override { return groups_; }
  const std::vector<std::string>& subgroups() const override { return subgroups_; }
  const std::vector<Problem>& problems() const override { return problems_; }

  Sample sample(std::int64_t index) const override {
    if (index < 0 || index >= static_cast<std::int64_t>(items_.size()))
      throw Error(fmt::format("shapes: no item {} among {}", index, items_.size()));
    RandomStream random(seed_, Purpose::dataset, static_cast<std::uint64_t>(index));
    const ShapeFactors factors = draw_factors(random, size_);
    Sample sample;
    sample.image = make_background(background_, size_, random);
    sample.mask = Image(size_, size_, 1);
    const std::vector<double> whole = shape_coverage(factors.shape, factors.place, size_);
    std::vector<double> second(whole.size(), 0.0);
    if (factors.fill == Fill::outlined) second = inside_coverage(factors.shape, factors.place, size_);
    if (factors.fill == Fill::striped)
      second = striped_coverage(factors.shape, factors.place, size_, std::max(1.0, 0.3 * factors.place.radius));
    const ObjectColour& colour = object_colours()[static_cast<std::size_t>(factors.colour)];
    for (std::size_t i = 0; i < whole.size(); ++i) {
      if (whole[i] == 0.0) continue;
      sample.mask.pixels[i] = static_cast<std::uint8_t>(std::lround(255.0 * std::min(whole[i], 1.0)));
      for (std::size_t c = 0; c < 3; ++c) {
        std::uint8_t& pixel = sample.image.pixels[3 * i + c];
        const double object = (whole[i] - second[i]) * colour.rgb[c] + second[i] * shade(factors.fill, colour.rgb[c]);
        pixel = static_cast<std::uint8_t>(std::lround(std::min(255.0, object + (1.0 - whole[i]) * pixel)));
      }
    }
    sample.box = mask_box(sample.mask);
    return sample;
  }

 private:
  int size_;
  std::uint64_t seed_;
  Background background_;
  bool grouped_by_colour_;
  std::vector<Item> items_;
  std::vector<std::string> groups_, subgroups_;
  std::vector<Problem> problems_;
};

}  // namespace

const std::vector<ObjectColour>& object_colours() {
  static const std::vector<ObjectColour> colours{
      {"red", {214, 40, 40}},   {"orange", {243, 128, 22}}, {"yellow", {240, 208, 30}}, {"green", {36, 160, 66}},
      {"cyan", {24, 182, 202}}, {"blue", {40, 90, 220}},    {"purple", {126, 46, 190}}, {"pink", {238, 84, 164}},
  };
  return colours;
}

ShapeFactors shape_factors(std::uint64_t seed, std::int64_t index, int size) {
  RandomStream random(seed, Purpose::dataset, static_cast<std::uint64_t>(index));
  return draw_factors(random, size);
}

std::string caption(const ShapeFactors& factors) {
  return fmt::format("{} {} {} {}", size_names[static_cast<std::size_t>(factors.size)],
                     fill_names[static_cast<std::size_t>(factors.fill)],
                     object_colours()[static_cast<std::size_t>(factors.colour)].name, name_of(factors.shape));
}

std::unique_ptr<Dataset> open_shapes(const DatasetSpec& spec) { return std::make_unique<Shapes>(spec); }

}  // namespace assay
