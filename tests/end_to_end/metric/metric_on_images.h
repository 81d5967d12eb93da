#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "images/png.h"
#include "tests/end_to_end/program.h"
#include "tests/end_to_end/random_inception.h"
#include "tests/support/random_weights.h"
#include "tests/support/temporary_folder.h"

namespace assay::test {

/// An image whose pixels its size decides.
inline void write_image(const std::filesystem::path& file, int width, int height) {
  Image image(width, height, 3);
  image.pixels = fixture_image(width, height);
  write_png(file, image);
}

/// Runs `assay metric`.
inline Outcome metric(Words arguments) {
  arguments.insert(arguments.begin(), "metric");
  return run_program(ASSAY_BINARY, arguments);
}

/// Two folders of two images, and random Inception weights, made once.
class MetricOnImages : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    data = std::make_unique<TemporaryFolder>();
    write_random_inception(weights());
    for (const char* folder : {"reference", "generated"}) std::filesystem::create_directory(data->path() / folder);
    write_image(data->path() / "reference" / "a.png", 32, 32);
    write_image(data->path() / "reference" / "b.png", 330, 311);
    write_image(data->path() / "generated" / "a.png", 17, 40);
    write_image(data->path() / "generated" / "b.png", 1, 1);
  }
  static void TearDownTestSuite() { data.reset(); }

  static std::string weights() { return (data->path() / "inception.safetensors").string(); }
  static std::string folder(const std::string& name) { return (data->path() / name).string(); }

  static inline std::unique_ptr<TemporaryFolder> data;
};

}  // namespace assay::test
