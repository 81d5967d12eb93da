#include <utility>

#include "metrics/protocols/tables.h"

namespace assay {
namespace {

/// What all Fréchet distances here share.
nlohmann::json with_solver(nlohmann::json choices) {
  choices["moments"] = "double, blocks of 256 sample indices joined along a fixed binary tree";
  choices["solver"] = "symmetric: Cholesky and eigenvalues, or singular values where ill-conditioned or n <= d";
  choices["offset"] = "none";
  return choices;
}

nlohmann::json inception(nlohmann::json choices) {
  choices["features"] = "pool3, 2048";
  if (!choices.contains("covariance_divisor")) choices["covariance_divisor"] = "n - 1";
  return with_solver(std::move(choices));
}

}  // namespace

std::vector<Protocol> frechet_protocols() {
  return {
      {"fid-tf1",
       "FID as the TensorFlow graph of 2015 gives it: bytes, legacy bilinear resize (no half pixel), then the "
       "network.\n"
       "Equals torch-fidelity's, and guided-diffusion's and edm's up to their float32.",
       "Heusel et al. 2017; torch-fidelity, guided-diffusion, edm",
       inception({{"weights", "inception-2015-12-05"},
                  {"input", "uint8 RGB"},
                  {"resize", "TF1 legacy bilinear to 299"},
                  {"normalise", "(x - 128) / 128"}})},
      {"fid-torch",
       "FID of pytorch-fid: images in [0, 1], bilinear resize with half-pixel centres and without antialiasing.\n"
       "Differs from fid-tf1 in resize and in 127.5 for 128.",
       "pytorch-fid",
       inception({{"weights", "pt_inception-2015-12-05-6726825d"},
                  {"input", "uint8 RGB / 255"},
                  {"resize", "bilinear, half-pixel, no antialias, to 299"},
                  {"normalise", "2 x - 1"}})},
      {"fid-clean",
       "FID of clean-fid in mode `clean`: bicubic antialiased resize of each channel in float, clipped, not rounded.\n"
       "Meant for images of other sizes than 299, where the other resizes alias.",
       "Parmar et al. 2022; clean-fid",
       inception({{"weights", "inception-2015-12-05"},
                  {"input", "uint8 RGB"},
                  {"resize", "PIL bicubic in float to 299, clipped to [0, 255]"},
                  {"normalise", "(x - 128) / 128"}})},
      {"fid-tm18",
       "FID as torchmetrics gives it by default since 1.8: antialiased bilinear resize.\n"
       "No longer equal to torch-fidelity's for images of other sizes than 299.",
       "torchmetrics >= 1.8, antialias=True",
       inception({{"weights", "pt_inception-2015-12-05-6726825d"},
                  {"input", "uint8 RGB"},
                  {"resize", "bilinear, half-pixel, antialias, to 299"},
                  {"normalise", "(x - 128) / 128"}})},
      {"fid-sg3",
       "FID of StyleGAN3: as fid-tf1, with covariances divided by n.\n"
       "A statistics file holding mu and sigma is taken as it is, whatever it was divided by.",
       "StyleGAN3 (metric fid50k_full)",
       inception({{"weights", "inception-2015-12-05"},
                  {"input", "uint8 RGB"},
                  {"resize", "TF1 legacy bilinear to 299"},
                  {"normalise", "(x - 128) / 128"},
                  {"covariance_divisor", "n"}})},
      {"fid-infinity",
       "fid-tf1 of endless samples: a + b/n fitted to 15 random subsets of 5,000 (or half, where fewer than 10,000) to "
       "all n.\nThe value is a, or 0 where a is below; removes most of the bias by which FID favours large n.",
       "Chong & Forsyth 2020",
       inception({{"weights", "inception-2015-12-05"},
                  {"input", "uint8 RGB"},
                  {"resize", "TF1 legacy bilinear to 299"},
                  {"normalise", "(x - 128) / 128"},
                  {"subsets", "15 sizes spread evenly, each a fresh permutation from Philox by seed and size"},
                  {"fit", "least squares on 1/n"}})},
      {"sfid-oai",
       "sFID: the Fréchet distance of spatial features, the first 7 channels of Mixed_6d's 1x1 branch, 17 x 17.\n"
       "Flattened as height, width, channel, so that published mu_s and sigma_s fit.",
       "Nash et al. 2021; guided-diffusion",
       with_solver({{"weights", "inception-2015-12-05"},
                    {"features", "mixed_6/conv, 17 x 17 x 7 = 2023"},
                    {"input", "uint8 RGB"},
                    {"resize", "TF1 legacy bilinear to 299"},
                    {"normalise", "(x - 128) / 128"},
                    {"covariance_divisor", "n - 1"}})},
      {"fd-dinov2",
       "Fréchet distance of DINOv2 ViT-L/14 features (the class token, 1024 numbers).\n"
       "Follows people's judgement of images better than Inception's features do; of another scale than FID.",
       "Stein et al. 2023; dgm-eval",
       with_solver({{"weights", "dinov2_vitl14"},
                    {"features", "class token, 1024"},
                    {"resize", "bicubic, antialias, to 224"},
                    {"normalise", "ImageNet mean and deviation"},
                    {"covariance_divisor", "n - 1"}})},
  };
}

}  // namespace assay
