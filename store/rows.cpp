#include "store/rows.h"

#include "core/error.h"

namespace assay {

std::string name_of(RunStatus status) {
  switch (status) {
    case RunStatus::running:
      return "running";
    case RunStatus::done:
      return "done";
    case RunStatus::failed:
      return "failed";
    case RunStatus::interrupted:
      return "interrupted";
  }
  throw Error("store: unknown status");
}

std::string name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::supported:
      return "supported";
    case Verdict::contradicted:
      return "contradicted";
    case Verdict::inconclusive:
      return "inconclusive";
    case Verdict::not_run:
      return "not run";
  }
  throw Error("store: unknown verdict");
}

std::string name_of(Better better) {
  switch (better) {
    case Better::unstated:
      return "";
    case Better::lower:
      return "lower";
    case Better::higher:
      return "higher";
  }
  throw Error("store: unknown direction");
}

std::string steps_of_curve(const std::string& name) { return name + " (steps)"; }

}  // namespace assay
