#pragma once
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace assay::test {

/// The words of a command line.
using Words = std::vector<std::string>;
Words operator+(Words a, const Words& b);
/// The words that give a configuration these settings, each KEY=VALUE.
Words settings(const Words& assignments);

/// What a process that ended has left.
struct Outcome {
  int exit_code = 0;  // minus the signal's number where one ended it
  std::string out, err;
};

/// A started process whose standard output and error go to files. Killed and waited for when the object ends.
class Program {
 public:
  /// Throws std::runtime_error when it cannot be started.
  Program(const std::filesystem::path& binary, const Words& arguments);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void signal(int number) const;
  /// Whether it handles this signal by now, rather than being ended by it. False where /proc does not tell.
  bool handles(int number) const;
  /// False once it has ended.
  bool running();
  Outcome wait();

 private:
  pid_t child_ = 0;
  bool ended_ = false;
  int status_ = 0;
  std::filesystem::path out_, err_;
};

/// Runs the command to its end.
Outcome run_program(const std::filesystem::path& binary, const Words& arguments);

}  // namespace assay::test
