#pragma once
#include <ATen/core/Tensor.h>

#include <functional>

#include "reproductions/fd_small.h"

namespace assay {

/// Stage "real": fd-small of the held-out images [N, 3, H, W], the floor that no arm should be expected to pass by
/// much, then what `more` adds from their features, then the problems of the data set as notes.
void record_real_images(Run& run, const FdSmall& fd, const at::Tensor& held_out,
                        const std::function<void(const at::Tensor& features, StageOutput& out)>& more);

/// The picture of real images [N, 3, H, W] uint8 that stands beside those of the arms.
Artifact real_picture(const Run& run, const at::Tensor& bytes, const std::string& file_name);

}  // namespace assay
