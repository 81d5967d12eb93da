#pragma once
#include <string>

namespace assay {

/// Which way a score improves.
enum class Better { unstated, lower, higher };

/// From low to high, both among it.
struct Interval {
  double low, high;
};

/// [low, high] around a score or a difference, and how it was made.
struct ScoreInterval {
  double low = 0.0;
  double high = 0.0;
  double level = 0.95;
  std::string method = {};  // as in "bootstrap over samples, 500"
};

}  // namespace assay
