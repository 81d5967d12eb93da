#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "diffusion/denoiser.h"
#include "diffusion/networks/adm/adm_configurations.h"
#include "reproductions/plan.h"

/// Networks whose weights others have published or trained, by the names of
/// diffusion/networks/adm/adm_configurations.h.
namespace assay {

struct PublishedNetwork {
  AdmConfiguration configuration;  // with the overrides in it
  NeededFile file;
  std::string prefix;  // of its keys in the checkpoint
};

/// Reads {"configuration", "override", "file", "prefix", "official", "from", "sha256"}: a name of adm_configurations(),
/// official flags that replace some of its own, and the converted checkpoint, relative to `folder`. Throws InputError.
PublishedNetwork read_published_network(const nlohmann::json& object, const std::string& where,
                                        const std::filesystem::path& folder);

/// The official flags of a configuration, by their names.
nlohmann::json flags_of(const AdmConfiguration& configuration);
/// Pixels of a side, and the classes that the network tells apart or is told; 0 for none.
std::int64_t image_size(const AdmConfiguration& configuration);
std::int64_t class_count(const AdmConfiguration& configuration);
PlannedNetwork planned_network(const std::string& role, const PublishedNetwork& network);

/// Throws InputError where the checkpoint is not this network's (as load_official), or comes from another official file
/// than the known hash says. Reads the file, allocates no weight.
void check_checkpoint(const PublishedNetwork& network);

/// Whether a network works in float16: where its flags say so and the device is a GPU. CPUs without float16 arithmetic
/// take a hundred times as long for such a convolution, so there it works in float32.
bool runs_in_half(const AdmConfiguration& configuration, at::Device device);

/// The network with its checkpoint on `device`, in the precision of runs_in_half(). Throws InputError as load_official,
/// and where the configuration is of another kind.
std::unique_ptr<Denoiser> load_denoiser(const PublishedNetwork& network, at::Device device);
std::unique_ptr<EncoderUNet> load_classifier(const PublishedNetwork& network, at::Device device);

}  // namespace assay
