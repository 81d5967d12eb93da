#include "diffusion/prediction.h"

#include <ATen/TensorOperators.h>

#include "core/error.h"

namespace assay {

Predicted split(Prediction prediction, const at::Tensor& output, const at::Tensor& x, double root, double rest) {
  switch (prediction) {
    case Prediction::epsilon:
      return {(x - rest * output) / root, output};
    case Prediction::sample:
      return {output, (x - root * output) / rest};
    case Prediction::v_prediction:
      return {root * x - rest * output, root * output + rest * x};
  }
  throw Error("unreachable");
}

at::Tensor prediction_target(Prediction prediction, const at::Tensor& x0, const at::Tensor& eps, const at::Tensor& root,
                             const at::Tensor& rest) {
  switch (prediction) {
    case Prediction::epsilon:
      return eps;
    case Prediction::sample:
      return x0;
    case Prediction::v_prediction:
      return root * eps - rest * x0;
  }
  throw Error("unreachable");
}

}  // namespace assay
