#include "app/metric/generative_protocols.h"

namespace assay {
namespace {

std::vector<MetricRow> distance(const FeatureSet& reference, const FeatureSet& generated, const std::string& metric,
                                Divisor divisor, const GenerativeOptions& /*options*/) {
  const FrechetDistance d = frechet(gaussian(reference, divisor), gaussian(generated, divisor));
  MetricRow row;
  row.metric = metric;
  row.value = d.value;
  row.extra = {
      {"route", d.route}, {"residual", d.residual}, {"mean_term", d.mean_term}, {"covariance_term", d.covariance_term}};
  return {row};
}

std::vector<MetricRow> fid(const FeatureSet& reference, const FeatureSet& generated, const GenerativeOptions& options) {
  return distance(reference, generated, "fid", Divisor::n_minus_1, options);
}

std::vector<MetricRow> fid_over_n(const FeatureSet& reference, const FeatureSet& generated,
                                  const GenerativeOptions& options) {
  return distance(reference, generated, "fid", Divisor::n, options);
}

}  // namespace

std::vector<GenerativeProtocol> frechet_scores() {
  return {{"fid-tf1", fid}, {"fid-torch", fid}, {"fid-clean", fid}, {"fid-tm18", fid}, {"fid-sg3", fid_over_n}};
}

}  // namespace assay
