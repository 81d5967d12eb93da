#pragma once
#include <cstdint>
#include <vector>

#include "core/philox.h"

namespace assay {

/// Which image each example of a training shows: every image once in a random order, then again in another one.
class EpochOrder {
 public:
  /// `first_stream`: of the streams of order under `seed`, one an epoch.
  EpochOrder(std::int64_t images, std::uint64_t seed, std::uint64_t first_stream = 0)
      : images_(images), seed_(seed), first_stream_(first_stream) {}

  /// The image of the `example`-th example of the whole training, from 0. Cheap where examples come in order.
  std::int64_t image(std::int64_t example) {
    if (example / images_ != epoch_) {
      epoch_ = example / images_;
      RandomStream random(seed_, Purpose::order, first_stream_ + static_cast<std::uint64_t>(epoch_));
      order_ = permutation(images_, random);
    }
    return order_[static_cast<std::size_t>(example % images_)];
  }

 private:
  std::int64_t images_;
  std::uint64_t seed_, first_stream_;
  std::int64_t epoch_ = -1;
  std::vector<std::int64_t> order_;
};

}  // namespace assay
