#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/dataset_tables.h"
#include "core/config.h"

namespace assay {
namespace {

struct Options {
  std::string name;
  std::vector<std::string> settings;
  std::filesystem::path out;
  bool json = false;
};

DatasetSpec spec_of(const Options& options) {
  nlohmann::json object = {{"name", options.name}};
  for (const std::string& setting : options.settings) set_key(object, setting);
  return read_dataset_spec(object, "dataset");
}

}  // namespace

void add_dataset_command(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("dataset", "Look at the data sets, or export one");
  command->require_subcommand(1);
  const auto add_common = [&](CLI::App* sub, bool named) {
    if (named) {
      sub->add_option("name", options->name, "See `assay dataset list`")->required();
      sub->add_option("--set", options->settings, "size=32, background=solid, imbalance=exp:100, seed=1, ...")
          ->allow_extra_args(false);
    }
    sub->add_flag("--json", options->json, "One JSON object on standard output");
  };
  CLI::App* list = command->add_subcommand("list", "Every data set, and what is missing to open it");
  add_common(list, false);
  list->callback(
      [options, &context] { context.selected = [options] { return dataset_list(options->json, std::cout); }; });
  CLI::App* info = command->add_subcommand("info", "Counts, content id, and what was left out");
  add_common(info, true);
  info->callback([options, &context] {
    context.selected = [options] { return dataset_info(spec_of(*options), options->json, std::cout); };
  });
  CLI::App* exported = command->add_subcommand("export", "Write images, masks and labels.csv");
  add_common(exported, true);
  exported->add_option("--out", options->out, "Folder, new or empty, or of an interrupted export")->required();
  exported->callback([options, &context] {
    context.selected = [options] { return dataset_export(spec_of(*options), options->out, options->json, std::cout); };
  });
}

}  // namespace assay
