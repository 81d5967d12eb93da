"""Writes further.json of tests/metrics/masks/further_measures_test.cpp: python3 make_further.py

With py_sod_metrics 1.6.2, NumPy 2.3.4, SciPy 1.17, scikit-image 0.25.2, opencv-python-headless 4.14: what PySODMetrics'
FmeasureV2 (all handlers), MSIoU, human correction effort and context-measure give for the pixels of each case. `null`
where the program stops or computes with rounding. `set` is FmeasureV2 with sample_based=False over all cases.
"""
import json
import warnings

import numpy as np
import py_sod_metrics as sod
from py_sod_metrics.context_measure import ContextMeasure
from py_sod_metrics.multiscale_iou import MSIoU
from scipy.ndimage import gaussian_filter

warnings.simplefilter("ignore")
rng = np.random.default_rng(2026)
HANDLERS = {"iou": sod.IOUHandler, "specificity": sod.SpecificityHandler, "dice": sod.DICEHandler,
            "accuracy": sod.OverallAccuracyHandler, "kappa": sod.KappaHandler, "precision": sod.PrecisionHandler,
            "recall": sod.RecallHandler, "fpr": sod.FPRHandler, "ber": sod.BERHandler, "f": sod.FmeasureHandler}


def blob(height, width, share):
    field = gaussian_filter(rng.normal(size=(height, width)), 2)
    return ((field > np.quantile(field, 1 - share)) * 255).astype(np.uint8)


def soft(mask):
    return np.clip(mask * 0.5 + rng.normal(60, 45, mask.shape), 0, 255).astype(np.uint8)


def scores(prediction, truth):
    counts = sod.FmeasureV2({name: handler(True, True, with_binary=True) for name, handler in HANDLERS.items()})
    edges, effort, context = MSIoU(True, True, with_binary=True), sod.HumanCorrectionEffortMeasure(), ContextMeasure()
    out = {}
    for metric in (counts, edges, effort):
        metric.step(prediction, truth)
    for name, found in {**counts.get_results(), "msiou": edges.get_results()}.items():
        best = min if name in ("fpr", "ber") else max
        out[f"{best.__name__}_{name}"] = best(found["dynamic"])
        out[f"mean_{name}"] = found["dynamic"].mean()
        out[f"adaptive_{name}"], out[f"binary_{name}"] = found["adaptive"], found["binary"]
    out["hce"] = effort.get_results()["hce"]
    try:
        context.step(prediction, truth)
        out["context_measure"] = context.get_results()["cm"]
    except np.linalg.LinAlgError:
        out["context_measure"] = None
    return out


empty = np.zeros((9, 13), np.uint8)
full, pixel, row, column, slanted = empty + 255, empty.copy(), empty.copy(), empty.copy(), empty.copy()
pixel[4, 6] = row[3, 2:9] = column[1:7, 5] = 255
slanted[2, 2] = slanted[3, 3] = 255
noise = rng.integers(0, 256, empty.shape).astype(np.uint8)
objects = [blob(40, 27, 0.4), blob(21, 33, 0.2), blob(30, 30, 0.6)]
texture = ((rng.random((48, 64)) < 0.5) * 255).astype(np.uint8)
cases = {"soft_0": (soft(objects[0]), objects[0]), "soft_1": (soft(objects[1]), objects[1]),
         "soft_2": (soft(objects[2]), objects[2]), "other_mask": (blob(40, 27, 0.5), objects[0]),
         "wrong_mask": (blob(30, 30, 0.5), objects[2]), "missed": (np.zeros_like(objects[0]), objects[0]),
         "perfect": (objects[1], objects[1]), "inverted": (255 - objects[1], objects[1]),
         "texture": (texture, texture), "noise_empty": (noise, empty), "noise_full": (noise, full),
         "both_empty": (empty, empty), "both_full": (full, full), "none_found": (empty, full), "all_found": (full, empty),
         "pixel": (noise, pixel), "pixel_found": (pixel, pixel), "row": (noise, row), "column": (noise, column),
         "slanted": (noise, slanted), "one_pixel_on": (np.uint8([[77]]), np.uint8([[255]])),
         "one_pixel_off": (np.uint8([[77]]), np.uint8([[0]])), "one_row": (noise[:1], row[3:4])}
pooled = sod.FmeasureV2({name: handler(False, False, with_binary=True, sample_based=False)
                         for name, handler in HANDLERS.items()})
out = []
for name, (prediction, truth) in cases.items():
    pooled.step(prediction, truth)
    out.append({"name": name, "height": truth.shape[0], "width": truth.shape[1],
                "prediction": prediction.ravel().tolist(), "truth": truth.ravel().tolist(),
                "expected": {key: None if value is None else float(value)
                             for key, value in scores(prediction, truth).items()}})
set_scores = {f"set_{name}": float(found["binary"]) for name, found in pooled.get_results().items()}
with open("further.json", "w") as file:
    file.write('{"set":' + json.dumps(set_scores) + ',\n"cases":[\n')
    file.write(",\n".join(json.dumps(case, separators=(",", ":")) for case in out) + "\n]}\n")
