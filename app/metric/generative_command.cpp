#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "app/command.h"
#include "app/metric/generative_input.h"
#include "app/metric/generative_protocols.h"
#include "app/metric/metric_command.h"
#include "app/metric/report.h"
#include "core/error.h"
#include "core/interrupt.h"

namespace assay {
namespace {

struct Options {
  std::filesystem::path reference, generated;
  std::vector<std::string> protocols;
  GenerativeOptions scores;
  ImageFeatureOptions images;
  MetricOutput output;
};

/// What every row of this protocol says about its sets.
void complete(MetricRow& row, const std::string& id, const FeatureSet& reference, const FeatureSet& generated,
              bool from_images) {
  if (row.protocol.empty()) row.protocol = id;
  if (!row.n_generated && generated.count > 0) row.n_generated = generated.count;
  if (!row.n_reference && reference.count > 0) row.n_reference = reference.count;
  row.extra["features"] = from_images ? "extracted" : "given";
  row.extra["generated_hash"] = generated.hash;
  if (!reference.hash.empty()) row.extra["reference_hash"] = reference.hash;
}

int run(const Options& options) {
  std::vector<const GenerativeProtocol*> chosen;
  chosen.reserve(options.protocols.size());
  for (const std::string& id : options.protocols) {
    chosen.push_back(&find_generative_protocol(id));
    if (chosen.back()->needs_reference && options.reference.empty())
      throw InputError(fmt::format("protocol '{}' compares with a reference: give --reference", id));
  }
  FeatureNetworks networks(options.images);
  GenerativeInput reference_input(options.reference, networks), generated_input(options.generated, networks);
  MetricReport report;
  report.command = "generative";
  for (const GenerativeProtocol* protocol : chosen) {
    stop_if_interrupted();
    const std::string id(protocol->id);
    const FeatureSet reference = reference_input.under(id), generated = generated_input.under(id);
    for (MetricRow& row : protocol->score(reference, generated, options.scores)) {
      complete(row, id, reference, generated, !generated_input.from_file(id));
      report.rows.push_back(std::move(row));
    }
    nlohmann::json choices = generated_input.choices(id);
    if (!reference.hash.empty()) choices["reference"] = reference.hash;
    report.protocols.push_back({id, std::move(choices)});
  }
  finish(report, options.output);
  return 0;
}

}  // namespace

void add_metric_generative(CLI::App& metric, CommandContext& context) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = metric.add_subcommand("generative", "Distance, fidelity and diversity of generated images");
  command->add_option("--reference", options->reference,
                      "Reference: folder or .npz of images, or feature or statistics file (.safetensors, .npz)");
  command->add_option("--generated", options->generated, "The same of the generated images")->required();
  command->add_option("--protocol", options->protocols, "Protocols, as in fid-tf1,prdc5 (assay list protocols)")
      ->required()
      ->delimiter(',');
  command->add_option("--bootstrap", options->scores.bootstrap, "Replicates behind each interval; 0: none")
      ->capture_default_str();
  command->add_option("--seed", options->scores.seed, "Seed of what is drawn")->capture_default_str();
  add_image_feature_options(*command, options->images);
  add_metric_output(*command, options->output);
  command->callback([options, &context] {
    options->output.command_line = context.command_line;
    context.selected = [options] { return run(*options); };
  });
}

}  // namespace assay
