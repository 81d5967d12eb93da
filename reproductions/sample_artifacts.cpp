#include "reproductions/sample_picture.h"

#include <algorithm>
#include <utility>

#include "reproductions/samples/image_tensors.h"

namespace assay {

Artifact sample_picture(const std::string& name, const at::Tensor& bytes, const std::filesystem::path& file,
                        nlohmann::json meta) {
  const std::int64_t columns = std::min<std::int64_t>(bytes.size(0), 10),
                     rows = std::clamp<std::int64_t>(bytes.size(0) / columns, 1, 6);
  write_image_grid(bytes, rows, columns, 2, file);
  meta["rows"] = rows;
  meta["columns"] = columns;
  return {name, "image-grid", file, std::move(meta)};
}

}  // namespace assay
