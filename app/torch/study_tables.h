#pragma once
#include <filesystem>
#include <iosfwd>
#include <nlohmann/json.hpp>

#include "bench/study/study.h"

/// What `assay study` prints: the same facts for people and, in the shape of docs/store.md, as JSON.
namespace assay {

void print_study_plan(const StudyEstimate& estimate, const StudyShard& shard, std::ostream& out);
nlohmann::json study_plan_json(const StudyEstimate& estimate, const StudyShard& shard);

void print_study(const StudyOutcome& outcome, const std::filesystem::path& store, std::ostream& out);
nlohmann::json study_json(const StudyOutcome& outcome);

}  // namespace assay
