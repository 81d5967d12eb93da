#include "app/dataset_command.h"

#include <iostream>

#include "app/dataset_tables.h"
#include "core/config.h"

namespace assay {
namespace {

DatasetSpec spec_of(const DatasetCommand& options) {
  nlohmann::json object = {{"name", options.name}};
  for (const std::string& setting : options.settings) set_key(object, setting);
  return read_dataset_spec(object, "dataset");
}

}  // namespace

int dataset_list_action(const DatasetCommand& options) { return dataset_list(options.json, std::cout); }

int dataset_info_action(const DatasetCommand& options) {
  return dataset_info(spec_of(options), options.json, std::cout);
}

int dataset_export_action(const DatasetCommand& options) {
  return dataset_export(spec_of(options), options.out, options.json, std::cout);
}

}  // namespace assay
