#include "metrics/generative/generative_facts.h"

#include <utility>

#include "core/nearest.h"

namespace assay {
namespace {

/// What all Fréchet distances fix alike.
nlohmann::json with_solver(nlohmann::json choices) {
  choices["moments"] = "double, blocks of 256 sample indices joined along a fixed binary tree";
  choices["solver"] = "symmetric: Cholesky and eigenvalues, or singular values where ill-conditioned or n <= d";
  choices["offset"] = "none";
  return choices;
}

nlohmann::json inception_distance(nlohmann::json choices) {
  choices["features"] = "pool3, 2048";
  if (!choices.contains("covariance_divisor")) choices["covariance_divisor"] = "n - 1";
  return with_solver(std::move(choices));
}

/// The images and network behind the features, where no feature file stands in for them.
nlohmann::json inception_pass(nlohmann::json choices, const char* layer) {
  choices["features"] = layer;
  choices["weights"] = "inception-2015-12-05";
  choices["input"] = "uint8 RGB";
  choices["resize"] = "TF1 legacy bilinear to 299";
  choices["normalise"] = "(x - 128) / 128";
  return choices;
}

nlohmann::json dinov2_pass(nlohmann::json choices) {
  choices["weights"] = "dinov2_vitl14";
  choices["features"] = "class token, 1024";
  choices["resize"] = "bicubic, antialias, to 224";
  choices["normalise"] = "ImageNet mean and deviation";
  return choices;
}

nlohmann::json ball_choices(nlohmann::json choices) {
  choices["radius"] = "distance to the k-th nearest other row";
  choices["ties"] = "smaller index";
  choices["interval"] =
      "precision, density: bootstrap over generated rows; recall, coverage: halves of the generated rows";
  return inception_pass(std::move(choices), "pool3, 2048");
}

}  // namespace

const std::vector<Protocol>& generative_facts() {
  static const std::vector<Protocol> table = {
      {.id = "fid-tf1",
       .description =
           "FID as the TensorFlow graph of 2015 gives it: bytes, legacy bilinear resize (no half pixel), then the "
           "network.\n"
           "Equals torch-fidelity's, and guided-diffusion's and edm's up to their float32.",
       .origin = "Heusel et al. 2017; torch-fidelity, guided-diffusion, edm",
       .choices = inception_distance({{"weights", "inception-2015-12-05"},
                                      {"input", "uint8 RGB"},
                                      {"resize", "TF1 legacy bilinear to 299"},
                                      {"normalise", "(x - 128) / 128"}})},
      {.id = "fid-torch",
       .description = "FID of pytorch-fid: images in [0, 1], bilinear resize with half-pixel centres and "
                      "without antialiasing.\n"
                      "Differs from fid-tf1 in resize and in 127.5 for 128.",
       .origin = "pytorch-fid",
       .choices = inception_distance({{"weights", "pt_inception-2015-12-05-6726825d"},
                                      {"input", "uint8 RGB / 255"},
                                      {"resize", "bilinear, half-pixel, no antialias, to 299"},
                                      {"normalise", "2 x - 1"}})},
      {.id = "fid-clean",
       .description = "FID of clean-fid in mode `clean`: bicubic antialiased resize of each channel in "
                      "float, clipped, not rounded.\n"
                      "Meant for images of other sizes than 299, where the other resizes alias.",
       .origin = "Parmar et al. 2022; clean-fid",
       .choices = inception_distance({{"weights", "inception-2015-12-05"},
                                      {"input", "uint8 RGB"},
                                      {"resize", "PIL bicubic in float to 299, clipped to [0, 255]"},
                                      {"normalise", "(x - 128) / 128"}})},
      {.id = "fid-tm18",
       .description = "FID as torchmetrics gives it by default since 1.8: antialiased bilinear resize.\n"
                      "No longer equal to torch-fidelity's for images of other sizes than 299.",
       .origin = "torchmetrics >= 1.8, antialias=True",
       .choices = inception_distance({{"weights", "pt_inception-2015-12-05-6726825d"},
                                      {"input", "uint8 RGB"},
                                      {"resize", "bilinear, half-pixel, antialias, to 299"},
                                      {"normalise", "(x - 128) / 128"}})},
      {.id = "fid-sg3",
       .description = "FID of StyleGAN3: as fid-tf1, with covariances divided by n.\n"
                      "A statistics file holding mu and sigma is taken as it is, whatever it was divided by.",
       .origin = "StyleGAN3 (metric fid50k_full)",
       .choices = inception_distance({{"weights", "inception-2015-12-05"},
                                      {"input", "uint8 RGB"},
                                      {"resize", "TF1 legacy bilinear to 299"},
                                      {"normalise", "(x - 128) / 128"},
                                      {"covariance_divisor", "n"}})},
      {.id = "fid-infinity",
       .description =
           "fid-tf1 of endless samples: a + b/n fitted to 15 random subsets of 5,000 (or half, where fewer than "
           "10,000) to all n.\n"
           "The value is a, or 0 where a is below; removes most of the bias by which FID favours large n.",
       .origin = "Chong & Forsyth 2020",
       .choices = inception_distance(
           {{"weights", "inception-2015-12-05"},
            {"input", "uint8 RGB"},
            {"resize", "TF1 legacy bilinear to 299"},
            {"normalise", "(x - 128) / 128"},
            {"subsets", "15 sizes spread evenly, each a fresh permutation from Philox by seed and size"},
            {"fit", "least squares on 1/n"}})},
      {.id = "sfid-oai",
       .description = "sFID: the Fréchet distance of spatial features, the first 7 channels of Mixed_6d's "
                      "1x1 branch, 17 x 17.\n"
                      "Flattened as height, width, channel, so that published mu_s and sigma_s fit.",
       .origin = "Nash et al. 2021; guided-diffusion",
       .choices = with_solver({{"weights", "inception-2015-12-05"},
                               {"features", "mixed_6/conv, 17 x 17 x 7 = 2023"},
                               {"input", "uint8 RGB"},
                               {"resize", "TF1 legacy bilinear to 299"},
                               {"normalise", "(x - 128) / 128"},
                               {"covariance_divisor", "n - 1"}})},
      {.id = "fd-dinov2",
       .description =
           "Fréchet distance of DINOv2 ViT-L/14 features (the class token, 1024 numbers).\n"
           "Follows people's judgement of images better than Inception's features do; of another scale than FID.",
       .origin = "Stein et al. 2023; dgm-eval",
       .choices = with_solver({{"weights", "dinov2_vitl14"},
                               {"features", "class token, 1024"},
                               {"resize", "bicubic, antialias, to 224"},
                               {"normalise", "ImageNet mean and deviation"},
                               {"covariance_divisor", "n - 1"}})},
      {.id = "kd-dinov2",
       .description =
           "Kernel distance of DINOv2 ViT-L/14 features: as KID, over 100 subsets of 1,000 rows a side.\n"
           "Subsets by NumPy's RandomState(2020), the reference rows of each drawn first; all rows where a side has "
           "fewer.",
       .origin = "Stein et al. 2023; dgm-eval, metrics/mmd.py (which draws without a seed)",
       .choices = dinov2_pass({{"kernel", "(x.y / d + 1)^3"},
                               {"estimate", "unbiased, diagonals left out"},
                               {"subsets", 100},
                               {"subset_size", "1000, or all rows of the smaller side"},
                               {"subset_draw", "RandomState(2020).choice without replacement, reference first"},
                               {"deviation_divisor", "subsets"},
                               {"products", "float32, sums in double"},
                               {"interval", "bootstrap over generated rows, and over subsets"}})},
      {.id = "prdc-dinov2",
       .description =
           "Precision, recall, density and coverage of DINOv2 ViT-L/14 features, open balls to the 5th neighbour.\n"
           "Equally many rows a side: the smaller count, at most 10,000, drawn by NumPy's RandomState(2020).",
       .origin = "Stein et al. 2023; dgm-eval, metrics/prdc.py (which draws without a seed)",
       .choices = dinov2_pass({{"k", 5},
                               {"comparison", "<"},
                               {"distance", "Euclidean, in double"},
                               {"radius", "distance to the k-th nearest other row"},
                               {"rows", "min(n, m, 10000) a side, reference drawn first"},
                               {"interval",
                                "precision, density: bootstrap over generated rows; recall, coverage: halves of the "
                                "generated rows"}})},
      {.id = "vendi-dinov2",
       .description =
           "Vendi score of the generated images' DINOv2 ViT-L/14 features: how many different ones, in effect.\n"
           "exp of the entropy of the eigenvalues of K / n, K the cosine similarities; grows with n.",
       .origin = "Friedman & Dieng 2023; vendi_score 0.0.3, dgm-eval",
       .choices =
           dinov2_pass({{"kernel", "cosine"},
                        {"order", 1},
                        {"reference", "none"},
                        {"interval", "delete-a-group jackknife, 20 groups: a resample's copies are no diversity"}})},
      {.id = "authpct-dinov2",
       .description =
           "AuthPct: per cent of generated images whose nearest training image lies farther from them, in DINOv2 "
           "features,\n"
           "than from its own nearest other training image. The reference is the training set.",
       .origin = "Alaa et al. 2022; dgm-eval, metrics/authpct.py",
       .choices = dinov2_pass({{"distance", "Euclidean, in double (there: float32)"},
                               {"comparison", "<"},
                               {"ties", "smaller index"},
                               {"interval", "Wilson over generated rows, the training set held fixed"}})},
      {.id = "ct-dinov2",
       .description =
           "C_T test for data-copying in DINOv2 features: far below 0, generated images lie closer to training images "
           "(the\n"
           "reference) than held-out real ones do, far above 0 farther. z of Mann-Whitney in 3 cells of k-means.",
       .origin = "Meehan et al. 2020; dgm-eval, metrics/ct.py (whose cells have no seed)",
       .choices =
           dinov2_pass({{"cells", "k-means of training rows, 3, the tightest of 10 seeded fits"},
                        {"projection", "64 principal components of the training rows, where wider"},
                        {"counted_cells", "more than 20 generated rows; weighed by held-out rows"},
                        {"continuity", "U - (n m / 2 - 1 / 2)"},
                        {"ties", "halves; not in the variance"},
                        {"interval", "bootstrap over generated and held-out rows, cells and training rows fixed"}})},
      {.id = "cmmd",
       .description =
           "CMMD: 1000 times the squared maximum mean discrepancy of CLIP embeddings under a Gaussian kernel.\n"
           "Embeddings are given as files (public: ViT-L/14 at 336 pixels, unit length); biased estimate.",
       .origin = "Jayasumana et al. 2024; google-research cmmd, cmmd-pytorch",
       .choices = {{"features", "given embeddings"},
                   {"kernel", "exp(-|x - y|^2 / 200)"},
                   {"estimate", "biased, diagonals included"},
                   {"scale", 1000},
                   {"products", "float32 of centred rows, kernel and sums in double (there: float32)"},
                   {"interval", "bootstrap over generated rows, none paired with its own copy"}}},
      {.id = "fd-small",
       .description =
           "Fréchet distance between Gaussians fitted to features of our own small network, trained once on the "
           "training split.\n"
           "Only comparable under one feature network hash and sample count; never to be called FID.",
       .origin = "Assay",
       .choices = {{"features", "small network of the data set, named by content hash"},
                   {"moments", "double, blocks of 256 sample indices joined along a fixed binary tree"},
                   {"covariance_divisor", "n - 1"},
                   {"solver",
                    "symmetric: Cholesky and eigenvalues, or singular values where ill-conditioned or n <= d"},
                   {"offset", "none"},
                   {"interval", "bootstrap over samples, indices from Philox by seed and replicate"}}},
      {.id = "kid-seed2020",
       .description = "Kernel Inception Distance: unbiased squared maximum mean discrepancy, mean over 100 "
                      "subsets of 1,000 rows a "
                      "side.\nSubsets by NumPy's RandomState(2020), the generated rows of each drawn first, "
                      "as torch-fidelity's first "
                      "input.",
       .origin = "Bińkowski et al. 2018; torch-fidelity 0.4.0",
       .choices =
           inception_pass({{"kernel", "(x.y / d + 1)^3"},
                           {"estimate", "unbiased, diagonals left out"},
                           {"subsets", 100},
                           {"subset_size", 1000},
                           {"subset_draw", "RandomState(2020).choice without replacement, generated before reference"},
                           {"deviation_divisor", "subsets"},
                           {"products", "float32, sums in double"},
                           {"interval", "bootstrap over generated rows, and over subsets"}},
                          "pool3, 2048")},
      {.id = "prdc5",
       .description = "Precision, recall, density and coverage with open balls to the 5th nearest neighbour.\n"
                      "Distances in double, rounded to float32 before they are compared, as scikit-learn does for "
                      "float32 features.",
       .origin = "Naeem et al. 2020; prdc 0.2",
       .choices = ball_choices({{"k", 5}, {"comparison", "<"}, {"distance", "Euclidean, double rounded to float32"}})},
      {.id = "pr-tf",
       .description = "Precision and recall with closed balls to the 3rd nearest neighbour.\n"
                      "torch-fidelity's own distances carry the rounding of float32 products, which moves "
                      "single rows near a border.",
       .origin = "Kynkäänniemi et al. 2019; torch-fidelity 0.4.0",
       .choices = ball_choices({{"k", 3}, {"comparison", "<="}, {"distance", "Euclidean, double rounded to float32"}})},
      {.id = "pr-oai",
       .description =
           "Precision and recall of the OpenAI evaluator: closed balls, k = 3, squared distances in float16.\n"
           "Each step is rounded to float16, sums in double; TensorFlow's order of summation in float16 is not "
           "reproduced.",
       .origin = "Dhariwal & Nichol 2021; guided-diffusion evaluator",
       .choices = ball_choices(
           {{"k", 3},
            {"comparison", "<="},
            {"distance", "squared Euclidean, float16 at each step; float32 where a squared norm exceeds 16,000"}})},
      {.id = "is-tf10",
       .description = "Inception Score over 10 splits of the rows in NumPy's RandomState(2020) order, from "
                      "logits without bias.\n"
                      "Softmax and sums in double.",
       .origin = "Salimans et al. 2016; torch-fidelity 0.4.0",
       .choices = inception_pass({{"splits", "10, at i * n / 10"},
                                  {"order", "RandomState(2020).permutation"},
                                  {"logarithm", "of the softmax, in double"},
                                  {"deviation_divisor", "splits"},
                                  {"interval", "bootstrap over rows within each split"}},
                                 "logits without bias, 1008")},
      {.id = "is-oai5000",
       .description = "Inception Score of the OpenAI evaluator: splits of 5,000 rows in file order, a "
                      "shorter last one counted "
                      "alike.\n"
                      "In double; where its float32 probabilities underflow the evaluator gives NaN.",
       .origin = "Dhariwal & Nichol 2021; guided-diffusion evaluator",
       .choices = inception_pass({{"splits", "of 5,000 rows, the last one shorter"},
                                  {"order", "file"},
                                  {"logarithm", "of the softmax, in double"},
                                  {"interval", "bootstrap over rows within each split"}},
                                 "logits without bias, 1008")}};
  return table;
}

const Protocol& generative_facts(const std::string& id) {
  return find_named(generative_facts(), &Protocol::id, "generative protocol", id);
}

}  // namespace assay
