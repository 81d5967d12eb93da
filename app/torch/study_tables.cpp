#include "app/torch/study_tables.h"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bench/harness/batch_json.h"
#include "core/nearest.h"
#include "reports/study_summary.h"

namespace assay {
namespace {

/// Undecided differences that people are shown; JSON has all.
constexpr std::size_t shown_undecided = 12;

nlohmann::json or_null(const std::optional<ScoreInterval>& interval, double ScoreInterval::*bound) {
  return interval ? nlohmann::json((*interval).*bound) : nlohmann::json(nullptr);
}

nlohmann::json left_out_json(const StudyPlan& plan) {
  nlohmann::json list = nlohmann::json::array();
  for (const StudyOmission& left : plan.left_out)
    list.push_back({{"dataset", left.dataset},
                    {"imbalance", left.imbalance},
                    {"arm", left.arm.empty() ? nlohmann::json(nullptr) : nlohmann::json(left.arm)},
                    {"reason", left.reason}});
  return list;
}

void print_left_out(const StudyPlan& plan, std::ostream& out) {
  for (const StudyOmission& left : plan.left_out)
    fmt::print(out, "left out: {} at imbalance {}{}: {}\n", left.dataset, left.imbalance,
               left.arm.empty() ? "" : ", " + left.arm, left.reason);
}

nlohmann::json shard_json(const StudyShard& shard) { return fmt::format("{}/{}", shard.index, shard.count); }

nlohmann::json cell_json(const StudyCell& cell) {
  return {{"dataset", cell.dataset}, {"imbalance", cell.imbalance}, {"arm", cell.arm}, {"seed", cell.seed}};
}

/// "12.3 [10, 15] ab".
std::string value_text_of(const std::optional<StudyValue>& value) {
  if (!value) return "-";
  std::string text = fmt::format("{:.4g}", value->mean.mean);
  if (value->mean.interval)
    text += fmt::format(" [{:.3g}, {:.3g}]", value->mean.interval->low, value->mean.interval->high);
  return value->letters.empty() ? text : text + " " + value->letters;
}

/// "-1.2*": a star where Holm leaves it below 5 %.
std::string difference_text(const std::optional<ComparisonRow>& row) {
  if (!row) return "";
  return fmt::format("{:+.3g}{}", row->difference, row->p_adjusted && *row->p_adjusted < 0.05 ? "*" : "");
}

void print_table(const StudyTable& table, std::ostream& out) {
  fmt::print(out, "\n{}, imbalance {}, conditions {}; {} seed(s)\n", table.dataset, table.imbalance, table.conditions,
             table.seeds);
  fmt::print(out, "  {:<20} {:<26} {:>9} {:>9}  {:<28} {:>9} {:>9}\n", "guidance", "fd-small (all)", "- none",
             "- label", "recall (tail)", "- none", "- label");
  for (const StudyArmRow& row : table.rows) {
    const auto difference = [&](std::size_t column, std::optional<ComparisonRow> StudyValue::*to) {
      return row.columns[column] ? difference_text(*row.columns[column].*to) : "";
    };
    fmt::print(out, "  {:<20} {:<26} {:>9} {:>9}  {:<28} {:>9} {:>9}\n", row.arm, value_text_of(row.columns[0]),
               difference(0, &StudyValue::to_none), difference(0, &StudyValue::to_label), value_text_of(row.columns[1]),
               difference(1, &StudyValue::to_none), difference(1, &StudyValue::to_label));
  }
}

std::string subject_of(const ComparisonRow& row) {
  return fmt::format("{}, imbalance {}, {}: {} ({}) of {} - {}", row.dataset, row.params.value("imbalance", ""),
                     row.params.value("conditions", ""), row.metric, row.params.value("of", ""), row.arm_a, row.arm_b);
}

void print_undecided(const std::vector<ComparisonRow>& comparisons, std::ostream& out) {
  std::vector<UndecidedDifference> undecided = undecided_of_study(comparisons);
  if (undecided.empty()) return;
  std::stable_sort(undecided.begin(), undecided.end(), [](const UndecidedDifference& a, const UndecidedDifference& b) {
    return a.more_seeds.value_or(1 << 30) < b.more_seeds.value_or(1 << 30);
  });
  fmt::print(out, "\nundecided: {} differences; further seeds that would decide one, before Holm's adjustment\n",
             undecided.size());
  for (std::size_t i = 0; i < std::min(shown_undecided, undecided.size()); ++i)
    fmt::print(out, "  {:>4}  {}\n",
               undecided[i].more_seeds ? std::to_string(*undecided[i].more_seeds) : std::string("?"),
               subject_of(*undecided[i].row));
  if (undecided.size() > shown_undecided)
    fmt::print(out, "        and {} more: --json has them\n", undecided.size() - shown_undecided);
}

nlohmann::json tables_json(const std::vector<StudyTable>& tables) {
  nlohmann::json list = nlohmann::json::array();
  for (const StudyTable& table : tables)
    for (const StudyArmRow& row : table.rows)
      for (std::size_t c = 0; c < study_columns().size(); ++c)
        if (const auto& value = row.columns[c])
          list.push_back({{"dataset", table.dataset},
                          {"imbalance", table.imbalance},
                          {"conditions", table.conditions},
                          {"metric", study_columns()[c].metric},
                          {"of", study_columns()[c].of},
                          {"arm", row.arm},
                          {"mean", value->mean.mean},
                          {"low", or_null(value->mean.interval, &ScoreInterval::low)},
                          {"high", or_null(value->mean.interval, &ScoreInterval::high)},
                          {"values", value->values},
                          {"letters", value->letters}});
  return list;
}

nlohmann::json comparisons_json(const std::vector<ComparisonRow>& comparisons) {
  const std::vector<UndecidedDifference> undecided = undecided_of_study(comparisons);
  nlohmann::json list = nlohmann::json::array();
  for (const ComparisonRow& row : comparisons) {
    const auto open =
        std::find_if(undecided.begin(), undecided.end(), [&](const UndecidedDifference& of) { return of.row == &row; });
    list.push_back({{"dataset", row.dataset},
                    {"metric", row.metric},
                    {"arm_a", row.arm_a},
                    {"arm_b", row.arm_b},
                    {"params", row.params},
                    {"difference", row.difference},
                    {"low", or_null(row.interval, &ScoreInterval::low)},
                    {"high", or_null(row.interval, &ScoreInterval::high)},
                    {"interval", row.interval ? nlohmann::json(row.interval->method) : nlohmann::json(nullptr)},
                    {"p", row.p_value ? nlohmann::json(*row.p_value) : nlohmann::json(nullptr)},
                    {"p_adjusted", row.p_adjusted ? nlohmann::json(*row.p_adjusted) : nlohmann::json(nullptr)},
                    {"seeds", row.seeds},
                    {"differences", row.differences},
                    {"more_seeds", open != undecided.end() && open->more_seeds ? nlohmann::json(*open->more_seeds)
                                                                               : nlohmann::json(nullptr)}});
  }
  return list;
}

}  // namespace

void print_study_plan(const StudyEstimate& estimate, const StudyShard& shard, std::ostream& out) {
  const StudyPlan& plan = estimate.plan;
  const std::vector<StudyCell> cells = study_cells(plan, shard);
  fmt::print(out, "guidance-imbalance, tier {}, shard {}/{}: {} cells in {} units\n", name_of(plan.tier), shard.index,
             shard.count, cells.size(), study_units(plan, shard).size());
  for (const StudyUnit& unit : study_units(plan, shard)) {
    const StudyBlock& block = plan.blocks[unit.block];
    fmt::print(out, "  {}, imbalance {}, seed {}: {}\n", block.dataset, block.imbalance, unit.seed, join(block.arms));
  }
  print_left_out(plan, out);
  fmt::print(out,
             "first, for each data set: does the tail lose something? `none` with seed {}, recall of the rarest third"
             " below {}\n",
             plan.seeds.front(), plan.below);
  fmt::print(out,
             "estimated cost: {:.1f} minutes of one thread, up to {:.1f} a unit, without metrics and clusters; {}\n",
             estimate.cost.seconds / 60, estimate.cost.unit_seconds / 60, estimate.cost.how);
}

nlohmann::json study_plan_json(const StudyEstimate& estimate, const StudyShard& shard) {
  nlohmann::json cells = nlohmann::json::array();
  for (const StudyCell& cell : study_cells(estimate.plan, shard)) cells.push_back(cell_json(cell));
  return {
      {"study", guidance_study},
      {"tier", name_of(estimate.plan.tier)},
      {"shard", shard_json(shard)},
      {"cells", std::move(cells)},
      {"left_out", left_out_json(estimate.plan)},
      {"cost",
       {{"seconds", estimate.cost.seconds}, {"unit_seconds", estimate.cost.unit_seconds}, {"how", estimate.cost.how}}}};
}

void print_study(const StudyOutcome& outcome, const std::filesystem::path& store, std::ostream& out) {
  print_left_out(outcome.plan, out);
  for (const StudyProbe& probe : outcome.probes) {
    const std::string found = fmt::format(
        "{}: without guidance, at imbalance {} (seed {}), recall of the rarest third is {:.3g}, of the commonest "
        "{:.3g}",
        probe.dataset, probe.imbalance, probe.seed, probe.tail_recall, probe.head_recall);
    if (probe.can_be_asked())
      fmt::print(out, "{}: the tail loses something\n", found);
    else
      fmt::print(out, "{}, {} or more: the question cannot be asked with this budget, and no cell was run\n", found,
                 probe.below);
  }
  const auto done =
      std::count_if(outcome.cells.begin(), outcome.cells.end(), [](const StudyCellState& cell) { return cell.done; });
  fmt::print(out, "{} of {} cells are recorded{}\n", done, outcome.cells.size(),
             outcome.budget.is_null() ? "" : "; budgets are equal: " + outcome.budget.dump());
  for (const StudyTable& table : study_tables(outcome.runs, outcome.scores, outcome.comparisons))
    print_table(table, out);
  if (!outcome.runs.empty())
    fmt::print(out, "\n* differs, Holm-adjusted p below 0.05; arms with a letter in common were not told apart\n");
  print_undecided(outcome.comparisons, out);
  for (const ClaimRow& claim : outcome.claims)
    fmt::print(out, "claim {:<20} {:<13} {}\n", claim.name, name_of(claim.verdict), claim.statement);
  fmt::print(out, "recorded in {}\n", store.string());
}

nlohmann::json study_json(const StudyOutcome& outcome) {
  nlohmann::json cells = nlohmann::json::array(), probes = nlohmann::json::array(), claims = nlohmann::json::array();
  for (const StudyCellState& state : outcome.cells) {
    nlohmann::json cell = cell_json(state.cell);
    cell["run"] = state.run > 0 ? nlohmann::json(state.run) : nlohmann::json(nullptr);
    cell["status"] = state.done ? "done" : "missing";
    cells.push_back(std::move(cell));
  }
  for (const StudyProbe& probe : outcome.probes)
    probes.push_back({{"dataset", probe.dataset},
                      {"imbalance", probe.imbalance},
                      {"seed", probe.seed},
                      {"run", probe.run},
                      {"tail_recall", probe.tail_recall},
                      {"head_recall", probe.head_recall},
                      {"below", probe.below},
                      {"can_be_asked", probe.can_be_asked()}});
  for (const ClaimRow& claim : outcome.claims) claims.push_back(claim_json(claim));
  return {{"study", guidance_study},
          {"tier", name_of(outcome.plan.tier)},
          {"shard", shard_json(outcome.shard)},
          {"batch", outcome.batch > 0 ? nlohmann::json(outcome.batch) : nlohmann::json(nullptr)},
          {"probes", std::move(probes)},
          {"cells", std::move(cells)},
          {"left_out", left_out_json(outcome.plan)},
          {"budget", outcome.budget},
          {"ranks", tables_json(study_tables(outcome.runs, outcome.scores, outcome.comparisons))},
          {"comparisons", comparisons_json(outcome.comparisons)},
          {"claims", std::move(claims)}};
}

}  // namespace assay
