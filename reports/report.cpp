#include "reports/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/file.h"
#include "core/interrupt.h"
#include "reports/finite.h"
#include "reports/pages/charts.h"
#include "reports/pages/html.h"
#include "reports/pages/markdown.h"
#include "reports/sections.h"
#include "store/query.h"

namespace assay {
namespace {

ReportData read_data(const ReportOptions& options) {
  const Store store = Store::read_only(options.store);
  const Query query(store);
  ReportData data;
  data.store = store.path();
  data.folder = store.folder();

  RunFilter filter;
  if (options.run) {
    const RunRow run = query.run(*options.run);
    if (options.batch && *options.batch != run.batch)
      throw InputError(fmt::format("{}: run {} is of batch {}, not of batch {}", options.store.string(), run.id,
                                   run.batch, *options.batch));
    filter.run = run.id;
    filter.batch = run.batch;
    data.batch = query.batch(run.batch);
  } else {
    data.batch = options.batch ? std::optional<BatchRow>(query.batch(*options.batch)) : query.latest_batch();
    if (data.batch) filter.batch = data.batch->id;
  }

  if (data.batch) {
    data.runs = query.runs(filter);
    data.stages = query.stages(filter);
    data.scores = query.scores(filter);
    data.artifacts = query.artifacts(filter);
    data.curves = query.curves(filter);
    data.timings = query.timings(filter);
    data.notes = query.batch_notes(data.batch->id);
    for (NoteRow& note : query.notes(filter)) data.notes.push_back(std::move(note));
    if (!options.run) {
      data.comparisons = query.comparisons(data.batch->id);
      data.claims = query.claims(data.batch->id);
      data.published = query.published(data.batch->id);
      data.ledger = make_ledger(query.claims(), query.runs(), query.batches());
    }
  }

  data.kernel_timings = query.loose_timings();
  data.kernel_history = data.kernel_timings;
  if (!data.kernel_timings.empty()) {
    const auto of_batch = [&](RowId id) {
      return std::any_of(data.kernel_timings.begin(), data.kernel_timings.end(),
                         [&](const TimingRow& row) { return row.batch == id; });
    };
    const RowId source = data.batch && of_batch(data.batch->id) ? data.batch->id : data.kernel_timings.back().batch;
    std::erase_if(data.kernel_timings, [&](const TimingRow& row) { return row.batch != source; });
    if (source != 0 && !data.batch)
      data.batch = query.batch(source);
    else if (source != 0 && source != data.batch->id)
      data.kernel_batch = query.batch(source);
  }
  if (data.runs.empty() && data.kernel_timings.empty())
    throw InputError(data.batch
                         ? fmt::format("{}: no runs in batch {}", options.store.string(), data.batch->id)
                         : fmt::format("{}: no runs in this store; `assay run` records one", options.store.string()));

  for (BatchRow& batch : query.batches())
    if (!data.batch || batch.id != data.batch->id) data.other_batches.push_back(std::move(batch));
  std::set<RowId> used;
  for (const ScoreRow& row : data.scores) used.insert(row.protocol_id);
  for (const ComparisonRow& row : data.comparisons) used.insert(row.protocol_id);
  for (ProtocolRow& row : query.protocols())
    if (used.contains(row.id)) data.protocols.push_back(std::move(row));
  data.changes = options.changes;
  data.left_out = leave_out_what_is_not_finite(data);
  return data;
}

void write_charts(const std::vector<Block>& blocks, const std::filesystem::path& folder) {
  for (const Block& block : blocks) {
    stop_if_interrupted();
    if (const auto* chart = std::get_if<Chart>(&block)) {
      ensure_folder(folder);
      write_file_atomically(folder / (chart->name + ".svg"), standalone_svg(chart->wide));
    } else if (const auto* details = std::get_if<Details>(&block)) {
      write_charts(details->blocks, folder);
    }
  }
}

}  // namespace

ReportFiles write_report(const ReportOptions& options) {
  const ReportData data = read_data(options);
  stop_if_interrupted();
  const Document document = make_document(data);
  ensure_folder(options.out);
  ReportFiles files{options.out / "report.html", options.out / "report.md"};
  if (document.opening.chart) write_charts({*document.opening.chart}, options.out / "charts");
  for (const Section& section : document.sections)
    for (const Part& part : section.parts) write_charts(part.blocks, options.out / "charts");
  stop_if_interrupted();
  write_file_atomically(files.html, render_html(document));
  write_file_atomically(files.markdown, render_markdown(document, options.out));
  return files;
}

}  // namespace assay
