#!/usr/bin/env bash
# The C++ and CUDA sources under version control, one a line.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files --cached --others --exclude-standard -- '*.h' '*.cpp' '*.cu'
