#pragma once
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace assay::test {

/// What a process that ended has left.
struct Outcome {
  int exit_code = 0;  // minus the signal's number where one ended it
  std::string out, err;
};

/// A started process whose standard output and error go to files. Killed and waited for when the object ends.
class Program {
 public:
  /// Throws std::runtime_error when it cannot be started.
  Program(const std::filesystem::path& binary, const std::vector<std::string>& arguments);
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
Outcome run_program(const std::filesystem::path& binary, const std::vector<std::string>& arguments);

}  // namespace assay::test
