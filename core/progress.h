#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace assay {

/// One progress line on stderr: what, done of total, rate, time left. On a terminal the line is rewritten at most ten
/// times a second, and jobs that run side by side share it; elsewhere (a log file, CI) a full line is printed at most
/// every 30 seconds and at the end.
class Progress {
 public:
  /// `unit` is plural, as in "steps". A `total` of 0 prints nothing.
  Progress(std::string what, std::int64_t total, std::string unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` so far, of the total. Work resumed from a checkpoint starts with done > 0; the rate counts only new work.
  void update(std::int64_t done, const std::string& detail = "");

  /// Switches all progress lines off (tests, `--quiet`).
  static void silence(bool silent);

 private:
  void print(bool last);

  std::string what_, unit_, detail_;
  std::int64_t total_, done_ = 0, first_ = -1;
  std::chrono::steady_clock::time_point start_, printed_;
  bool terminal_;
  bool shown_ = false;
};

/// "1 h 02 min", "3 min 20 s", "4.2 s".
std::string duration_text(double seconds);

}  // namespace assay
