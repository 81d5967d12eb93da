#pragma once
#include <string>
#include <vector>

namespace assay {

/// What `assay list` is asked for.
struct ListCommand {
  std::string what;  // one of list_kinds()
  bool json = false;
};

/// What can be listed, in the order of the help text.
std::vector<std::string> list_kinds();

/// Prints one list, as lines or as one JSON object {WHAT: [{"name", "description"}]}; returns the exit code 0. Throws
/// InputError for what is not among list_kinds().
int list_action(const ListCommand& options);

}  // namespace assay
