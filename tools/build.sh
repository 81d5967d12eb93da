#!/usr/bin/env bash
# Configures and builds the preset $PRESET (default: release).
#
#   tools/build.sh [TARGET... | --configure-only]    only these targets, or none
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${PRESET:-release}
export CCACHE_BASEDIR=$PWD  # a second clone, in another folder, finds what the first one compiled

# A file that includes LibTorch's headers takes up to 2 GB to compile.
jobs=${JOBS:-}
if [[ -z $jobs ]]; then
  jobs=$(nproc)
  by_memory=$(awk '/^MemAvailable/ { print int($2 / 2097152) }' /proc/meminfo)
  ((by_memory >= jobs)) || jobs=$((by_memory > 0 ? by_memory : 1))
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086  # CMAKE_ARGS holds several arguments
if ! cmake --preset "$preset" ${CMAKE_ARGS:-} >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
[[ ${1:-} != --configure-only ]] || exit 0
grep -E '^-- (CUDA: |Found LibTorch|Image formats: )' "$log" || true
cmake --build --preset "$preset" -j "$jobs" ${1:+--target "$@"}
