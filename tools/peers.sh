#!/usr/bin/env bash
# Builds an isolated environment with the pinned peers, then runs each of them and us on the same data with the same
# threads, and prints the ratios.
#
#   tools/peers.sh [--only NAME ...] [--repetitions 5] [--threads N ...] [--store FILE] [--json FILE]
#
# The environment lies in ${ASSAY_CACHE:-${XDG_CACHE_HOME:-~/.cache}/assay}/peers-HASH, named by what is pinned.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/timing.sh

cache=${ASSAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/assay}
folder=$cache/peers-$(cat tools/peers/requirements.txt tools/libtorch-version | sha256sum | cut -c1-12)

install_peers() {
  [[ ! -e $folder/complete ]] || return 0
  echo "peers: installing $(grep -c '==' tools/peers/requirements.txt) packages into $folder"
  rm -rf "$folder"
  python3 -m venv "$folder"
  # The peers use the very LibTorch that we do.
  local torch
  torch=$(echo "$cache/libtorch-$(<tools/libtorch-version)"/lib/python3.*/site-packages)
  echo "$torch" >"$(echo "$folder"/lib/python3.*/site-packages)/libtorch.pth"
  # Without dependencies: some would bring another torch. The list names all that is needed.
  "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps -r tools/peers/requirements.txt
  touch "$folder/complete"
}

part set-up tools/setup.sh
part build tools/build.sh assay graph_cut_of_file kmeans_of_file training_step unet_forward
part install install_peers
part compare "$folder/bin/python" tools/peers/compare.py --assay build/bin/assay "$@"
print_parts
