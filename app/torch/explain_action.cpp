#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/metric/metric_report.h"
#include "app/torch/generative_input.h"
#include "app/torch_actions.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "metrics/generative/frechet.h"

namespace assay {
namespace {

/// A Fréchet distance under one set of choices, and the same with one choice changed.
struct Variant {
  std::string protocol;             // whose choices these are; empty for a step between protocols
  std::string choices;              // in words
  std::optional<std::size_t> from;  // the variant that differs by `change` alone; none for the first
  std::string change;
  double value = 0;
  std::string route{};
};

FrechetDistance distance(const FeatureSet& reference, const FeatureSet& generated, Divisor divisor) {
  return frechet(gaussian(reference, divisor), gaussian(generated, divisor));
}

/// The same with 1e-6 added to both diagonals, the step that code by matrix square root takes when its result is not
/// finite.
FrechetDistance offset_distance(const FeatureSet& reference, const FeatureSet& generated) {
  constexpr double offset = 1e-6;
  return frechet(with_offset(gaussian(reference), offset), with_offset(gaussian(generated), offset));
}

void fill(Variant& variant, const FrechetDistance& found) {
  variant.value = found.value;
  variant.route = found.route;
}

/// FID protocols and the single steps between them.
std::vector<Variant> explain_images(GenerativeInput& reference, GenerativeInput& generated) {
  std::vector<Variant> variants;
  const auto add = [&](std::string protocol, std::string choices, std::optional<std::size_t> from, std::string change,
                       const ImageProtocol& images, Divisor divisor) {
    stop_if_interrupted();
    Variant variant{
        .protocol = std::move(protocol), .choices = std::move(choices), .from = from, .change = std::move(change)};
    fill(variant, distance(reference.image_features().of(images), generated.image_features().of(images), divisor));
    variants.push_back(std::move(variant));
    return variants.size() - 1;
  };
  const ImageProtocol& tf1 = find_image_protocol("fid-tf1");
  const ImageProtocol& torch = find_image_protocol("fid-torch");
  ImageProtocol torch_resize = tf1;
  torch_resize.resize = torch.resize;
  const std::size_t first =
      add("fid-tf1", "TF1 bilinear, (x - 128) / 128, divisor n - 1", std::nullopt, "", tf1, Divisor::n_minus_1);
  add("fid-sg3", "TF1 bilinear, (x - 128) / 128, divisor n", first, "divisor n - 1 -> n", tf1, Divisor::n);
  const std::size_t half = add("", "half-pixel bilinear, (x - 128) / 128, divisor n - 1", first,
                               "resize TF1 bilinear -> half-pixel bilinear", torch_resize, Divisor::n_minus_1);
  add("fid-torch", "half-pixel bilinear, (x - 127.5) / 127.5, divisor n - 1", half, "normalisation by 128 -> by 127.5",
      torch, Divisor::n_minus_1);
  add("fid-clean", "Pillow bicubic, (x - 128) / 128, divisor n - 1", first, "resize TF1 bilinear -> Pillow bicubic",
      find_image_protocol("fid-clean"), Divisor::n_minus_1);
  add("fid-tm18", "antialiased bilinear, (x - 128) / 128, divisor n - 1", first,
      "resize TF1 bilinear -> antialiased bilinear", find_image_protocol("fid-tm18"), Divisor::n_minus_1);
  return variants;
}

/// What is left to choose once features are given.
std::vector<Variant> explain_features(const FeatureSet& reference, const FeatureSet& generated) {
  std::vector<Variant> variants = {
      {.protocol = "fid-tf1", .choices = "divisor n - 1, no offset", .from = std::nullopt, .change = ""},
      {.protocol = "fid-sg3", .choices = "divisor n, no offset", .from = 0, .change = "divisor n - 1 -> n"},
      {.protocol = "", .choices = "divisor n - 1, 1e-6 on both diagonals", .from = 0, .change = "offset 0 -> 1e-6"}};
  fill(variants[0], distance(reference, generated, Divisor::n_minus_1));
  fill(variants[1], distance(reference, generated, Divisor::n));
  fill(variants[2], offset_distance(reference, generated));
  return variants;
}

}  // namespace

int explain_action(const ExplainCommand& options) {
  FeatureNetworks networks(options.images);
  GenerativeInput reference(options.reference, networks, KeepOfFeatures::statistics);
  GenerativeInput generated(options.generated, networks, KeepOfFeatures::statistics);
  if (reference.images() != generated.images())
    throw InputError(fmt::format("{} and {}: one holds images, the other features; expected two of a kind",
                                 options.reference.string(), options.generated.string()));
  const bool images = reference.images();
  reference.leave_out_damaged();
  generated.leave_out_damaged();
  const FeatureSet reference_set = reference.under("fid-tf1"), generated_set = generated.under("fid-tf1");
  if (!images && reference_set.statistics && generated_set.statistics)
    throw InputError(fmt::format("{}: both are statistics, where every choice but the solver was made; give features",
                                 options.reference.string()));
  if (!images) check_widths(reference_set, generated_set);
  const std::vector<Variant> variants =
      images ? explain_images(reference, generated) : explain_features(reference_set, generated_set);

  MetricReport report;
  report.command = "explain";
  for (const GenerativeInput* input : {&reference, &generated})
    for (std::string& note : input->notes()) report.notes.push_back(std::move(note));
  nlohmann::json chain = nlohmann::json::array();
  for (const Variant& variant : variants) {
    MetricRow row;
    row.protocol = variant.protocol.empty() ? "fid-tf1" : variant.protocol;
    row.metric = "fid";
    row.value = variant.value;
    if (reference_set.count > 0) row.n_reference = reference_set.count;
    if (generated_set.count > 0) row.n_generated = generated_set.count;
    if (variant.protocol.empty()) row.part = variant.change;
    row.note = variant.choices;
    row.extra = {{"route", variant.route}, {"features", images ? "extracted" : "given"}};
    if (options.images.skip_damaged) row.extra.update(skipped_counts(reference.skipped(), generated.skipped()));
    if (const std::string from = conversions({&reference_set, &generated_set}); !from.empty())
      row.extra["converted_from"] = from;
    report.rows.push_back(std::move(row));
    if (!variant.protocol.empty()) report.protocols.push_back({variant.protocol, generated.choices("fid-tf1")});
    if (!variant.from) continue;
    const double before = variants[*variant.from].value, moved = variant.value - before;
    chain.push_back({{"change", variant.change}, {"from", before}, {"to", variant.value}, {"difference", moved}});
    // A share of what is zero but for rounding says nothing.
    const std::string share = before > 1e-9 * variant.value ? fmt::format(" ({:+.2g} %)", 100 * moved / before) : "";
    report.notes.push_back(
        fmt::format("{}: {:.6g} -> {:.6g}, {:+.3g}{}", variant.change, before, variant.value, moved, share));
  }
  report.further = {{"chain", chain}};
  finish(report, options.output);
  return 0;
}

}  // namespace assay
