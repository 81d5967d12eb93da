#!/usr/bin/env bash
# Set-up, build, one method on real images, and the report of it.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/timing.sh
assay=build/bin/assay
dataset=emoji
network=emoji16  # reproductions/self_guided/pretrained/

PRESET=release
export PRESET
part set-up tools/setup.sh
part build tools/build.sh assay
# The network that comes with the program samples what it has learned. It asks for the very images that it saw.
shipped=(--tier long --dataset emoji --set "pretrained=$network")
if ! "$assay" dataset info emoji >/dev/null 2>&1; then
  dataset=shapes
  missing="no colour emoji here (Debian packages fonts-noto-color-emoji and unicode-data), using the dataset 'shapes'"
else
  missing=$("$assay" run self_guided "${shipped[@]}" --dry-run | sed -n 's/^ *missing: //p')
fi
if [[ -z $missing ]]; then
  budget=("${shipped[@]}" --seeds 5 --set fd_small.steps=700 --set loss_timesteps=2 --set sample.count=300)
else
  echo "demo: $missing"
  echo "demo: training a network for a minute, whose samples are blobs still"
  budget=(--tier mini --dataset "$dataset" --seeds 2 --set 'parts=["guidance"]' --set train.steps=1000 --set encoder.steps=500
    --set loss_timesteps=4 --set sample.count=400)
fi
run=("$assay" run self_guided "${budget[@]}" --store demo/assay.db)
report=("$assay" report --store demo/assay.db --out demo/report)

mkdir -p demo
echo "demo: ${run[*]}"
part run "${run[@]}"
echo "demo: ${report[*]}"
part report "${report[@]}"
print_parts
page=$(find "$PWD/demo/report" -maxdepth 1 -name '*.html' | sort | head -n 1)
echo "The report: $page"
echo "Open it:    file://${page// /%20}"
