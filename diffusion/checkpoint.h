#pragma once
#include <ATen/core/Tensor.h>

#include <span>
#include <string>

#include "core/safetensors.h"

namespace assay {

/// A value that a training run wrote beside its tensors. Throws InputError where it is absent.
std::string checkpoint_metadata(const SafetensorsFile& file, const std::string& key);

/// Throws InputError when the file was trained with another configuration than `identity`; empty: not checked.
void check_checkpoint_identity(const SafetensorsFile& file, const std::string& identity);

/// A float vector as long as `like`, on its device. Throws InputError for another length.
at::Tensor checkpoint_vector(const SafetensorsFile& file, const std::string& name, const at::Tensor& like);

/// Adds a float vector from any device.
void add_checkpoint_vector(SafetensorsWriter& writer, const std::string& name, const at::Tensor& vector);

}  // namespace assay
