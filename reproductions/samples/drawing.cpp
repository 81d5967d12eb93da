#include "reproductions/samples/drawing.h"

#include "reproductions/samples/image_tensors.h"
#include "reproductions/samples/sample_noise.h"

namespace assay {

at::Tensor draw_samples(const Drawing& drawing,
                        const std::function<at::Tensor(const SamplePass&, const PassNoise&)>& sampler,
                        const std::function<void(std::int64_t)>& progress) {
  const auto drawn = [&](const SamplePass& pass) {
    const auto noise = [&](std::int64_t step) {
      return sample_noise(drawing.first + pass.begin, pass.rows, drawing.shape, drawing.seed, step).to(drawing.device);
    };
    return to_bytes(sampler(pass, noise));
  };
  return draw_in_passes(drawing.count, drawing.passes, drawn, progress);
}

}  // namespace assay
