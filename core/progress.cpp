#include "core/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <utility>
#include <vector>

#include "core/elapsed.h"

namespace assay {
namespace {

std::atomic<bool> silenced{false};

/// The jobs that have a line on the terminal now: those that run side by side share it.
struct Shown {
  std::mutex lock;
  std::vector<std::pair<const Progress*, std::string>> lines;
};

Shown& shown() {
  static Shown jobs;
  return jobs;
}

/// Rewrites the terminal's line; `finished` goes above it. The caller holds the lock.
void redraw(const std::string& finished) {
  std::string text = "\r\033[K";
  if (!finished.empty()) text += finished + "\n";
  for (const auto& [job, line] : shown().lines) text += (job == shown().lines.front().first ? "" : "  |  ") + line;
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace

Progress::Progress(std::string what, std::int64_t total, std::string unit)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      start_(std::chrono::steady_clock::now()),
      printed_(start_),
      terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (first_ >= 0) print(true);
}

void Progress::silence(bool silent) { silenced = silent; }

void Progress::update(std::int64_t done, const std::string& detail) {
  if (first_ < 0) first_ = done;
  done_ = done;
  if (!detail.empty()) detail_ = detail;
  const auto now = std::chrono::steady_clock::now();
  const auto wait = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(30000);
  if (now - printed_ < wait) return;
  printed_ = now;
  print(false);
}

void Progress::print(bool last) {
  if (silenced || total_ <= 0) return;
  // A short job in a log needs no line of its own.
  const double seconds = seconds_since(start_);
  if (last && !shown_ && seconds < 2.0 && !terminal_) return;
  shown_ = true;
  const double rate = seconds > 0 ? static_cast<double>(done_ - first_) / seconds : 0.0;
  std::string line = fmt::format("{}: {}/{} {}", what_, done_, total_, unit_);
  if (rate > 0) line += fmt::format(", {:.3g}/s", rate);
  if (last)
    line += ", took " + duration_text(seconds);
  else if (rate > 0)
    line += ", " + duration_text(static_cast<double>(total_ - done_) / rate) + " left";
  if (!detail_.empty()) line += ", " + detail_;
  const std::lock_guard lock(shown().lock);
  if (!terminal_) {
    std::fprintf(stderr, "%s\n", line.c_str());
    std::fflush(stderr);
    return;
  }
  auto& lines = shown().lines;
  const auto mine = std::find_if(lines.begin(), lines.end(), [&](const auto& entry) { return entry.first == this; });
  if (last) {
    if (mine != lines.end()) lines.erase(mine);
    redraw(line);
    return;
  }
  if (mine == lines.end())
    lines.emplace_back(this, line);
  else
    mine->second = line;
  redraw("");
}

std::string duration_text(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::lround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace assay
