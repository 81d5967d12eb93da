#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "core/file.h"
#include "core/safetensors.h"
#include "tests/end_to_end/metric/metric_on_images.h"
#include "tests/end_to_end/program.h"
#include "tests/support/npy.h"
#include "tests/support/npz_batch.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using test::metric;
using test::operator+;
using test::Outcome;
using test::Program;
using test::TemporaryFolder;
using test::Words;
using test::write_image;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class MetricOnImages : public test::MetricOnImages {
 protected:
  static nlohmann::json scores(const std::string& reference, const std::string& generated) {
    const Outcome outcome = metric({"generative", "--reference", reference, "--generated", generated, "--protocol",
                                    "fid-tf1", "--bootstrap", "0", "--weights", weights(), "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out).at("results").at(0);
  }
};

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

TEST_F(MetricOnImages, FeaturesOfImagesStopAtCtrlCAndLeaveNoFile) {
  constexpr std::int64_t many = 400;
  const TemporaryFolder batch, out;
  const auto pixels = test::fixture_image(20, 20 * many);
  test::write_npz(batch / "images.npz",
                  {{"arr_0", "|u1", {many, 20, 20, 3}, std::string(pixels.begin(), pixels.end())}});
  const std::string images = (batch / "images.npz").string(), file = (out / "features.safetensors").string();
  const Words network = {"--batch", "2", "--weights", weights()};
  for (const Words& command : {Words{"metric", "features", "--input", images, "--out", file},
                               Words{"metric", "generative", "--reference", images, "--generated", images, "--protocol",
                                     "fid-tf1", "--store", file, "--cache", out.path().string()},
                               Words{"metric", "explain", "--reference", images, "--generated", images}}) {
    SCOPED_TRACE(::testing::PrintToString(command));
    Program program(ASSAY_BINARY, command + network);
    while (program.running() && !program.handles(SIGINT)) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    program.signal(SIGINT);
    const Outcome stopped = program.wait();
    EXPECT_EQ(stopped.exit_code, 1);
    EXPECT_EQ(stopped.out, "");
    EXPECT_EQ(stopped.err, "assay: interrupted\n");
    EXPECT_TRUE(std::filesystem::is_empty(out.path()));
  }
}

}  // namespace
}  // namespace assay
