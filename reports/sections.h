#pragma once
#include <filesystem>
#include <optional>

#include "reports/claim_ledger.h"
#include "reports/pages/document.h"
#include "reports/summary.h"
#include "store/query.h"

namespace assay {

/// What changed since the baseline, as another layer found it: a line for the first page, and a section.
struct ReportedChanges {
  Text headline;
  Section section;
};

/// What one report shows, read from the store.
struct ReportData {
  std::filesystem::path store;   // the file
  std::filesystem::path folder;  // of artifact paths
  std::optional<BatchRow> batch;
  std::vector<BatchRow> other_batches;
  std::vector<RunRow> runs;
  std::vector<StageRow> stages;
  std::vector<ScoreRow> scores;
  std::vector<ComparisonRow> comparisons;
  std::vector<ClaimRow> claims;
  std::vector<PublishedRow> published;
  std::vector<ArtifactRow> artifacts;
  std::vector<CurveRow> curves;
  std::vector<TimingRow> timings;         // of the runs
  std::vector<TimingRow> kernel_timings;  // outside runs: of this batch, else of the newest that has any
  std::optional<BatchRow> kernel_batch;   // where they come from, when it is another batch
  std::vector<NoteRow> notes;
  std::vector<ProtocolRow> protocols;     // those that a score or comparison here refers to
  std::vector<LedgerEntry> ledger;        // of every batch of the store
  std::vector<TimingRow> kernel_history;  // outside runs, of every batch
  std::vector<std::string> left_out;      // what was recorded and cannot be shown, a line each
  std::optional<ReportedChanges> changes;
};

/// Drawings are made twice, for wide screens and for phones: widths in CSS pixels.
inline constexpr int wide_chart = 860;
inline constexpr int narrow_chart = 340;

// The sections, in the order of the report; one without content has no parts.
Section overview_section(const ReportData& data);
/// Decided claims first, then the inconclusive ones with what would decide them; those not run are folded away.
Section claims_section(const ReportData& data, const std::vector<ScoreGroup>& groups);
/// Every claim of the store in one table, with its verdicts in all batches.
Section ledger_section(const ReportData& data);
/// Published numbers with their trust tags, and ours beside them: reproduced when our interval meets the printed number
/// (as far as its rounding goes), under the published protocol, in the paper tier, at the published number of samples.
Section paper_tables_section(const ReportData& data, const std::vector<ScoreGroup>& groups);
Section scores_section(const ReportData& data, const std::vector<ScoreGroup>& groups);
Section comparisons_section(const ReportData& data);
Section guidance_section(const ReportData& data, const std::vector<ScoreGroup>& groups);
/// Scores along trainings, against operations (`gflop` of their params) and against seconds (score `train_seconds`);
/// then the losses of every network that was trained, against steps.
Section learning_section(const ReportData& data, const std::vector<ScoreGroup>& groups);
Section clusters_section(const ReportData& data, const std::vector<ScoreGroup>& groups);
/// The picture of an artifact, without a caption; its file may be missing, changed since it was recorded, or not a PNG.
Picture read_picture(const ReportData& data, const ArtifactRow& artifact);
/// What the images of a picture show, as its meta says it by the key `shows`; empty where it does not.
std::string shown_in(const ArtifactRow& grid);
/// Pictures are read from their files; one that is missing, changed since it was recorded, or not a PNG is named.
Section images_section(const ReportData& data);
/// What samples cost against how good they are, in seconds and in network evaluations (the score
/// `network_evaluations`), with the Pareto front.
Section tradeoff_section(const ReportData& data, const std::vector<ScoreGroup>& groups);
/// Precision, recall and F of found masks over grey levels (core/mask_curve_names.h).
Section mask_curves_section(const ReportData& data);
/// How every run was made, and the command that makes it again.
Section provenance_section(const ReportData& data);
/// Kernels over the batches that timed them, those that changed most first.
Section kernel_history_section(const ReportData& data);
Section timings_section(const ReportData& data);
Section notes_section(const ReportData& data);
Section protocols_section(const ReportData& data);
Section artifacts_section(const ReportData& data);

/// Lays out the report. A section without content is left out.
Document make_document(const ReportData& data);

}  // namespace assay
