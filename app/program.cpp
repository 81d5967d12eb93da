#include "app/program.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "app/command.h"
#include "app/torch_library.h"
#include "bench/harness/machine.h"
#include "core/error.h"
#include "core/interrupt.h"

namespace assay {
namespace {

constexpr void (*commands[])(CLI::App&, CommandContext&) = {
    add_run_command,   add_metric_command,  add_claims_command, add_report_command, add_parity_command,
    add_bench_command, add_dataset_command, add_doctor_command, add_list_command,
};

std::string shell_quoted(const std::string& word) {
  if (!word.empty() && word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                              "-_=+./:,@%") == std::string::npos)
    return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// Errors are one line on stderr, whatever the message was made of.
int fail(const std::string& message, int code) {
  std::string line = message.substr(0, message.find('\n'));
  std::fprintf(stderr, "assay: %s\n", line.c_str());
  return code;
}

}  // namespace

int program(int argc, char** argv, const TorchActions* torch) {
  CommandContext context;
  context.command_line = "assay";
  for (int i = 1; i < argc; ++i) context.command_line += " " + shell_quoted(argv[i]);

  CLI::App app("Assay reproduces diffusion papers, measures what they produce, and says whether a difference is real.");
  app.name("assay");
  app.set_version_flag("--version", code_version());
  app.require_subcommand(1);
  for (const auto add : commands) add(app, context);

  try {
    app.parse(argc, argv);
    if (context.with_torch && torch == nullptr) return run_in_torch_library(argc, argv);
    catch_interrupts();
    return context.with_torch ? context.with_torch(*torch) : context.selected();
  } catch (const CLI::CallForHelp&) {
    std::printf("%s", app.help().c_str());
    return 0;
  } catch (const CLI::CallForAllHelp&) {
    std::printf("%s", app.help("", CLI::AppFormatMode::All).c_str());
    return 0;
  } catch (const CLI::CallForVersion&) {
    std::printf("%s\n", code_version().c_str());
    return 0;
  } catch (const CLI::ParseError& error) {
    return fail(std::string(error.what()) + "; see `assay --help`", 2);
  } catch (const InputError& error) {
    return fail(error.what(), 2);
  } catch (const std::exception& error) {
    return fail(error.what(), 1);
  }
}

}  // namespace assay
