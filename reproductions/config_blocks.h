#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/config.h"
#include "datasets/dataset.h"
#include "reproductions/samples/image_tensors.h"

/// Blocks that the configurations of several methods have.
namespace assay {

/// Which of people's labels a run takes: `group` (as a family of emoji) or `subgroup`.
enum class LabelKind { group, subgroup };

/// Key "label": "group" or "subgroup". Throws InputError for another word.
LabelKind read_label_kind(ConfigReader& reader, LabelKind otherwise);
/// The label of every image, in [0, label_count()).
const std::vector<std::int64_t>& labels_of(const LabelledImages& images, LabelKind kind);
std::int64_t label_count(const Dataset& dataset, LabelKind kind);

/// Key "schedule": {"name", "steps"}.
struct ScheduleConfig {
  std::string name;           // of a noise schedule (diffusion/process/noise_schedule.h)
  std::int64_t steps = 1000;  // T
};

/// `name` stands where none is given; the steps are `fewest_steps` to a million, 1000 where none are given. Throws
/// InputError for other steps, an unknown key, and a name that is not among `names`; without `names` any will do.
ScheduleConfig read_schedule(ConfigReader& reader, const std::string& name, std::int64_t fewest_steps,
                             const std::vector<std::string>& names = {});

}  // namespace assay
