#!/usr/bin/env bash
# Set-up, then every check that needs no running program.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/timing.sh
part set-up tools/setup.sh lint
part files tools/check_files.sh
part layers tools/check_layers.py
part readmes tools/check_readmes.py
part types tools/check_types.py
part format bash -c 'tools/sources.sh | xargs -r -d "\n" clang-format-14 --dry-run -Werror'
# clang-tidy needs the compile commands and the sources that CMake writes, not the objects.
part cmake tools/build.sh --configure-only
part tidy tools/tidy.py build
tools/build_times.py --slowest 10 build || true
print_parts
