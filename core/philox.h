#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace assay {

/// What a random stream is for. Streams of different purposes never share numbers, even under one seed.
enum class Purpose : std::uint32_t {
  noise = 1,       // x_T and step noise of a sampler
  training = 2,    // time step, noise and condition dropout of a training example
  order = 3,       // which example a training step draws
  initialise = 4,  // initial weights
  dataset = 5,     // made images, backgrounds, imbalance
  clustering = 6,  // k-means
  resample = 7,    // bootstrap and permutation
  augment = 8,     // augmentations of self-supervised training
  condition = 9,   // which condition a generated sample gets
};

/// Philox4x32-10 (Salmon et al., SC 2011): a counter turned into 128 random bits, without state.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// The random stream of one item (a sample, a training example): the same numbers whatever was drawn for others,
/// so results do not depend on batch size, threads or devices.
/// key = seed; counter = (block, purpose, item low, item high).
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t item);

  std::uint32_t bits();
  std::uint64_t bits64();
  /// In [0, 1) with 53 random bits.
  double uniform();
  /// In [0, bound), without modulo bias. `bound` must be at least 1.
  std::uint64_t below(std::uint64_t bound);
  /// Standard normal (Box-Muller in double).
  double normal();
  void fill_normal(std::span<float> values);

 private:
  void refill();

  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
  bool has_spare_ = false;
  double spare_ = 0.0;
};

/// A uniformly random permutation of 0..n-1 (Fisher-Yates).
std::vector<std::int64_t> permutation(std::int64_t n, RandomStream& random);

}  // namespace assay
