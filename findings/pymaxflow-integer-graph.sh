#!/usr/bin/env bash
# PyMaxflow 1.3.2: an array of fractions as the capacities of an integer graph.
#
# Guess: GraphInt refuses an array of doubles, as NumPy refuses to cast one to integers unasked.
# Seen: fractions are cut off without a word, so that probabilities below 1 are no costs at all: 0.9 everywhere gives a
# flow of 0, and 1.9 one of 1. Assay scales fractions by a power of two before it rounds them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.4 PyMaxflow==1.3.2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import maxflow
import numpy as np


def flow(graph, capacity):
    ids = graph.add_nodes(2)
    graph.add_grid_tedges(ids, np.array([capacity, 0.0]), np.array([0.0, capacity]))
    graph.add_edges(ids[:1], ids[1:], np.array([capacity]), np.array([capacity]))
    return graph.maxflow()


for capacity, whole in ((0.9, 0), (1.9, 1)):
    seen = flow(maxflow.GraphInt(), capacity), flow(maxflow.GraphFloat(), capacity)
    print(f"{capacity} everywhere: GraphInt {seen[0]}, GraphFloat {seen[1]}")
    assert seen == (whole, capacity)
PYTHON
