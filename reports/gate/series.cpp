#include "reports/gate/series.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <unordered_map>

#include "metrics/statistics/bootstrap.h"
#include "reports/wording.h"

namespace assay {
namespace {

/// Runs of one method, tier, data set and configuration.
struct Scope {
  std::string name;
  nlohmann::json setting;
};

class Scopes {
 public:
  explicit Scopes(const std::vector<RunRow>& runs) {
    std::unordered_map<std::string, std::size_t> known;
    scopes_.push_back({"", nlohmann::json::object()});
    for (const RunRow& run : runs) {
      Scope scope{fmt::format("{} {}{}{}", run.method, run.tier, run.dataset.empty() ? "" : " ", run.dataset),
                  {{"config", run.config}, {"data set", run.dataset_hash}}};
      const auto [place, is_new] = known.try_emplace(scope.name + '\n' + scope.setting.dump(), scopes_.size());
      if (is_new) scopes_.push_back(std::move(scope));
      places_[run.id] = {place->second, &run};
    }
  }

  struct Place {
    std::size_t scope = 0;
    const RunRow* run = nullptr;
  };
  /// Of a run, or of what lies outside runs (0).
  Place of(RowId run) const { return run == 0 ? Place{} : places_.at(run); }
  const Scope& scope(std::size_t i) const { return scopes_[i]; }

 private:
  std::vector<Scope> scopes_;  // the first stands for no run
  std::unordered_map<RowId, Place> places_;
};

std::string params_words(const std::string& params) {
  const std::string text = params_text(nlohmann::json::parse(params));
  return text.empty() ? "" : ", " + text;
}

GateSeries series_of(const Scope& scope, const ScoreSubject& subject) {
  GateSeries series;
  series.kind = SeriesKind::quality;
  series.scope = scope.name;
  series.subject = fmt::format("{}{}{}{} ({})", subject.name, subject.arm.empty() ? "" : " of ", subject.arm,
                               params_words(subject.params), subject.protocol);
  series.unit = subject.unit;
  series.better = subject.better;
  nlohmann::json setting = scope.setting;
  setting["protocol"] = subject.protocol_id;
  setting["params"] = subject.params;
  series.setting = setting.dump();
  return series;
}

GateSeries series_of(const Scope& scope, const TimingSubject& subject) {
  GateSeries series;
  series.kind = SeriesKind::speed;
  series.scope = scope.name;
  for (const std::string* const part : {&subject.op, &subject.variant, &subject.shape, &subject.dtype})
    if (!part->empty()) series.subject += (series.subject.empty() ? "" : " ") + *part;
  if (!subject.stage.empty()) series.subject += fmt::format(" (stage {})", subject.stage);
  series.unit = subject.item_unit;
  series.better = Better::lower;
  nlohmann::json setting = scope.setting;
  setting["device"] = subject.device;
  setting["threads"] = subject.threads;
  const nlohmann::json machine = nlohmann::json::parse(subject.machine);
  for (const char* const key : {"cpu", "cores"})
    if (machine.is_object() && machine.contains(key)) setting[key] = machine.at(key);
  series.setting = setting.dump();
  return series;
}

/// Finds the series of a scope and a subject without making its texts again.
template <class Subject>
class Assembly {
 public:
  Assembly(const Scopes& scopes, const std::vector<Subject>& subjects, std::vector<GateSeries>& series)
      : scopes_(scopes), subjects_(subjects), series_(series) {}

  GateSeries& of(std::size_t scope, std::size_t subject) {
    const auto [place, is_new] = places_.try_emplace(scope * subjects_.size() + subject, 0);
    if (is_new) {
      // Subjects that differ in what makes no other series, as the name of the kernel of the system, share one.
      GateSeries made = series_of(scopes_.scope(scope), subjects_[subject]);
      const auto [same, first] = by_text_.try_emplace(made.label() + '\n' + made.setting, series_.size());
      if (first) series_.push_back(std::move(made));
      place->second = same->second;
    }
    return series_[place->second];
  }

 private:
  const Scopes& scopes_;
  const std::vector<Subject>& subjects_;
  std::vector<GateSeries>& series_;
  std::unordered_map<std::size_t, std::size_t> places_;
  std::unordered_map<std::string, std::size_t> by_text_;
};

Night& night_in(GateSeries& series, RowId batch, RowId run) {
  for (auto night = series.nights.rbegin(); night != series.nights.rend(); ++night)
    if (night->batch == batch) return *night;
  series.nights.push_back({batch, run, {}});
  return series.nights.back();
}

/// Whether the numbers of a comparison with other tools are of those.
bool is_of_others(const TimingSubject& subject) {
  return subject.op.starts_with("peers/") && subject.variant != "assay";
}

/// The timings of one machine as a table of series and nights with gaps.
class MachineTimings {
 public:
  void add(GateSeries& series, const std::unordered_map<RowId, std::size_t>& position) {
    const std::size_t row = series_.size();
    series_.push_back(&series);
    // A series of one night is its own centre and says nothing of that night.
    if (series.nights.size() < 2) return;
    for (const Night& night : series.nights) {
      std::vector<double> times;
      times.reserve(night.values.size());
      for (const auto& [seed, value] : night.values) times.push_back(value);
      points_[position.at(night.batch)].push_back({row, quantile(times, 0.5), night.run});
    }
  }

  /// Takes the shared parts out and returns them; no nights where there are none.
  GateSeries take_out(const std::vector<RowId>& in_time) {
    std::erase_if(points_, [](const auto& night) { return night.second.size() < least_timings; });
    fit();
    GateSeries machine;
    machine.kind = SeriesKind::speed;
    machine.subject = "all timings of this machine";
    machine.better = Better::lower;
    machine.whole_machine = true;
    std::unordered_map<RowId, double> shared;
    for (const auto& [position, points] : points_) {
      Night night{in_time[position], points.front().run, {}, 0.0};
      night.values.reserve(points.size());
      for (const Point& point : points) night.values.emplace_back(0, point.time - centres_[point.row]);
      machine.nights.push_back(std::move(night));
      shared[in_time[position]] = shared_.at(position);
    }
    for (GateSeries* const series : series_)
      for (Night& night : series->nights)
        if (const auto found = shared.find(night.batch); found != shared.end()) {
          night.shared = found->second;
          for (auto& [seed, value] : night.values) value -= night.shared;
        }
    return machine;
  }

 private:
  struct Point {
    std::size_t row = 0;
    double time = 0.0;
    RowId run = 0;
  };
  static constexpr int rounds = 4;  // two nearly always suffice

  void fit() {
    centres_.assign(series_.size(), 0.0);
    for (int round = 0; round < rounds; ++round) {
      std::vector<std::vector<double>> rows(series_.size());
      for (const auto& [position, points] : points_)
        for (const Point& point : points) rows[point.row].push_back(point.time - shared_[position]);
      for (std::size_t row = 0; row < rows.size(); ++row)
        if (!rows[row].empty()) centres_[row] = quantile(rows[row], 0.5);
      for (const auto& [position, points] : points_) {
        std::vector<double> rests;
        rests.reserve(points.size());
        for (const Point& point : points) rests.push_back(point.time - centres_[point.row]);
        shared_[position] = quantile(rests, 0.5);
      }
    }
  }

  std::vector<GateSeries*> series_;
  std::map<std::size_t, std::vector<Point>> points_;  // by the place of the night in time
  std::map<std::size_t, double> shared_;
  std::vector<double> centres_;
};

void flatten(const nlohmann::json& value, const std::string& path, Environment& out) {
  if (value.is_object() && !value.empty())
    for (const auto& [key, member] : value.items()) flatten(member, path.empty() ? key : path + "." + key, out);
  else
    out[path] = value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

std::string GateSeries::label() const { return scope.empty() ? subject : scope + ": " + subject; }

std::ptrdiff_t GateSeries::night_of(RowId batch) const {
  const auto found =
      std::find_if(nights.begin(), nights.end(), [&](const Night& night) { return night.batch == batch; });
  return found == nights.end() ? -1 : found - nights.begin();
}

std::vector<GateSeries> take_out_shared_speed(std::vector<GateSeries>& series, const std::vector<RowId>& in_time) {
  std::unordered_map<RowId, std::size_t> position;
  for (std::size_t i = 0; i < in_time.size(); ++i) position[in_time[i]] = i;
  std::map<std::string, MachineTimings> machines;  // by what they are, as JSON
  for (GateSeries& one : series) {
    if (one.kind != SeriesKind::speed) continue;
    const nlohmann::json setting = nlohmann::json::parse(one.setting);
    nlohmann::json machine = nlohmann::json::object();
    for (const char* const key : {"device", "cpu", "cores"})
      if (setting.contains(key)) machine[key] = setting.at(key);
    machines[machine.dump()].add(one, position);
  }
  std::vector<GateSeries> shared;
  for (auto& [setting, timings] : machines) {
    GateSeries machine = timings.take_out(in_time);
    machine.setting = setting;
    if (!machine.nights.empty()) shared.push_back(std::move(machine));
  }
  return shared;
}

std::vector<GateSeries> read_series(const History& history, const std::vector<BatchRow>& batches,
                                    const std::vector<RunRow>& runs, const std::vector<RowId>& until) {
  // Merged stores hold batches in another order than time's.
  std::vector<const BatchRow*> in_time;
  in_time.reserve(batches.size());
  for (const BatchRow& batch : batches) in_time.push_back(&batch);
  std::sort(in_time.begin(), in_time.end(), [](const BatchRow* a, const BatchRow* b) {
    return std::tie(a->created_at, a->id) < std::tie(b->created_at, b->id);
  });
  std::unordered_map<RowId, std::size_t> position;
  std::size_t last = 0;
  for (std::size_t i = 0; i < in_time.size(); ++i) {
    position[in_time[i]->id] = i;
    if (std::find(until.begin(), until.end(), in_time[i]->id) != until.end()) last = i;
  }
  const auto is_in_time = [&](RowId batch) {
    const auto found = position.find(batch);
    return found != position.end() && found->second <= last;
  };

  const Scopes scopes(runs);
  std::vector<GateSeries> series;
  Assembly scores(scopes, history.score_subjects, series);
  for (const ScorePoint& point : history.scores) {
    const Scopes::Place place = scopes.of(point.run);
    if (!is_in_time(place.run->batch)) continue;
    Night& night = night_in(scores.of(place.scope, point.subject), place.run->batch, point.run);
    night.values.emplace_back(place.run->seed, point.value);
  }
  Assembly timings(scopes, history.timing_subjects, series);
  for (const TimingPoint& point : history.timings) {
    if (!is_in_time(point.batch) || is_of_others(history.timing_subjects[point.subject])) continue;
    Night& night = night_in(timings.of(scopes.of(point.run).scope, point.subject), point.batch, point.run);
    night.values.emplace_back(0, std::log(point.seconds_per_item));
  }
  for (GateSeries& one : series) {
    std::sort(one.nights.begin(), one.nights.end(),
              [&](const Night& a, const Night& b) { return position.at(a.batch) < position.at(b.batch); });
    if (one.kind == SeriesKind::speed) continue;
    for (Night& night : one.nights) {
      // Of two scores of one seed, as of a run that was repeated within a batch, the later one counts.
      std::stable_sort(night.values.begin(), night.values.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; });
      std::vector<std::pair<std::int64_t, double>> latest;
      for (const auto& value : night.values) {
        if (latest.empty() || latest.back().first != value.first)
          latest.push_back(value);
        else
          latest.back() = value;
      }
      night.values = std::move(latest);
    }
  }
  std::vector<RowId> order;
  order.reserve(in_time.size());
  for (const BatchRow* const batch : in_time) order.push_back(batch->id);
  for (GateSeries& machine : take_out_shared_speed(series, order)) series.push_back(std::move(machine));
  return series;
}

std::vector<EnvironmentChange> setting_changes(const GateSeries& before, const GateSeries& after) {
  Environment from, to;
  flatten(nlohmann::json::parse(before.setting), "", from);
  flatten(nlohmann::json::parse(after.setting), "", to);
  return changes_between(from, to);
}

}  // namespace assay
