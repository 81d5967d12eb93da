#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "store/query.h"
#include "store/store.h"
#include "tests/end_to_end/program.h"
#include "tests/support/npz_batch.h"
#include "tests/support/repeatable_numbers.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using nlohmann::json;
using test::Outcome;
using test::repeatable_numbers;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t width = 6;

/// The samples of one class: which numbers, how many rows, and how far from those of other classes.
struct OfClass {
  std::string name;
  std::int64_t count;
  std::uint64_t seed;
  double shift;
};

struct Rows {
  std::vector<float> features;
  std::vector<std::int64_t> labels;
  std::vector<std::string> names;
};

Rows rows_of(const std::vector<OfClass>& classes) {
  Rows out;
  for (const OfClass& one : classes) {
    const auto values = repeatable_numbers(one.count * width, one.seed, one.shift);
    out.features.insert(out.features.end(), values.begin(), values.end());
    out.labels.insert(out.labels.end(), static_cast<std::size_t>(one.count),
                      static_cast<std::int64_t>(out.names.size()));
    out.names.push_back(one.name);
  }
  return out;
}

class MetricClasses : public ::testing::Test {
 protected:
  TemporaryFolder folder;

  /// A feature file whose label k is the class at place k, under its name where `named`.
  std::string file(const std::string& name, const std::vector<OfClass>& classes, bool named = true) const {
    const Rows rows = rows_of(classes);
    SafetensorsWriter writer;
    writer.add("features", {static_cast<std::int64_t>(rows.labels.size()), width},
               std::span<const float>(rows.features));
    writer.add("labels", {static_cast<std::int64_t>(rows.labels.size())}, std::span<const std::int64_t>(rows.labels));
    if (named) writer.add_metadata("class_names", json(rows.names).dump());
    writer.write(folder / (name + ".safetensors"));
    return (folder / (name + ".safetensors")).string();
  }

  /// The same as numpy.savez writes it, with names in an array of text.
  std::string npz(const std::string& name, const std::vector<OfClass>& classes) const {
    const Rows rows = rows_of(classes);
    const auto bytes = [](const auto& values) {
      std::string text(values.size() * sizeof(values[0]), '\0');
      std::memcpy(text.data(), values.data(), text.size());
      return text;
    };
    std::string names;
    for (const std::string& of : rows.names)
      for (std::size_t i = 0; i < 4; ++i) names += std::string(1, i < of.size() ? of[i] : '\0') + std::string(3, '\0');
    const auto n = static_cast<std::int64_t>(rows.labels.size());
    test::write_npz(folder / (name + ".npz"),
                    {{"features", "<f4", {n, width}, bytes(rows.features)},
                     {"labels", "<i8", {n}, bytes(rows.labels)},
                     {"class_names", "<U4", {static_cast<std::int64_t>(rows.names.size())}, names}});
    return (folder / (name + ".npz")).string();
  }

  static Outcome score(const std::string& reference, const std::string& generated, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"metric",      "generative", "--reference", reference,
                                          "--generated", generated,    "--protocol",  "fid-tf1",
                                          "--bootstrap", "0",          "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run_program(ASSAY_BINARY, arguments);
  }

  static json object(const std::string& reference, const std::string& generated, std::vector<std::string> more = {}) {
    const Outcome outcome = score(reference, generated, std::move(more));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return json::parse(outcome.out);
  }

  /// The value of both classes alone, from files that hold nothing else.
  double alone(const OfClass& reference, const OfClass& generated) const {
    return object(file("alone_r", {reference}), file("alone_g", {generated})).at("results").at(0).at("value");
  }

  static std::map<std::string, json> by_part(const json& whole) {
    std::map<std::string, json> rows;
    for (const json& row : whole.at("results")) rows[row.value("part", "")] = row;
    return rows;
  }

  // Classes far apart, so that no other pair of classes comes near the right value.
  const OfClass cat{"cat", 20, 1, 0}, dog{"dog", 40, 2, 5}, fox{"fox", 25, 3, 10}, owl{"owl", 7, 4, 15};
  const OfClass new_cat{"cat", 20, 11, 0}, new_dog{"dog", 40, 12, 5}, new_fox{"fox", 25, 13, 10},
      new_owl{"owl", 7, 14, 15};
};

TEST_F(MetricClasses, AClassOfOneSideDoesNotMoveTheOthers) {
  const std::string reference = file("ref", {cat, dog, fox}), generated = file("gen", {new_cat, new_fox});
  const json whole = object(reference, generated, {"--per-class", "--tail", "thirds"});
  auto rows = by_part(whole);
  EXPECT_EQ(rows.at("class fox").at("value"), alone(fox, new_fox));
  EXPECT_EQ(rows.at("class cat").at("value"), alone(cat, new_cat));
  EXPECT_LT(rows.at("class fox").at("value").get<double>(), 1.0);
  EXPECT_EQ(rows.at("class fox").at("class"), "fox");
  EXPECT_EQ(rows.at("class fox").at("n_reference"), 25);
  EXPECT_TRUE(rows.at("class dog").at("value").is_null());
  EXPECT_THAT(rows.at("class dog").at("note").get<std::string>(), HasSubstr("no image in " + generated + ", 40 in"));
  // By reference counts dog is the head, fox the middle, cat the tail.
  EXPECT_TRUE(rows.at("head").at("value").is_null());
  EXPECT_EQ(rows.at("medium").at("value"), rows.at("class fox").at("value"));
  EXPECT_EQ(rows.at("tail").at("value"), rows.at("class cat").at("value"));
  EXPECT_EQ(whole.at("class_join"),
            json({{"by", "name"}, {"reference_alone", {{"dog", 40}}}, {"generated_alone", json::object()}}));
  EXPECT_THAT(whole.at("notes").dump(), HasSubstr("class 'dog' (40 images) is in " + reference + " alone"));
}

TEST_F(MetricClasses, EqualNumbersOfOtherClassesAreToldApart) {
  OfClass capital = new_cat;
  capital.name = "Cat";
  const std::string reference = file("ref", {cat, dog, fox});
  const json shifted = object(reference, file("shifted", {new_dog, new_fox, new_owl}), {"--per-class"});
  auto rows = by_part(shifted);
  EXPECT_EQ(rows.at("class dog").at("value"), alone(dog, new_dog));
  EXPECT_EQ(rows.at("class fox").at("value"), alone(fox, new_fox));
  for (const char* part : {"class cat", "class owl"}) EXPECT_TRUE(rows.at(part).at("value").is_null()) << part;
  EXPECT_THAT(shifted.at("notes").dump(), AllOf(HasSubstr("'cat' (20 images)"), HasSubstr("'owl' (7 images)")));

  const json cased = object(reference, file("cased", {capital, new_dog, new_fox}), {"--per-class"});
  rows = by_part(cased);
  EXPECT_EQ(rows.at("class dog").at("value"), alone(dog, new_dog));
  for (const char* part : {"class cat", "class Cat"}) EXPECT_TRUE(rows.at(part).at("value").is_null()) << part;
  EXPECT_THAT(cased.at("notes").dump(), HasSubstr("'cat' and 'Cat' are different classes"));
}

TEST_F(MetricClasses, NumbersAsNamesAreListedAsNumbers) {
  std::vector<OfClass> one = {cat, dog, fox}, other = {new_dog, new_fox};
  one[0].name = "1", one[1].name = "10", one[2].name = "2";
  other[0].name = "10", other[1].name = "2";
  const json whole = object(file("ref", one), file("gen", other), {"--per-class"});
  std::vector<std::string> parts;
  for (const json& row : whole.at("results"))
    if (row.contains("part")) parts.push_back(row.at("part"));
  EXPECT_THAT(parts, ElementsAre("class 1", "class 2", "class 10"));
  auto rows = by_part(whole);
  EXPECT_EQ(rows.at("class 10").at("value"), alone(dog, new_dog));
  EXPECT_EQ(rows.at("class 10").at("class"), "10");
  // Label 10 of a file without names is folder 10.
  SafetensorsWriter writer;
  const Rows numbers = rows_of({new_dog, new_fox});
  std::vector<std::int64_t> labels;
  for (const std::int64_t label : numbers.labels) labels.push_back(label == 0 ? 10 : 2);
  writer.add("features", {65, width}, std::span<const float>(numbers.features));
  writer.add("labels", {65}, std::span<const std::int64_t>(labels));
  writer.write(folder / "numbers.safetensors");
  const json joined = object(file("ref", one), (folder / "numbers.safetensors").string(), {"--per-class"});
  EXPECT_EQ(by_part(joined).at("class 10").at("value"), rows.at("class 10").at("value"));
  EXPECT_EQ(by_part(joined).at("class 10").at("class"), 10);
  EXPECT_EQ(joined.at("class_join").at("by"), "number");
  EXPECT_THAT(joined.at("notes").dump(), HasSubstr("numbers.safetensors has no class names"));
}

TEST_F(MetricClasses, NamesComeFromAnNpzToo) {
  const json whole = object(file("ref", {cat, dog, fox}), npz("gen", {new_fox, new_cat}), {"--per-class"});
  auto rows = by_part(whole);
  EXPECT_EQ(rows.at("class fox").at("value"), alone(fox, new_fox));
  EXPECT_EQ(rows.at("class cat").at("value"), alone(cat, new_cat));
}

TEST_F(MetricClasses, NamesBesideNumbersAreRefusedInOneLine) {
  const std::string reference = file("ref", {cat, fox}), generated = file("gen", {new_cat, new_fox}, false);
  for (const auto& [r, g] : {std::pair(reference, generated), {generated, reference}}) {
    for (const auto& parts : {std::vector<std::string>{"--per-class"}, {"--tail", "thirds"}}) {
      const Outcome outcome = score(r, g, parts);
      EXPECT_EQ(outcome.exit_code, 2);
      EXPECT_EQ(outcome.out, "");
      EXPECT_THAT(outcome.err, AllOf(HasSubstr(reference + " has class names (cat, fox)"),
                                     HasSubstr(generated + " has numbers alone (0, 1)"), HasSubstr("class_names")));
    }
    // Nothing else asks for classes.
    EXPECT_THAT(object(r, g).at("notes").dump(), Not(HasSubstr("class")));
  }
}

TEST_F(MetricClasses, TheStoreKeepsTheName) {
  const std::string reference = file("ref", {cat, dog}), generated = file("gen", {new_dog});
  object(reference, generated, {"--per-class", "--store", (folder / "scores.db").string()});
  const Store store = Store::open(folder / "scores.db");
  bool found = false;
  for (const ScoreRow& score : Query(store).scores()) {
    if (score.arm != "class dog") continue;
    found = true;
    EXPECT_EQ(score.params.at("class"), "dog");
  }
  EXPECT_TRUE(found);
  std::string notes;
  for (const NoteRow& note : Query(store).notes()) notes += note.text + "\n";
  EXPECT_THAT(notes, HasSubstr("class 'cat' (20 images) is in"));
}

}  // namespace
}  // namespace assay
