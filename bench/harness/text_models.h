#pragma once
#include <c10/core/Device.h>

#include <filesystem>
#include <string>

namespace assay {

/// Whether a text asks for the text model of a tier, METHOD:TIER or METHOD:TIER:DATASET ("class_tokens:mini"), and is
/// no path.
bool names_text_model(const std::string& name);

/// The checkpoint of the text model that this tier of a method trains, with the tier's own settings, in the cache
/// beside a store; one trained on `device` before one of another. Trains nothing, but opens the data set. Throws
/// InputError for an unknown name, a tier without a text model, what the machine lacks for its data set, and for a
/// model that is not there, with the command that trains it.
std::filesystem::path text_model_of_tier(const std::string& name, const std::filesystem::path& store,
                                         at::Device device);

}  // namespace assay
