#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "core/progress.h"
#include "reports/numbers.h"
#include "reports/provenance.h"
#include "reports/sections.h"
#include "reports/summary.h"
#include "reports/wording.h"

namespace assay {
namespace {

struct TimingGroup {
  const TimingRow* first = nullptr;
  std::vector<const TimingRow*> rows;
};

std::vector<TimingGroup> group_timings(const std::vector<TimingRow>& timings) {
  std::vector<TimingGroup> groups;
  for (const TimingRow& row : timings) {
    const auto key = [](const TimingRow& r) {
      return std::tie(r.op, r.variant, r.shape, r.dtype, r.device, r.threads, r.item_unit);
    };
    const auto found = std::find_if(groups.begin(), groups.end(),
                                    [&](const TimingGroup& group) { return key(*group.first) == key(row); });
    if (found != groups.end())
      found->rows.push_back(&row);
    else
      groups.push_back({&row, {&row}});
  }
  return groups;
}

/// The summary of a quantity that some rows have; none when no row has it.
template <class Quantity>
std::optional<MedianSummary> median_of(const TimingGroup& group, Quantity&& quantity) {
  std::vector<double> values;
  for (const TimingRow* row : group.rows)
    if (const std::optional<double> value = quantity(*row)) values.push_back(*value);
  if (values.empty()) return std::nullopt;
  return summarise_median(std::move(values));
}

std::optional<double> rate(const std::optional<double>& amount, double seconds) {
  return amount && seconds > 0 ? std::optional<double>(*amount / seconds) : std::nullopt;
}

std::optional<double> share(const std::optional<double>& rate, const std::optional<double>& peak) {
  return rate && peak && *peak > 0 ? std::optional<double>(*rate / *peak) : std::nullopt;
}

std::string summary_value(const MedianSummary& summary) {
  return format_value(summary.median, summary.low, summary.high);
}
std::string summary_interval(const MedianSummary& summary) { return format_interval(summary.low, summary.high); }

Text operation_text(const TimingRow& row) {
  Text text{code(row.op)};
  if (!row.variant.empty()) text.push_back(plain(" " + row.variant));
  return text;
}

std::string device_text(const TimingRow& row) {
  std::string text = row.device;
  if (row.device == "cpu" || row.threads > 1)
    text += fmt::format(", {} {}", row.threads, row.threads == 1 ? "thread" : "threads");
  if (!row.dtype.empty()) text += ", " + row.dtype;
  return text;
}

/// The device when all rows share it: said once, above the table.
std::string shared_device(const std::vector<TimingGroup>& groups) {
  const std::vector<std::string> devices =
      distinct(groups, [](const TimingGroup& group) { return device_text(*group.first); });
  return devices.size() == 1 ? devices.front() : "";
}

std::string median_note(const std::vector<TimingGroup>& groups) {
  const bool few = std::any_of(groups.begin(), groups.end(), [](const TimingGroup& g) { return g.rows.size() < 6; });
  const bool many = std::any_of(groups.begin(), groups.end(), [](const TimingGroup& g) { return g.rows.size() >= 6; });
  std::string text = "Medians over repetitions. ";
  if (many) text += "Interval: 95%, order statistics";
  if (few)
    text += many ? "; the range where there are fewer than six repetitions"
                 : "Interval: the range, as there are fewer than six repetitions";
  const std::string device = shared_device(groups);
  return text + (device.empty() ? "." : ". Device: " + device + ".");
}

Part throughput_part(const ReportData& data) {
  Part part{"Throughput", "", {}};
  const std::vector<TimingGroup> groups = group_timings(data.timings);
  const auto any = [&](auto&& has) { return std::any_of(data.timings.begin(), data.timings.end(), has); };
  const bool memory = any([](const TimingRow& row) { return row.peak_memory_bytes.has_value(); });
  const bool flops = any([](const TimingRow& row) { return row.flops.has_value(); });
  Table table;
  table.caption = {plain(median_note(groups))};
  const bool devices = shared_device(groups).empty();
  table.columns = {{"Operation"}, {"Shape"}};
  if (devices) table.columns.push_back({"Device"});
  table.columns.push_back({"Throughput", true});
  table.columns.push_back({"Interval", true});
  if (flops) table.columns.push_back({"Arithmetic", true});
  if (memory) table.columns.push_back({"Peak memory", true});
  table.columns.push_back({"n", true});
  for (const TimingGroup& group : groups) {
    const TimingRow& first = *group.first;
    const auto items =
        median_of(group, [](const TimingRow& row) { return rate(static_cast<double>(row.items), row.seconds); });
    std::vector<Text> row{operation_text(first), {plain(first.shape)}};
    if (devices) row.push_back({plain(device_text(first))});
    const std::string unit = first.item_unit.empty() ? "calls" : first.item_unit;
    Span value = number(items ? summary_value(*items) : "");
    const auto run =
        std::find_if(data.runs.begin(), data.runs.end(), [&](const RunRow& each) { return each.id == first.run; });
    if (run != data.runs.end()) value.anchor = provenance_anchor(run->method, run->tier, run->dataset);
    row.push_back(items ? Text{value, plain(" " + unit + "/s")} : Text{});
    row.push_back(items ? Text{number(summary_interval(*items))} : Text{});
    if (flops) {
      const auto done = median_of(group, [](const TimingRow& r) { return rate(r.flops, r.seconds); });
      row.push_back(done ? Text{plain(format_si(done->median, "flop/s"))} : Text{});
    }
    if (memory) {
      std::optional<std::int64_t> peak;
      for (const TimingRow* r : group.rows)
        if (r->peak_memory_bytes) peak = std::max(peak.value_or(0), *r->peak_memory_bytes);
      row.push_back(peak ? Text{plain(format_si(static_cast<double>(*peak), "B"))} : Text{});
    }
    row.push_back({plain(std::to_string(group.rows.size()))});
    table.rows.push_back(std::move(row));
  }
  part.blocks.push_back(std::move(table));
  return part;
}

Part kernels_part(const ReportData& data) {
  Part part{"Kernels", "", {}};
  if (data.kernel_batch)
    part.blocks.push_back(
        Paragraph{{plain(fmt::format("From batch {} of ", data.kernel_batch->id)),
                   plain(date_text(data.kernel_batch->created_at) + ": "), code(data.kernel_batch->command)}});
  const std::vector<TimingGroup> groups = group_timings(data.kernel_timings);
  const auto any = [&](auto&& has) { return std::any_of(data.kernel_timings.begin(), data.kernel_timings.end(), has); };
  const bool bytes = any([](const TimingRow& row) { return row.bytes.has_value(); });
  const bool flops = any([](const TimingRow& row) { return row.flops.has_value(); });
  const bool of_bandwidth = any([](const TimingRow& row) { return row.bytes && row.peak_bytes_per_second; });
  const bool of_arithmetic = any([](const TimingRow& row) { return row.flops && row.peak_flops_per_second; });
  Table table;
  table.caption = {plain(median_note(groups))};
  const bool devices = shared_device(groups).empty();
  table.columns = {{"Kernel"}, {"Shape"}};
  if (devices) table.columns.push_back({"Device"});
  table.columns.push_back({"Time", true});
  table.columns.push_back({"Interval", true});
  if (bytes) table.columns.push_back({"Traffic", true});
  if (of_bandwidth) table.columns.push_back({"of peak", true});
  if (flops) table.columns.push_back({"Arithmetic", true});
  if (of_arithmetic) table.columns.push_back({"of peak", true});
  table.columns.push_back({"n", true});
  for (const TimingGroup& group : groups) {
    const TimingRow& first = *group.first;
    const auto raw = median_of(group, [](const TimingRow& row) { return std::optional<double>(row.seconds); });
    const TimeUnit unit = time_unit(raw->median);
    const MedianSummary time{raw->median / unit.seconds, raw->low / unit.seconds, raw->high / unit.seconds,
                             raw->is_range};
    std::vector<Text> row{operation_text(first), {plain(first.shape)}};
    if (devices) row.push_back({plain(device_text(first))});
    row.push_back({number(summary_value(time)), plain(fmt::format(" {}", unit.name))});
    row.push_back({number(summary_interval(time))});
    const auto add = [&](bool shown, const std::optional<MedianSummary>& summary, auto&& text) {
      if (shown) row.push_back(summary ? Text{plain(text(summary->median))} : Text{});
    };
    const auto percent = [](double value) { return fmt::format("{}%", format_significant(value * 100, 2)); };
    add(bytes, median_of(group, [](const TimingRow& r) { return rate(r.bytes, r.seconds); }),
        [](double value) { return format_si(value, "B/s"); });
    add(of_bandwidth,
        median_of(group, [](const TimingRow& r) { return share(rate(r.bytes, r.seconds), r.peak_bytes_per_second); }),
        percent);
    add(flops, median_of(group, [](const TimingRow& r) { return rate(r.flops, r.seconds); }),
        [](double value) { return format_si(value, "flop/s"); });
    add(of_arithmetic,
        median_of(group, [](const TimingRow& r) { return share(rate(r.flops, r.seconds), r.peak_flops_per_second); }),
        percent);
    row.push_back({plain(std::to_string(group.rows.size()))});
    table.rows.push_back(std::move(row));
  }
  part.blocks.push_back(std::move(table));
  return part;
}

Part stages_part(const ReportData& data) {
  Part part{"Stages", "", {}};
  std::map<RowId, const RunRow*> run_of;
  for (const RunRow& run : data.runs) run_of[run.id] = &run;
  const bool several_methods = distinct(data.runs, [](const RunRow& run) { return run.method; }).size() > 1;
  std::vector<std::pair<std::pair<std::string, std::string>, std::vector<double>>> groups;
  for (const StageRow& stage : data.stages) {
    const std::pair key{run_of.at(stage.run)->method, stage.name};
    const auto found =
        std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return group.first == key; });
    if (found != groups.end())
      found->second.push_back(stage.seconds);
    else
      groups.push_back({key, {stage.seconds}});
  }
  Table table;
  if (several_methods) table.columns.push_back({"Method"});
  table.columns.push_back({"Stage"});
  for (const char* title : {"Runs", "Median", "Longest", "Total"}) table.columns.push_back({title, true});
  for (const auto& [key, seconds] : groups) {
    std::vector<Text> row;
    if (several_methods) row.push_back({code(key.first)});
    row.push_back({code(key.second)});
    row.push_back({plain(std::to_string(seconds.size()))});
    row.push_back({plain(duration_text(summarise_median(seconds).median))});
    row.push_back({plain(duration_text(*std::max_element(seconds.begin(), seconds.end())))});
    row.push_back({plain(duration_text(std::accumulate(seconds.begin(), seconds.end(), 0.0)))});
    table.rows.push_back(std::move(row));
  }
  part.blocks.push_back(std::move(table));
  return part;
}

}  // namespace

Section timings_section(const ReportData& data) {
  Section section{"Timings", "timings", {}};
  if (!data.timings.empty()) section.parts.push_back(throughput_part(data));
  if (!data.stages.empty()) section.parts.push_back(stages_part(data));
  if (!data.kernel_timings.empty()) section.parts.push_back(kernels_part(data));
  return section;
}

}  // namespace assay
