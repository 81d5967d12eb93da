#pragma once
#include "core/error.h"

namespace assay {

/// The user asked to stop (SIGINT or SIGTERM); what is done so far is kept.
class Interrupted : public Error {
 public:
  Interrupted() : Error("interrupted") {}
};

/// From now on SIGINT and SIGTERM only raise a flag; a second of either ends the process at once.
void catch_interrupts();
bool interrupt_requested();
/// Throws Interrupted when the flag is up.
void stop_if_interrupted();

}  // namespace assay
