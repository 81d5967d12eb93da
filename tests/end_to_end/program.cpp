#include "tests/end_to_end/program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

extern char** environ;

namespace assay::test {
namespace {

std::filesystem::path empty_file() {
  std::string name = (std::filesystem::temp_directory_path() / "assay-output-XXXXXX").string();
  const int descriptor = ::mkstemp(name.data());
  if (descriptor < 0) throw std::runtime_error("cannot make a temporary file");
  ::close(descriptor);
  return name;
}

std::string content(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace

Words operator+(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Words settings(const Words& assignments) {
  Words words;
  for (const std::string& assignment : assignments) words.insert(words.end(), {"--set", assignment});
  return words;
}

Program::Program(const std::filesystem::path& binary, const Words& arguments) : out_(empty_file()), err_(empty_file()) {
  Words words = arguments;
  words.insert(words.begin(), binary.string());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  // Threads that wait by spinning take each other's time where tests run side by side.
  ::setenv("OMP_WAIT_POLICY", "passive", 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out_.c_str(), O_WRONLY | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err_.c_str(), O_WRONLY | O_TRUNC, 0600);
  const int failure = ::posix_spawn(&child_, binary.c_str(), &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) {
    ended_ = true;
    throw std::runtime_error(binary.string() + ": cannot be started; it is built by the target `assay`");
  }
}

Program::~Program() {
  if (!ended_) {
    signal(SIGKILL);
    wait();
  }
  std::error_code ignored;
  std::filesystem::remove(out_, ignored);
  std::filesystem::remove(err_, ignored);
}

void Program::signal(int number) const { ::kill(child_, number); }

bool Program::handles(int number) const {
  std::ifstream status("/proc/" + std::to_string(child_) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("SigCgt:")) return (std::stoull(line.substr(7), nullptr, 16) >> (number - 1) & 1) != 0;
  return false;
}

bool Program::running() {
  if (!ended_) ended_ = ::waitpid(child_, &status_, WNOHANG) == child_;
  return !ended_;
}

Outcome Program::wait() {
  if (!ended_) ::waitpid(child_, &status_, 0);
  ended_ = true;
  return {WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_), content(out_), content(err_)};
}

Outcome run_program(const std::filesystem::path& binary, const Words& arguments) {
  return Program(binary, arguments).wait();
}

}  // namespace assay::test
