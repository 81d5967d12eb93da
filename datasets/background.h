#pragma once
#include <string>
#include <vector>

#include "core/philox.h"
#include "images/image.h"

namespace assay {

/// What stands behind the objects of a made data set.
///   white: 255 everywhere; draws no random number.
///   solid: one muted colour.
///   texture: a gradient between two muted colours at a random angle, with smooth and fine brightness noise.
/// Muted: the largest channel is at most background_chroma above the smallest, in every pixel.
enum class Background { white, solid, texture };

inline constexpr int background_chroma = 40;

const std::vector<std::string>& background_names();

/// Throws InputError with the known names; `where` is the place of the setting in the message.
Background parse_background(const std::string& name, const std::string& where);

/// A square RGB image of `size` pixels.
Image make_background(Background kind, int size, RandomStream& random);

}  // namespace assay
