# Run by the build: writes FILE, which defines code_version() of bench/harness/machine.h, and leaves it alone where it is
# right.
set(version "${RELEASE}")
if(GIT AND EXISTS "${SOURCE}/.git")
  execute_process(COMMAND "${GIT}" describe --always --dirty --abbrev=12
    WORKING_DIRECTORY "${SOURCE}" OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(revision)
    string(APPEND version "+${revision}")
  endif()
endif()
file(CONFIGURE OUTPUT "${FILE}" @ONLY CONTENT [[
#include "bench/harness/machine.h"

std::string assay::code_version() { return "@version@"; }
]])
