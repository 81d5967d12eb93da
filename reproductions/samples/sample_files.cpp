#include "reproductions/samples/sample_files.h"

#include <span>

#include "core/safetensors.h"
#include "kernels/host_tensor.h"

namespace assay {
void write_samples(const std::filesystem::path& file, const at::Tensor& bytes, const at::Tensor& features,
                   const std::vector<std::int64_t>& labels) {
  SafetensorsWriter writer;
  writer.add("images", DType::u8, bytes.sizes().vec(),
             std::as_bytes(std::span(bytes.const_data_ptr<std::uint8_t>(), static_cast<std::size_t>(bytes.numel()))));
  if (features.defined())
    writer.add("features", features.sizes().vec(),
               std::span<const float>(features.const_data_ptr<float>(), static_cast<std::size_t>(features.numel())));
  if (!labels.empty())
    writer.add("labels", {static_cast<std::int64_t>(labels.size())}, std::span<const std::int64_t>(labels));
  writer.write(file);
}

at::Tensor read_sample_images(const std::filesystem::path& file) { return tensor_of(SafetensorsFile(file), "images"); }

at::Tensor read_sample_features(const std::filesystem::path& file) {
  return tensor_of(SafetensorsFile(file), "features");
}

}  // namespace assay
