#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace assay {

/// The steps kept of a process of `steps` steps, ascending (guided-diffusion respace.py, space_timesteps).
///   ""          all of them
///   "ddim25"    0, s, 2s, ... with the smallest integer stride s that gives exactly 25
///   "250"       250 spread evenly from the first to the last, rounded half to even
///   "10,15,20"  the process cut into three sections of equal length (earlier ones take the rest), so many of each
/// Throws InputError for another form, for more steps than there are, and where no stride gives the count. "ddim1",
/// which the official code refuses, keeps step 0.
std::vector<std::int64_t> space_timesteps(std::int64_t steps, const std::string& respacing);

}  // namespace assay
