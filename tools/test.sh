#!/usr/bin/env bash
# Set-up, build, tests of the preset $PRESET; with $LABEL only the tests that carry this label. No test found is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/timing.sh
preset=${PRESET:-release}
part set-up tools/setup.sh test
part build tools/build.sh
part test ctest --preset "$preset" -j2 ${LABEL:+-L "$LABEL"}
print_parts
