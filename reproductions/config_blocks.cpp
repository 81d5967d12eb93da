#include "reproductions/config_blocks.h"

namespace assay {

LabelKind read_label_kind(ConfigReader& reader, LabelKind otherwise) {
  return reader.one_of("label", otherwise == LabelKind::group ? "group" : "subgroup", {"group", "subgroup"}) == "group"
             ? LabelKind::group
             : LabelKind::subgroup;
}

const std::vector<std::int64_t>& labels_of(const LabelledImages& images, LabelKind kind) {
  return kind == LabelKind::group ? images.groups : images.subgroups;
}

std::int64_t label_count(const Dataset& dataset, LabelKind kind) {
  return static_cast<std::int64_t>(kind == LabelKind::group ? dataset.groups().size() : dataset.subgroups().size());
}

ScheduleConfig read_schedule(ConfigReader& reader, const std::string& name, std::int64_t fewest_steps,
                             const std::vector<std::string>& names) {
  ConfigReader schedule(reader.object("schedule"), "schedule");
  ScheduleConfig config;
  config.name = names.empty() ? schedule.text("name", name) : schedule.one_of("name", name, names);
  config.steps = schedule.integer("steps", config.steps, fewest_steps, 1000000);
  schedule.finish();
  return config;
}

}  // namespace assay
