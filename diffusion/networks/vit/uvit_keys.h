#pragma once
#include "core/names.h"
#include "core/safetensors.h"
#include "diffusion/networks/vit/mask_uvit.h"

namespace assay {

/// What happens to the 3x3 convolution that U-ViT may end in (final_layer) and MaskDM's network does not have. Dropping
/// it changes what the network computes, so it is refused unless a caller asks for it.
enum class FinalLayer { refuse, drop };
inline constexpr Names<FinalLayer> final_layer_names = {{"refuse", FinalLayer::refuse}, {"drop", FinalLayer::drop}};

/// Whether a file holds U-ViT's keys rather than MaskDM's.
bool has_uvit_keys(const SafetensorsFile& file);

/// U-ViT's tensors under the keys of MaskDM's network (models/mask_uvit.py): `encoder.` before the trunk's,
/// pos_embed as encoder.encoder_pos_embed, decoder_pred as encoder_to_output, qkv.bias as q_bias and v_bias; the last
/// row of label_emb, U-ViT's null class, as uncond_embed. Throws InputError for a final layer that is not to be
/// dropped, for a key bias other than 0, which MaskDM's attention lacks, and for tensors that cannot be split so.
SafetensorsWriter mask_uvit_tensors(const SafetensorsFile& uvit, FinalLayer final_layer = FinalLayer::refuse);

/// Loads a checkpoint with the keys of either network, strictly; U-ViT's goes through a temporary file. Throws
/// InputError as Parameters::load() and mask_uvit_tensors(); a final layer among MaskDM's keys is refused, or dropped,
/// as U-ViT's.
void load_mask_uvit(MaskUVit& network, const SafetensorsFile& file, FinalLayer final_layer = FinalLayer::refuse);

}  // namespace assay
