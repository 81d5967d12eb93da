#pragma once
#include <cstdint>
#include <vector>

#include "core/philox.h"

namespace assay {

/// Which image each example of a training shows: every image once in a random order, then again in another one.
class EpochOrder {
 public:
  EpochOrder(std::int64_t images, std::uint64_t seed) : images_(images), seed_(seed) {}

  /// The image of the `example`-th example of the whole training, from 0. Cheap where examples come in order.
  std::int64_t image(std::int64_t example) {
    if (example / images_ != epoch_) {
      epoch_ = example / images_;
      RandomStream random(seed_, Purpose::order, static_cast<std::uint64_t>(epoch_));
      order_ = permutation(images_, random);
    }
    return order_[static_cast<std::size_t>(example % images_)];
  }

 private:
  std::int64_t images_;
  std::uint64_t seed_;
  std::int64_t epoch_ = -1;
  std::vector<std::int64_t> order_;
};

}  // namespace assay
