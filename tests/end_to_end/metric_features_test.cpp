#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/safetensors.h"
#include "images/png.h"
#include "metrics/features/inception.h"
#include "tests/end_to_end/program.h"
#include "tests/support/npy.h"
#include "tests/support/npz_batch.h"
#include "tests/support/random_weights.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using test::Outcome;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

void write_image(const std::filesystem::path& file, int width, int height) {
  Image image(width, height, 3);
  image.pixels = test::fixture_image(width, height);
  write_png(file, image);
}

Outcome metric(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "metric");
  return test::run_program(ASSAY_BINARY, arguments);
}

/// Two folders of two images and Inception weights of tests/data/features/random_weights.py, made once.
class MetricOnImages : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    data = std::make_unique<TemporaryFolder>();
    std::vector<std::pair<std::string, std::vector<std::int64_t>>> shapes;
    for (const WeightShape& weight : Inception::state())
      if (!weight.optional) shapes.emplace_back(weight.name, weight.shape);
    test::write_random_weights(weights(), shapes);
    for (const char* folder : {"reference", "generated"}) std::filesystem::create_directory(data->path() / folder);
    write_image(data->path() / "reference" / "a.png", 32, 32);
    write_image(data->path() / "reference" / "b.png", 330, 311);
    write_image(data->path() / "generated" / "a.png", 17, 40);
    write_image(data->path() / "generated" / "b.png", 1, 1);
  }
  static void TearDownTestSuite() { data.reset(); }

  static std::string weights() { return (data->path() / "inception.safetensors").string(); }
  static std::string folder(const std::string& name) { return (data->path() / name).string(); }

  static nlohmann::json scores(const std::string& reference, const std::string& generated) {
    const Outcome outcome = metric({"generative", "--reference", reference, "--generated", generated, "--protocol",
                                    "fid-tf1", "--bootstrap", "0", "--weights", weights(), "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out).at("results").at(0);
  }

  static std::unique_ptr<TemporaryFolder> data;
};
std::unique_ptr<TemporaryFolder> MetricOnImages::data;

TEST_F(MetricOnImages, FeaturesOfAFolderAreTorchFidelitysWhateverTheBatch) {
  const TemporaryFolder out;
  const Outcome outcome = metric({"features", "--input", folder("reference"), "--weights", weights(), "--out",
                                  (out / "f.safetensors").string(), "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto found = nlohmann::json::parse(outcome.out).at("features");
  EXPECT_EQ(found.at("n"), 2);
  EXPECT_EQ(found.at("width"), 2048);
  EXPECT_GT(found.at("images_per_second").get<double>(), 0);

  const SafetensorsFile written(out / "f.safetensors");
  const SafetensorsFile wanted(std::string(ASSAY_TEST_DATA) + "/features/inception.safetensors");
  for (const auto& [tensor, python] : {std::pair{"features", "pool3"}, {"logits", "logits_unbiased"}}) {
    const auto got = written.at(tensor).f32(tensor);
    std::size_t i = 0;
    for (const char* size : {"32x32", "330x311"}) {
      const std::string name = std::string("fid-tf1/") + python + "/" + size;
      float largest = 0;
      for (const float want : wanted.at(name).f32(name)) largest = std::max(largest, std::abs(got[i++] - want));
      EXPECT_LE(largest, 2e-5f) << name;
    }
    EXPECT_EQ(i, got.size());
  }

  const Outcome one = metric({"features", "--input", folder("reference"), "--weights", weights(), "--out",
                              (out / "one.safetensors").string(), "--batch", "1"});
  ASSERT_EQ(one.exit_code, 0) << one.err;
  EXPECT_EQ(read_file(out / "one.safetensors"), read_file(out / "f.safetensors"));
}

TEST_F(MetricOnImages, AFolderAClassGivesLabelsAndTheCacheSparesTheSecondPass) {
  const TemporaryFolder classes, out;
  for (const char* name : {"cat", "dog"}) {
    std::filesystem::create_directory(classes / name);
    write_image(classes / name / "x.png", 32, 32);
  }
  const auto run = [&](const char* file) {
    return metric({"features", "--input", classes.path().string(), "--weights", weights(), "--cache",
                   (out / "cache").string(), "--out", (out / file).string(), "--json"});
  };
  const Outcome first = run("first.safetensors");
  ASSERT_EQ(first.exit_code, 0) << first.err;
  const SafetensorsFile written(out / "first.safetensors");
  EXPECT_THAT(written.at("labels").i64("labels"), ElementsAre(0, 1));
  const Outcome second = run("second.safetensors");
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_TRUE(nlohmann::json::parse(second.out).at("features").at("images_per_second").is_null());
  EXPECT_EQ(read_file(out / "first.safetensors"), read_file(out / "second.safetensors"));
}

TEST_F(MetricOnImages, ClassesOfTwoTreesAreJoinedByTheNamesOfTheirFolders) {
  const TemporaryFolder sets;
  const auto tree = [&](const std::string& name, const std::vector<std::string>& classes, int height) {
    std::filesystem::create_directory(sets / name);
    for (const std::string& of : classes) {
      std::filesystem::create_directory(sets.path() / name / of);
      // The width says the class, whatever its place among the folders.
      const int width = 10 * static_cast<unsigned char>(of.back());
      for (int i = 0; i < 3; ++i)
        write_image(sets.path() / name / of / (std::to_string(i) + ".png"), width / 8 + i, height);
    }
    return (sets / name).string();
  };
  const std::string reference = tree("ref", {"cat", "dog", "fox", "2", "10"}, 20);
  const std::string generated = tree("gen", {"cat", "fox", "Dog", "10"}, 23);
  const auto run = [&](const std::string& r, const std::string& g, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"generative",
                                          "--reference",
                                          r,
                                          "--generated",
                                          g,
                                          "--protocol",
                                          "fid-tf1",
                                          "--weights",
                                          weights(),
                                          "--cache",
                                          (sets / "cache").string(),
                                          "--bootstrap",
                                          "0",
                                          "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = metric(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out);
  };
  const auto whole = run(reference, generated, {"--per-class", "--tail", "thirds"});
  std::map<std::string, nlohmann::json> rows;
  std::vector<std::string> order;
  for (const auto& row : whole.at("results")) {
    rows[row.value("part", "")] = row;
    if (row.contains("class")) order.push_back(row.at("class"));
  }
  EXPECT_THAT(order, ElementsAre("2", "10", "Dog", "cat", "dog", "fox"));
  for (const std::string name : {"cat", "fox", "10"}) {
    const auto alone = run(reference + "/" + name, generated + "/" + name).at("results").at(0);
    EXPECT_NEAR(rows.at("class " + name).at("value").get<double>(), alone.at("value").get<double>(), 1e-9) << name;
    EXPECT_EQ(rows.at("class " + name).at("n_generated"), 3);
  }
  for (const std::string name : {"2", "Dog", "dog"})
    EXPECT_TRUE(rows.at("class " + name).at("value").is_null()) << name;
  EXPECT_EQ(whole.at("class_join").at("reference_alone"), nlohmann::json({{"2", 3}, {"dog", 3}}));
  EXPECT_EQ(whole.at("class_join").at("generated_alone"), nlohmann::json({{"Dog", 3}}));
  EXPECT_THAT(whole.at("notes").dump(),
              AllOf(HasSubstr("2 classes (6 images) are in " + reference + " alone: '2' (3), 'dog' (3)"),
                    HasSubstr("class 'Dog' (3 images) is in " + generated + " alone"),
                    HasSubstr("'dog' and 'Dog' are different classes"), HasSubstr("5 classes")));
  // Equal counts go by name: 2 and 10 are the head, cat and dog the middle, fox the tail.
  EXPECT_EQ(rows.at("tail").at("value"), rows.at("class fox").at("value"));
  EXPECT_EQ(rows.at("medium").at("value"), rows.at("class cat").at("value"));
  EXPECT_THAT(rows.at("medium").at("note").get<std::string>(), HasSubstr("without 1 of its 2 classes"));
}

TEST_F(MetricOnImages, FeaturesOfATreeCarryTheNamesUnlessLabelsReplaceThem) {
  const TemporaryFolder classes, out;
  for (const char* name : {"10", "2", "cat \"one\""}) {
    std::filesystem::create_directory(classes / name);
    write_image(classes / name / "x.png", 32, 32);
  }
  const auto run = [&](const char* file, std::vector<std::string> more) {
    std::vector<std::string> arguments = {"features",
                                          "--input",
                                          classes.path().string(),
                                          "--weights",
                                          weights(),
                                          "--cache",
                                          (out / "cache").string(),
                                          "--out",
                                          (out / file).string(),
                                          "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = metric(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out);
  };
  const auto named = run("named.safetensors", {});
  const SafetensorsFile file(out / "named.safetensors");
  const auto names = nlohmann::json::parse(file.metadata().at("class_names"));
  EXPECT_EQ(names, nlohmann::json({"10", "2", "cat \"one\""}));
  EXPECT_EQ(named.at("features").at("class_names"), names);
  EXPECT_THAT(file.at("labels").i64("labels"), ElementsAre(0, 1, 2));
  const auto replaced = run("replaced.safetensors", {"--labels", out.file("labels", "7\n7\n5\n").string()});
  const SafetensorsFile numbers(out / "replaced.safetensors");
  EXPECT_FALSE(numbers.metadata().contains("class_names"));
  EXPECT_THAT(numbers.at("labels").i64("labels"), ElementsAre(7, 7, 5));
  EXPECT_THAT(replaced.at("notes").dump(),
              AllOf(HasSubstr("take the place of the names"), HasSubstr("labels are numbers")));
}

TEST_F(MetricOnImages, AnNpzBatchOfOpenAisEvaluatorIsReadWithItsLabels) {
  const TemporaryFolder out;
  const Outcome outcome =
      metric({"features", "--input", std::string(ASSAY_TEST_DATA) + "/features/batch.npz", "--weights", weights(),
              "--protocol", "sfid-oai", "--out", (out / "f.safetensors").string()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const SafetensorsFile written(out / "f.safetensors");
  EXPECT_THAT(written.at("features").shape, ElementsAre(2, 2023));
  EXPECT_THAT(written.at("labels").i64("labels"), ElementsAre(3, 1));
  const SafetensorsFile wanted(std::string(ASSAY_TEST_DATA) + "/features/inception.safetensors");
  const auto got = written.at("features").f32("features");
  const auto want = wanted.at("fid-tf1/spatial/32x32").f32("spatial");
  for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(got[i], want[i], 2e-5) << i;
}

// The second batch is the same images to the cache, which names features by the images' content.
TEST_F(MetricOnImages, ABatchIsTheSameImagesInEveryLayout) {
  const TemporaryFolder out;
  std::string grey, colour, planes;
  for (int image = 0; image < 2; ++image) {
    std::string one;
    for (int i = 0; i < 63; ++i) one += static_cast<char>(40 * image + 3 * i);
    grey += one;
    for (const char pixel : one) colour += std::string(3, pixel);
    planes += one + one + one;
  }
  std::string with_alpha;
  for (std::size_t i = 0; i < colour.size(); ++i) with_alpha += colour.substr(i, 1) + (i % 3 == 2 ? "\x7F" : "");
  const auto hash_of = [&](const std::string& file) {
    const Outcome outcome = metric({"features", "--input", (out / file).string(), "--weights", weights(), "--cache",
                                    (out / "cache").string(), "--out", (out / "f.safetensors").string(), "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << file << outcome.err;
    return nlohmann::json::parse(outcome.out).at("features").at("images_hash").get<std::string>();
  };
  test::write_npz(out / "colour.npz", {{"arr_0", "|u1", {2, 7, 9, 3}, colour}});
  test::write_npz(out / "alpha.NPZ", {{"images", "u1", {2, 7, 9, 4}, with_alpha}});
  test::write_npz(out / "grey.npz", {{"x", "<u1", {2, 7, 9, 1}, grey}});
  test::write_npz(out / "planes.npz", {{"samples", ">u1", {2, 3, 7, 9}, planes}});
  out.file("plain.npy", test::npy_of_type("=u1", "2, 7, 9", grey));
  const std::string hash = hash_of("colour.npz");
  for (const char* file : {"alpha.NPZ", "grey.npz", "planes.npz", "plain.npy"}) EXPECT_EQ(hash_of(file), hash) << file;
}

TEST_F(MetricOnImages, ScoresOfFoldersAreThoseOfTheirFeatureFiles) {
  const TemporaryFolder out;
  for (const char* side : {"reference", "generated"}) {
    const Outcome outcome = metric({"features", "--input", folder(side), "--weights", weights(), "--out",
                                    (out / (std::string(side) + ".safetensors")).string()});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  const auto images = scores(folder("reference"), folder("generated"));
  const auto files = scores((out / "reference.safetensors").string(), (out / "generated.safetensors").string());
  EXPECT_GT(images.at("value").get<double>(), 0);
  EXPECT_EQ(images.at("value"), files.at("value"));
  EXPECT_EQ(images.at("generated_hash"), files.at("generated_hash"));
  EXPECT_EQ(images.at("features"), "extracted");
  EXPECT_EQ(files.at("features"), "given");
}

TEST_F(MetricOnImages, ComparisonsOfFoldersAreThoseOfTheirFeatureFiles) {
  const TemporaryFolder out;
  const std::string batch = std::string(ASSAY_TEST_DATA) + "/features/batch.npz";
  const auto compare = [](const std::string& reference, const std::string& a, const std::string& b,
                          const std::string& protocols) {
    const Outcome outcome = metric({"compare", "--reference", reference, "--a", a, "--b", b, "--protocol", protocols,
                                    "--swaps", "20", "--bootstrap", "20", "--weights", weights(), "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out).at("results");
  };
  const auto images = compare(folder("reference"), folder("generated"), batch, "fid-tf1,fid-clean,sfid-oai");
  for (const char* protocol : {"fid-tf1", "fid-clean", "sfid-oai"}) {
    std::vector<std::string> files;
    for (const std::string& input : {folder("reference"), folder("generated"), batch}) {
      files.push_back((out / (std::to_string(files.size()) + ".safetensors")).string());
      const Outcome outcome =
          metric({"features", "--input", input, "--weights", weights(), "--protocol", protocol, "--out", files.back()});
      ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    }
    const auto given = compare(files[0], files[1], files[2], protocol);
    std::size_t found = 0;
    for (const auto& row : images) {
      if (row.at("protocol") != protocol || !row.contains("p_value")) continue;
      ++found;
      EXPECT_EQ(row.at("part"), "generated - batch");
      EXPECT_EQ(row.at("features"), "extracted");
      for (const char* key : {"value", "low", "high", "p_value", "a_hash", "b_hash"})
        EXPECT_EQ(row.at(key), given.at(0).at(key)) << protocol << " " << key;
    }
    EXPECT_EQ(found, 1U);
  }
}

TEST_F(MetricOnImages, ImagesOfOtherNamesArePairedWithANote) {
  const TemporaryFolder other;
  write_image(other / "c.png", 20, 20);
  write_image(other / "d.png", 20, 21);
  const Outcome outcome =
      metric({"compare", "--reference", folder("reference"), "--a", folder("generated"), "--b", other.path().string(),
              "--protocol", "fid-tf1", "--swaps", "20", "--bootstrap", "0", "--weights", weights()});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("paired by order"), HasSubstr("'a' of generated with 'c' of")));
}

/// A folder of images whose content is told by their numbers, under names that `name` makes of them.
template <class Name>
void numbered_images(const std::filesystem::path& folder, int first_width, const std::vector<int>& numbers,
                     const Name& name) {
  std::filesystem::create_directory(folder);
  for (const int i : numbers) write_image(folder / (name(i) + ".png"), first_width + i, 20);
}

TEST_F(MetricOnImages, ImagesArePairedByTheNumbersInTheirNames) {
  const TemporaryFolder sets;
  std::vector<int> numbers(12);
  std::iota(numbers.begin(), numbers.end(), 0);
  const auto plain = [](int i) { return std::to_string(i); };
  const auto padded = [](int i) { return fmt::format("img-{:05}", i); };
  const auto shifted = [](int i) { return std::to_string((i + 5) % 12); };
  numbered_images(sets / "a", 30, numbers, plain);
  numbered_images(sets / "padded", 60, numbers, padded);
  numbered_images(sets / "plain", 60, numbers, plain);
  numbered_images(sets / "shifted", 60, numbers, shifted);
  const auto compare = [&](const std::string& b, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"compare",
                                          "--reference",
                                          folder("reference"),
                                          "--a",
                                          (sets / "a").string(),
                                          "--b",
                                          (sets / b).string(),
                                          "--protocol",
                                          "fid-tf1",
                                          "--swaps",
                                          "200",
                                          "--bootstrap",
                                          "50",
                                          "--weights",
                                          weights(),
                                          "--cache",
                                          (sets / "cache").string(),
                                          "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = metric(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    const auto whole = nlohmann::json::parse(outcome.out);
    EXPECT_THAT(whole.at("notes").dump(),
                HasSubstr("paired by " + whole.at("results").at(0).at("paired_by").get<std::string>()));
    return whole.at("results").at(0);
  };
  const auto by_stem = compare("plain"), by_number = compare("padded"),
             by_order = compare("padded", {"--pair-by", "order"});
  EXPECT_EQ(by_stem.at("paired_by"), "stem");
  EXPECT_EQ(by_number.at("paired_by"), "number");
  EXPECT_EQ(by_order.at("paired_by"), "order");
  // The same images under other names: the same pairs give the same numbers, other pairs do not.
  for (const char* key : {"value", "p_value", "low", "high", "a", "b"}) {
    EXPECT_EQ(by_number.at(key), by_stem.at(key)) << key;
    EXPECT_EQ(by_order.at(key), by_stem.at(key)) << key;
  }
  const auto other = compare("shifted");
  EXPECT_EQ(other.at("paired_by"), "stem");
  EXPECT_NE(other.at("low"), by_stem.at("low"));
}

TEST_F(MetricOnImages, FeatureFilesCarryTheNamesThatPairThem) {
  const TemporaryFolder sets;
  std::vector<int> numbers(12);
  std::iota(numbers.begin(), numbers.end(), 0);
  numbered_images(sets / "a", 30, numbers, [](int i) { return std::to_string(i); });
  numbered_images(sets / "b", 60, numbers, [](int i) { return fmt::format("img-{:05}", i); });
  const auto path = [&](const std::string& name) { return (sets / name).string(); };
  for (const char* set : {"a", "b"}) {
    const Outcome outcome = metric({"features", "--input", path(set), "--weights", weights(), "--cache", path("cache"),
                                    "--out", path(std::string(set) + ".safetensors")});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  const auto compare = [&](const std::string& a, const std::string& b) {
    const Outcome outcome =
        metric({"compare", "--reference", folder("reference"), "--a", path(a), "--b", path(b), "--protocol", "fid-tf1",
                "--swaps", "200", "--bootstrap", "50", "--weights", weights(), "--cache", path("cache"), "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out).at("results").at(0);
  };
  const auto folders = compare("a", "b");
  EXPECT_EQ(folders.at("paired_by"), "number");
  for (const auto& [a, b] : {std::pair{"a.safetensors", "b.safetensors"}, std::pair{"a", "b.safetensors"},
                             std::pair{"a.safetensors", "b"}}) {
    const auto files = compare(a, b);
    for (const char* key : {"paired_by", "value", "p_value", "low", "high"})
      EXPECT_EQ(files.at(key), folders.at(key)) << a << " " << b << " " << key;
  }
}

TEST_F(MetricOnImages, ADamagedImageTakesItsPartnerByNumberWithIt) {
  const TemporaryFolder sets;
  const auto plain = [](int i) { return std::to_string(i); };
  const auto padded = [](int i) { return fmt::format("{:03}", i); };
  numbered_images(sets / "a", 30, {1, 2, 10, 11}, plain);
  numbered_images(sets / "b", 60, {1, 2, 10, 11}, padded);
  numbered_images(sets / "whole_a", 30, {1, 10, 11}, plain);
  numbered_images(sets / "whole_b", 60, {1, 10, 11}, padded);
  const std::string two = read_file(sets / "b/002.png");
  sets.file("b/002.png", two.substr(0, two.size() / 2));
  const auto compare = [&](const std::string& a, const std::string& b) {
    const Outcome outcome = metric({"compare", "--reference", folder("reference"), "--a", (sets / a).string(), "--b",
                                    (sets / b).string(), "--protocol", "fid-tf1", "--swaps", "50", "--bootstrap", "0",
                                    "--skip-damaged", "--weights", weights(), "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out).at("results").at(0);
  };
  const auto skipped = compare("a", "b"), whole = compare("whole_a", "whole_b");
  EXPECT_EQ(skipped.at("paired_by"), "number");
  EXPECT_EQ(skipped.at("n_generated"), 3);
  for (const char* key : {"value", "p_value", "a", "b"}) EXPECT_EQ(skipped.at(key), whole.at(key)) << key;
}

TEST_F(MetricOnImages, AllWeightsAreAskedForBeforeTheFirstImage) {
  const Outcome outcome = metric({"generative", "--reference", folder("reference"), "--generated", folder("generated"),
                                  "--protocol", "fid-tf1,pr-tf", "--weights", weights()});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("vgg16"), Not(HasSubstr("images, took"))));
}

TEST_F(MetricOnImages, ExplainReachesFidTorchByTwoSingleSteps) {
  const Outcome outcome = metric({"explain", "--reference", folder("reference"), "--generated", folder("generated"),
                                  "--weights", weights(), "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto result = nlohmann::json::parse(outcome.out);
  std::map<std::string, double> values;
  for (const auto& row : result.at("results"))
    if (!row.contains("part")) values[row.at("protocol")] = row.at("value");
  EXPECT_EQ(values.size(), 5U);
  double resize = 0, normalisation = 0;
  for (const auto& step : result.at("chain")) {
    if (step.at("change") == "resize TF1 bilinear -> half-pixel bilinear") resize = step.at("difference");
    if (step.at("change") == "normalisation by 128 -> by 127.5") normalisation = step.at("difference");
  }
  EXPECT_NE(resize, 0);
  EXPECT_NEAR(values.at("fid-tf1") + resize + normalisation, values.at("fid-torch"), 1e-9 * values.at("fid-torch"));
}

TEST_F(MetricOnImages, WithoutWeightsTheErrorSaysWhichFileAndWhatElseCanBeDone) {
  const Outcome outcome = metric(
      {"generative", "--reference", folder("reference"), "--generated", folder("generated"), "--protocol", "fid-tf1"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("--weights"), HasSubstr("pt_inception-2015-12-05-6726825d.pth"),
                                 HasSubstr("tools/convert_weights.py"), HasSubstr("feature files")));
}

TEST_F(MetricOnImages, WeightsThatMustBeConvertedAreRefusedWithTheCommand) {
  const TemporaryFolder out;
  const auto refused = [&](const std::string& weights) {
    const Outcome outcome = metric(
        {"features", "--input", folder("reference"), "--weights", weights, "--out", (out / "f.safetensors").string()});
    EXPECT_EQ(outcome.exit_code, 2);
    return outcome.err;
  };
  const std::string checkpoint = std::string(ASSAY_TEST_DATA) + "/checkpoints/zip.pth";
  EXPECT_THAT(refused(checkpoint),
              AllOf(HasSubstr("tools/convert_weights.py " + checkpoint + " "), Not(HasSubstr("truncated"))));

  SafetensorsWriter wrapped;
  const std::vector<float> zero(1, 0.0f);
  wrapped.add("module.Mixed_5b.branch1x1.conv.weight", {1}, std::span<const float>(zero));
  wrapped.write(out / "wrapped.safetensors");
  EXPECT_THAT(refused((out / "wrapped.safetensors").string()),
              AllOf(HasSubstr("All keys begin with 'module.'"), HasSubstr("tools/convert_weights.py")));

  const Outcome vgg = metric({"generative", "--reference", folder("reference"), "--generated", folder("generated"),
                              "--protocol", "pr-tf", "--weights", weights() + "," + weights()});
  EXPECT_THAT(vgg.err, AllOf(HasSubstr("none of them is the network vgg16"), HasSubstr("vgg16-397923af.pth")));
}

TEST_F(MetricOnImages, ADamagedImageIsNamed) {
  const TemporaryFolder images, out;
  write_image(images / "a.png", 32, 32);
  const std::string whole = read_file(images / "a.png");
  images.file("b.png", whole.substr(0, whole.size() / 2));
  const Outcome outcome = metric({"features", "--input", images.path().string(), "--weights", weights(), "--out",
                                  (out / "f.safetensors").string()});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("b.png"));
  EXPECT_FALSE(std::filesystem::exists(out / "f.safetensors"));
}

TEST_F(MetricOnImages, AnEmptyFolderIsRefusedByName) {
  const TemporaryFolder images;
  const Outcome outcome = metric({"features", "--input", images.path().string(), "--weights", weights(), "--out",
                                  (images / "f.safetensors").string()});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr(images.path().string()));
}

}  // namespace
}  // namespace assay
