#include "reproductions/sample_artifacts.h"

#include <algorithm>
#include <utility>

#include "reproductions/samples/image_tensors.h"
#include "reproductions/samples/sample_files.h"

namespace assay {

Artifact stored_samples(const std::string& name, const std::filesystem::path& file, const at::Tensor& bytes,
                        const at::Tensor& features, nlohmann::json meta, const std::vector<std::int64_t>& labels) {
  write_samples(file, bytes, features, labels);
  return {.name = "samples " + name, .kind = "samples", .file = file, .meta = std::move(meta)};
}

Artifact sample_picture(const std::string& name, const at::Tensor& bytes, const std::filesystem::path& file,
                        nlohmann::json meta, std::int64_t most) {
  const std::int64_t columns = std::min(bytes.size(0), most),
                     rows = std::clamp<std::int64_t>(bytes.size(0) / columns, 1, 6);
  write_image_grid(bytes, rows, columns, 2, file);
  meta["rows"] = rows;
  meta["columns"] = columns;
  return {.name = name, .kind = "image-grid", .file = file, .meta = std::move(meta)};
}

}  // namespace assay
