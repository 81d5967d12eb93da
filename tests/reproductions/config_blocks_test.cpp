#include "reproductions/config_blocks.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace assay {
namespace {

LabelKind label_in(const nlohmann::json& object, LabelKind otherwise) {
  ConfigReader reader(object, "");
  return read_label_kind(reader, otherwise);
}

ScheduleConfig schedule_in(const nlohmann::json& object, const std::vector<std::string>& names = {}) {
  ConfigReader reader(object, "");
  return read_schedule(reader, "cosine", 2, names);
}

TEST(LabelKind, IsReadOrKeptAndNoOtherWordIsTaken) {
  EXPECT_EQ(label_in({{"label", "group"}}, LabelKind::subgroup), LabelKind::group);
  EXPECT_EQ(label_in({{"label", "subgroup"}}, LabelKind::group), LabelKind::subgroup);
  for (const LabelKind kind : {LabelKind::group, LabelKind::subgroup})
    EXPECT_EQ(label_in(nlohmann::json::object(), kind), kind);
  EXPECT_THROW(label_in({{"label", "groups"}}, LabelKind::group), InputError);
}

TEST(LabelKind, SaysWhichLabelsAreMeant) {
  const LabelledImages images{{}, {1, 2}, {3, 4}, {}};
  EXPECT_EQ(labels_of(images, LabelKind::group), images.groups);
  EXPECT_EQ(labels_of(images, LabelKind::subgroup), images.subgroups);
  const auto shapes = open_dataset(read_dataset_spec({{"name", "shapes"}, {"size", 8}, {"count", 4}}, "dataset"));
  EXPECT_EQ(label_count(*shapes, LabelKind::group), static_cast<std::int64_t>(shapes->groups().size()));
  EXPECT_EQ(label_count(*shapes, LabelKind::subgroup), static_cast<std::int64_t>(shapes->subgroups().size()));
}

TEST(Schedule, HasDefaultsAndRefusesWhatItDoesNotKnow) {
  const ScheduleConfig plain = schedule_in(nlohmann::json::object());
  EXPECT_EQ(plain.name, "cosine");
  EXPECT_EQ(plain.steps, 1000);
  const ScheduleConfig told = schedule_in({{"schedule", {{"name", "linear"}, {"steps", 2}}}});
  EXPECT_EQ(told.name, "linear");
  EXPECT_EQ(told.steps, 2);
  EXPECT_THROW(schedule_in({{"schedule", {{"steps", 1}}}}), InputError);
  EXPECT_THROW(schedule_in({{"schedule", {{"step", 10}}}}), InputError);
  EXPECT_THROW(schedule_in({{"schedule", {{"name", "linear"}}}}, {"cosine"}), InputError);
}

}  // namespace
}  // namespace assay
