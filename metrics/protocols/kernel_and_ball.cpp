#include <utility>

#include "metrics/protocols/tables.h"

namespace assay {
namespace {

/// The images and network behind the features, where no feature file stands in for them.
nlohmann::json inception(nlohmann::json choices, const char* layer) {
  choices["features"] = layer;
  choices["weights"] = "inception-2015-12-05";
  choices["input"] = "uint8 RGB";
  choices["resize"] = "TF1 legacy bilinear to 299";
  choices["normalise"] = "(x - 128) / 128";
  return choices;
}

nlohmann::json balls(nlohmann::json choices) {
  choices["radius"] = "distance to the k-th nearest other row";
  choices["ties"] = "smaller index";
  choices["interval"] =
      "precision, density: bootstrap over generated rows; recall, coverage: halves of the generated rows";
  return inception(std::move(choices), "pool3, 2048");
}

}  // namespace

std::vector<Protocol> kernel_and_ball_protocols() {
  return {
      {"kid-seed2020",
       "Kernel Inception Distance: unbiased squared maximum mean discrepancy, mean over 100 subsets of 1,000 rows a "
       "side.\nSubsets by NumPy's RandomState(2020), the generated rows of each drawn first, as torch-fidelity's first "
       "input.",
       "Bińkowski et al. 2018; torch-fidelity 0.4.0",
       inception({{"kernel", "(x.y / d + 1)^3"},
                  {"estimate", "unbiased, diagonals left out"},
                  {"subsets", 100},
                  {"subset_size", 1000},
                  {"subset_draw", "RandomState(2020).choice without replacement, generated before reference"},
                  {"deviation_divisor", "subsets"},
                  {"products", "float32, sums in double"},
                  {"interval", "bootstrap over generated rows, and over subsets"}},
                 "pool3, 2048")},
      {"prdc5",
       "Precision, recall, density and coverage with open balls to the 5th nearest neighbour.\n"
       "Distances in double, rounded to float32 before they are compared, as scikit-learn does for float32 features.",
       "Naeem et al. 2020; prdc 0.2",
       balls({{"k", 5}, {"comparison", "<"}, {"distance", "Euclidean, double rounded to float32"}})},
      {"pr-tf",
       "Precision and recall with closed balls to the 3rd nearest neighbour.\n"
       "torch-fidelity's own distances carry the rounding of float32 products, which moves single rows near a border.",
       "Kynkäänniemi et al. 2019; torch-fidelity 0.4.0",
       balls({{"k", 3}, {"comparison", "<="}, {"distance", "Euclidean, double rounded to float32"}})},
      {"pr-oai",
       "Precision and recall of the OpenAI evaluator: closed balls, k = 3, squared distances in float16.\n"
       "Each step is rounded to float16, sums in double; TensorFlow's order of summation in float16 is not reproduced.",
       "Dhariwal & Nichol 2021; guided-diffusion evaluator",
       balls({{"k", 3},
              {"comparison", "<="},
              {"distance", "squared Euclidean, float16 at each step; float32 where a squared norm exceeds 16,000"}})},
      {"is-tf10",
       "Inception Score over 10 splits of the rows in NumPy's RandomState(2020) order, from logits without bias.\n"
       "Softmax and sums in double.",
       "Salimans et al. 2016; torch-fidelity 0.4.0",
       inception({{"splits", "10, at i * n / 10"},
                  {"order", "RandomState(2020).permutation"},
                  {"logarithm", "of the softmax, in double"},
                  {"deviation_divisor", "splits"},
                  {"interval", "bootstrap over rows within each split"}},
                 "logits without bias, 1008")},
      {"is-oai5000",
       "Inception Score of the OpenAI evaluator: splits of 5,000 rows in file order, a shorter last one counted "
       "alike.\n"
       "In double; where its float32 probabilities underflow the evaluator gives NaN.",
       "Dhariwal & Nichol 2021; guided-diffusion evaluator",
       inception({{"splits", "of 5,000 rows, the last one shorter"},
                  {"order", "file"},
                  {"logarithm", "of the softmax, in double"},
                  {"interval", "bootstrap over rows within each split"}},
                 "logits without bias, 1008")},
  };
}

}  // namespace assay
