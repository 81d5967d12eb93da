#include "metrics/protocols.h"

#include "core/error.h"
#include "core/nearest.h"

namespace assay {

const std::vector<Protocol>& protocols() {
  static const std::vector<Protocol> table = {
      {"fd-small",
       "Fréchet distance between Gaussians fitted to features of our own small network, trained once on the training "
       "split.\nOnly comparable under one feature network hash and sample count; never to be called FID.",
       "Assay",
       {{"features", "small network of the data set, named by content hash"},
        {"moments", "double, blocks of 256 sample indices joined along a fixed binary tree"},
        {"covariance_divisor", "n - 1"},
        {"solver", "symmetric: Cholesky and eigenvalues, or singular values where ill-conditioned or n <= d"},
        {"offset", "none"},
        {"interval", "bootstrap over samples, indices from Philox by seed and replicate"}}},
      {"sklearn",
       "NMI, AMI, ARI and V-measure of two labellings of the same items, in natural logarithms.\n"
       "Single-cluster and empty labellings on both sides count as full agreement.",
       "scikit-learn 1.9 (sklearn.metrics.cluster)",
       {{"nmi_average", "arithmetic"},
        {"ami_average", "arithmetic"},
        {"ami_expectation", "exact, hypergeometric"},
        {"ari_counts", "exact integers"},
        {"v_measure_beta", 1.0}}},
      {"oracle",
       "Checks on a Gaussian mixture whose noise prediction is exact, so that samplers and guidance meet the truth.\n"
       "class_accuracy: nearest mean; variance_ratio: mean squared distance to the class mean over s^2.",
       "Assay, on closed-form noise prediction",
       {{"denoiser", "exact"}, {"classifier", "nearest mean"}}},
  };
  return table;
}

const Protocol& find_protocol(const std::string& id) {
  std::vector<std::string> known;
  for (const Protocol& protocol : protocols()) {
    if (protocol.id == id) return protocol;
    known.push_back(protocol.id);
  }
  throw InputError(unknown_name_message("protocol", id, known));
}

nlohmann::json protocol_json(const std::string& id) {
  const Protocol& protocol = find_protocol(id);
  return {{"id", protocol.id},
          {"description", protocol.description},
          {"origin", protocol.origin},
          {"choices", protocol.choices}};
}

}  // namespace assay
