#include "datasets/imbalance.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.h"
#include "core/hash.h"
#include "core/philox.h"

namespace assay {
namespace {

// Items of the Purpose::dataset streams below this number belong to images.
constexpr std::uint64_t first_class_stream = std::uint64_t{1} << 40;

bool read_number(std::string_view text, double low, double high, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= low && value <= high;
}

class ImbalancedDataset final : public Dataset {
 public:
  ImbalancedDataset(std::unique_ptr<Dataset> base, const Imbalance& imbalance, std::uint64_t seed)
      : base_(std::move(base)), problems_(base_->problems()) {
    const auto& items = base_->items();
    const std::size_t classes = base_->groups().size();
    std::vector<std::vector<std::int64_t>> members(classes);
    for (const std::int64_t i : indices(*base_, Split::train)) {
      const Item& item = items[static_cast<std::size_t>(i)];
      members[static_cast<std::size_t>(item.group)].push_back(i);
    }
    std::size_t n_max = 0;
    for (const auto& member : members) n_max = std::max(n_max, member.size());
    std::vector<char> stays(items.size(), 1);
    if (n_max > 0) {
      const auto wanted = imbalanced_counts(imbalance, static_cast<int>(classes), static_cast<std::int64_t>(n_max));
      for (std::size_t c = 0; c < classes; ++c) {
        const auto has = static_cast<std::int64_t>(members[c].size());
        if (has < wanted[c])
          problems_.push_back({base_->groups()[c], fmt::format("imbalance asks for {} training items, the set has {}: "
                                                               "all kept",
                                                               wanted[c], has)});
        RandomStream random(seed, Purpose::dataset, first_class_stream + c);
        const std::vector<std::int64_t> order = permutation(has, random);
        for (std::int64_t k = std::min(has, wanted[c]); k < has; ++k)
          stays[static_cast<std::size_t>(members[c][static_cast<std::size_t>(order[static_cast<std::size_t>(k)])])] = 0;
      }
    }
    Hasher hasher;
    hasher.text("imbalance/1").text(base_->hash());
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!stays[i]) continue;
      kept_.push_back(static_cast<std::int64_t>(i));
      items_.push_back(items[i]);
      hasher.number(static_cast<std::int64_t>(i));
    }
    hash_ = hasher.hex();
  }

  const std::string& name() const override { return base_->name(); }
  int size() const override { return base_->size(); }
  std::string hash() const override { return hash_; }
  const std::vector<Item>& items() const override { return items_; }
  const std::vector<std::string>& groups() const override { return base_->groups(); }
  const std::vector<std::string>& subgroups() const override { return base_->subgroups(); }
  const std::vector<Problem>& problems() const override { return problems_; }
  Sample sample(std::int64_t index) const override {
    if (index < 0 || index >= static_cast<std::int64_t>(kept_.size()))
      throw Error(fmt::format("{}: no item {} among {}", name(), index, kept_.size()));
    return base_->sample(kept_[static_cast<std::size_t>(index)]);
  }

 private:
  std::unique_ptr<Dataset> base_;
  std::vector<Item> items_;
  std::vector<std::int64_t> kept_;
  std::vector<Problem> problems_;
  std::string hash_;
};

}  // namespace

Imbalance parse_imbalance(const std::string& text) {
  Imbalance imbalance;
  bool ok = text == "natural";
  if (text.starts_with("exp:")) {
    imbalance.kind = Imbalance::Kind::exponential;
    ok = read_number(std::string_view(text).substr(4), 1.0, 1e6, imbalance.ratio);
  } else if (text.starts_with("step:")) {
    imbalance.kind = Imbalance::Kind::step;
    const std::string_view rest = std::string_view(text).substr(5);
    const auto colon = rest.find(':');
    ok = colon != std::string_view::npos && read_number(rest.substr(0, colon), 1.0, 1e6, imbalance.ratio) &&
         read_number(rest.substr(colon + 1), 0.0, 1.0, imbalance.fraction);
  }
  if (!ok)
    throw InputError(
        fmt::format("imbalance '{}': not understood; accepted: natural, exp:RHO (as in exp:100), "
                    "step:RHO:FRACTION (as in step:10:0.5), with RHO from 1 to 1000000 and FRACTION "
                    "from 0 to 1",
                    text));
  return imbalance;
}

std::vector<std::int64_t> imbalanced_counts(const Imbalance& imbalance, int classes, std::int64_t n_max) {
  if (classes < 1 || n_max < 1) throw Error(fmt::format("imbalance: {} classes of at most {} items", classes, n_max));
  std::vector<std::int64_t> counts(static_cast<std::size_t>(classes), n_max);
  const auto minority = static_cast<int>(std::lround(imbalance.fraction * classes));
  for (int c = 0; c < classes; ++c) {
    double share = 1.0;
    if (imbalance.kind == Imbalance::Kind::exponential && classes > 1)
      share = std::pow(imbalance.ratio, -static_cast<double>(c) / (classes - 1));
    if (imbalance.kind == Imbalance::Kind::step && c >= classes - minority) share = 1.0 / imbalance.ratio;
    counts[static_cast<std::size_t>(c)] = std::max<std::int64_t>(1, std::llround(static_cast<double>(n_max) * share));
  }
  return counts;
}

std::unique_ptr<Dataset> make_imbalanced(std::unique_ptr<Dataset> base, const Imbalance& imbalance,
                                         std::uint64_t seed) {
  if (imbalance.kind == Imbalance::Kind::natural) return base;
  return std::make_unique<ImbalancedDataset>(std::move(base), imbalance, seed);
}

}  // namespace assay
