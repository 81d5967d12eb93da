#include "tests/support/random_weights.h"

#include <cmath>

#include "core/safetensors.h"

namespace assay::test {
namespace {

std::pair<double, double> scale_and_shift(const std::string& key, const std::vector<std::int64_t>& shape) {
  if (shape.size() == 4) return {std::sqrt(6.0 / static_cast<double>(shape[1] * shape[2] * shape[3])), 0.0};
  if (shape.size() == 2) return {std::sqrt(3.0 / static_cast<double>(shape[1])), 0.0};
  if (key.ends_with("running_var")) return {0.5, 1.0};
  if (key.ends_with("weight") || key.ends_with("gamma")) return {0.1, 1.0};
  return {0.05, 0.0};
}

}  // namespace

std::vector<double> uniform(const std::string& key, std::int64_t count) {
  std::uint64_t state = 14695981039346656037U;
  for (const char c : key) state = (state ^ static_cast<unsigned char>(c)) * 1099511628211U;
  std::vector<double> values(static_cast<std::size_t>(count));
  for (double& value : values) {
    state += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    z ^= z >> 31;
    value = static_cast<double>(z >> 40) / 8388608.0 - 1.0;
  }
  return values;
}

void write_random_weights(const std::filesystem::path& file,
                          const std::vector<std::pair<std::string, std::vector<std::int64_t>>>& shapes) {
  SafetensorsWriter writer;
  for (const auto& [key, shape] : shapes) {
    std::int64_t count = 1;
    for (const std::int64_t side : shape) count *= side;
    const auto [scale, shift] = scale_and_shift(key, shape);
    std::vector<float> values;
    values.reserve(static_cast<std::size_t>(count));
    for (const double u : uniform(key, count)) values.push_back(static_cast<float>(u * scale + shift));
    writer.add(key, shape, std::span<const float>(values));
  }
  writer.write(file);
}

std::vector<std::uint8_t> fixture_image(int width, int height) {
  const std::int64_t count = 3LL * width * height;
  std::vector<std::uint8_t> pixels;
  pixels.reserve(static_cast<std::size_t>(count));
  const auto noise = uniform("image " + std::to_string(width) + " x " + std::to_string(height), count);
  for (std::int64_t i = 0; i < count; ++i) {
    const double bump = (noise[static_cast<std::size_t>(i)] + 1) * 64;
    pixels.push_back(static_cast<std::uint8_t>(static_cast<std::int64_t>(bump) + i * 128 / count));
  }
  return pixels;
}

}  // namespace assay::test
