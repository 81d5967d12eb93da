#pragma once

namespace assay {

/// What `assay doctor` is asked for.
struct DoctorCommand {
  bool json = false;
};

/// Prints what this machine has, and what is missing for which tier, as lines or as one JSON object; returns the exit
/// code 0.
int doctor_action(const DoctorCommand& options);

}  // namespace assay
