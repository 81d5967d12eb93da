#pragma once
#include <deque>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/safetensors.h"
#include "diffusion/networks/parameters.h"

namespace assay {

/// The tensors of a part of a file, each beside the parameter that it is for, and what does not fit.
struct StateMatch {
  /// Keys under `part.in_file` against parameters under `part.of_names`. A tensor of another type than the `fitting`
  /// ones does not fit. A parameter's older name is taken where the file lacks its name.
  StateMatch(const std::deque<Parameter>& parameters, const SafetensorsFile& file, const StatePart& part,
             const std::set<DType>& fitting);

  std::vector<std::pair<const Parameter*, const TensorView*>> pairs;  // of what fits, in the parameters' order
  /// In one line: counts and the first ten wrong keys, of all kinds in turn: of another shape or type, missing,
  /// unknown. Empty when all fits.
  std::string fault;
  std::set<DType> types;  // that fit
};

/// Throws InputError with the fault and what can be done, unless there is none.
void require_match(const StateMatch& match, const SafetensorsFile& file);

/// What types the matched tensors have where they have several: "F16 (684 tensors, the first NAME) and F32 (1 tensor,
/// NAME)". Empty where they have one.
std::string mixed_types(const StateMatch& match);

}  // namespace assay
