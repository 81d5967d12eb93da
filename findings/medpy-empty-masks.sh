#!/usr/bin/env bash
# medpy 0.5.2: overlap of an empty mask with an empty mask.
#
# Guess: Dice and Jaccard, which are functions of each other, agree: both 1 or both undefined.
# Seen: Jaccard is 1, Dice is NaN with a warning; a mean over images then depends on which of the two is reported.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.4 scipy==1.17.1 medpy==0.5.2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
from medpy.metric import binary

warnings.simplefilter("ignore", RuntimeWarning)
empty = np.zeros((4, 4), bool)
jaccard, dice = float(binary.jc(empty, empty)), float(binary.dc(empty, empty))
print("both empty: Jaccard", jaccard, "Dice", dice)
assert jaccard == 1.0 and np.isnan(dice)
PYTHON
