#include "datasets/cutout_set.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"
#include "core/philox.h"

namespace assay {
namespace {

class CutoutSet final : public Dataset {
 public:
  explicit CutoutSet(Cutouts cutouts) : cutouts_(std::move(cutouts)) {}

  const std::string& name() const override { return cutouts_.name; }
  int size() const override { return cutouts_.size; }
  std::string hash() const override { return cutouts_.hash; }
  const std::vector<Item>& items() const override { return cutouts_.items; }
  const std::vector<std::string>& groups() const override { return cutouts_.groups; }
  const std::vector<std::string>& subgroups() const override { return cutouts_.subgroups; }
  const std::vector<Problem>& problems() const override { return cutouts_.problems; }

  Sample sample(std::int64_t index) const override {
    if (index < 0 || index >= static_cast<std::int64_t>(cutouts_.items.size()))
      throw Error(fmt::format("{}: no item {} among {}", cutouts_.name, index, cutouts_.items.size()));
    const auto i = static_cast<std::size_t>(index);
    RandomStream random(cutouts_.seed, Purpose::dataset, cutouts_.streams[i]);
    Sample sample;
    sample.image = composite(cutouts_.images[i], make_background(cutouts_.background, cutouts_.size, random));
    sample.mask = take_channel(cutouts_.images[i], 3);
    sample.box = mask_box(sample.mask);
    return sample;
  }

 private:
  Cutouts cutouts_;
};

}  // namespace

Cutouts::Cutouts(std::string set_name, const DatasetSpec& spec)
    : name(std::move(set_name)),
      size(spec.size),
      seed(spec.seed),
      background(parse_background(spec.background, name + ".background")) {}

std::unique_ptr<Dataset> make_cutout_set(Cutouts cutouts) { return std::make_unique<CutoutSet>(std::move(cutouts)); }

}  // namespace assay
