#!/usr/bin/env bash
# Set-up, build, one method on real images, and the report of it.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/timing.sh
assay=build/bin/assay
dataset=emoji

PRESET=release
export PRESET
part set-up tools/setup.sh
part build tools/build.sh assay
if ! "$assay" dataset info emoji >/dev/null 2>&1; then
  dataset=shapes
  echo "demo: no colour emoji here (Debian packages fonts-noto-color-emoji and unicode-data), using the dataset 'shapes'"
fi
# A part of the mini tier's budget, so that two cores need less than 12 minutes.
run=("$assay" run self_guided --tier mini --dataset "$dataset" --seeds 2 --set 'parts=["guidance"]' --set train.steps=1000 --set encoder.steps=500
  --set loss_timesteps=4 --set sample.count=400 --store demo/assay.db)
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
