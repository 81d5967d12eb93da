"""What is compared: the data, the peers' functions, our command, how closely the values must agree."""
import contextlib
import io
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import numpy as np


@dataclass
class Case:
    name: str
    shape: str
    prepare: Callable[[Path], None]
    peers: dict[str, Callable[[Path], tuple[dict, float]]]
    command: Callable[[Path, int], list]
    tolerance: dict[str, float]
    goal: dict[str, float] = field(default_factory=dict)
    relative: bool = True
    read: Callable[[Path], dict] | None = None  # our values, where they lie in a file and not in the answer
    program: str = ""  # of the build folder, in place of `assay --json`


def timed(function, clock=time.perf_counter):
    """Its value and its seconds, with what it prints thrown away."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        begin = clock()
        value = function()
        return value, clock() - begin


def write_safetensors(file, tensors):
    """The format is a length, a JSON header and the raw arrays."""
    names = {np.dtype("float32"): "F32", np.dtype("float64"): "F64", np.dtype("int64"): "I64"}
    header, offset = {}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(file, "wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for array in tensors.values():
            out.write(np.ascontiguousarray(array).tobytes())


def features(n, d, seed, shift=0.0):
    """Like pooled activations: not negative, correlated, with a decaying spectrum."""
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(1).standard_normal((d, d)) * (np.arange(1, d + 1) ** -0.7)[:, None]
    return np.maximum(random.standard_normal((n, d)) @ mixing / np.sqrt(d) * 4 + 0.3 + shift, 0).astype(np.float32)


def two_feature_files(n, d, **extra):
    def prepare(folder):
        for name, seed, shift in (("reference", 10, 0.0), ("generated", 11, 0.02)):
            values = features(n, d, seed, shift)
            np.save(folder / f"{name}.npy", values)
            tensors = {"features": values}
            if "classes" in extra:
                random = np.random.default_rng(seed + 100)
                logits = (random.standard_normal((n, extra["classes"])) * 2).astype(np.float32)
                np.save(folder / f"{name}-logits.npy", logits)
                tensors["logits"] = logits
            write_safetensors(folder / f"{name}.safetensors", tensors)

    return prepare


def loaded(folder):
    return np.load(folder / "reference.npy"), np.load(folder / "generated.npy")


def generative(protocol):
    return lambda folder, threads: ["metric", "generative", "--reference", folder / "reference.safetensors",
                                    "--generated", folder / "generated.safetensors", "--protocol", protocol,
                                    "--bootstrap", 0]


def as_text(command):
    return lambda folder, threads: [str(word) for word in command(folder, threads)]


# Fréchet distance from statistics.
def statistics_files(n, d):
    def prepare(folder):
        for name, seed, shift in (("reference", 10, 0.0), ("generated", 11, 0.02)):
            values = features(n, d, seed, shift).astype(np.float64)
            np.savez(folder / f"{name}.npz", mu=values.mean(0), sigma=np.cov(values, rowvar=False))

    return prepare


def pytorch_fid_statistics(folder):
    from pytorch_fid.fid_score import calculate_frechet_distance
    a, b = np.load(folder / "reference.npz"), np.load(folder / "generated.npz")
    arrays = a["mu"], a["sigma"], b["mu"], b["sigma"]
    value, seconds = timed(lambda: calculate_frechet_distance(*arrays))
    return {"fid": float(value)}, seconds


def torch_fidelity_statistics(folder):
    from torch_fidelity.metric_fid import fid_statistics_to_metric
    a, b = ({"mu": s["mu"], "sigma": s["sigma"]} for s in
            (np.load(folder / "reference.npz"), np.load(folder / "generated.npz")))
    value, seconds = timed(lambda: fid_statistics_to_metric(a, b, False))
    return {"fid": float(next(iter(value.values())))}, seconds


def torch_fidelity_features(folder):
    import torch
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    a, b = (torch.from_numpy(x) for x in loaded(folder))
    value, seconds = timed(lambda: fid_statistics_to_metric(fid_features_to_statistics(a), fid_features_to_statistics(b),
                                                            False))
    return {"fid": float(next(iter(value.values())))}, seconds


def torch_fidelity_kid(folder):
    import torch
    from torch_fidelity.metric_kid import kid_features_to_metric
    a, b = (torch.from_numpy(x) for x in loaded(folder))
    # Its command takes the generated set first, and draws from it first.
    value, seconds = timed(lambda: kid_features_to_metric(b, a, kid_subsets=100, kid_subset_size=1000, rng_seed=2020,
                                                          verbose=False))
    return {"kid_mean": float(value["kernel_inception_distance_mean"]),
            "kid_std": float(value["kernel_inception_distance_std"])}, seconds


def torch_fidelity_is(folder):
    import torch
    from torch_fidelity.metric_isc import isc_features_to_metric
    logits = torch.from_numpy(np.load(folder / "generated-logits.npy"))
    value, seconds = timed(lambda: isc_features_to_metric(logits))
    return {"is_mean": float(value["inception_score_mean"]), "is_std": float(value["inception_score_std"])}, seconds


def prdc_package(folder):
    from prdc import compute_prdc
    a, b = loaded(folder)
    value, seconds = timed(lambda: compute_prdc(a, b, nearest_k=5))
    return {name: float(v) for name, v in value.items()}, seconds


# Saliency maps.
def masks(count, width, height):
    def prepare(folder):
        from PIL import Image
        from scipy.ndimage import gaussian_filter
        random = np.random.default_rng(5)
        for part in ("truth", "prediction"):
            (folder / part).mkdir()
        y, x = np.mgrid[:height, :width]
        for i in range(count):
            cx, cy, rx, ry = random.uniform([0.3 * width, 0.3 * height, 0.1 * width, 0.1 * height],
                                            [0.7 * width, 0.7 * height, 0.3 * width, 0.3 * height])
            truth = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1
            soft = gaussian_filter(truth.astype(float), 9) + 0.15 * gaussian_filter(random.standard_normal(truth.shape), 4) * 8
            Image.fromarray((truth * 255).astype(np.uint8)).save(folder / "truth" / f"{i:04}.png")
            Image.fromarray((np.clip(soft, 0, 1) * 255).astype(np.uint8)).save(folder / "prediction" / f"{i:04}.png")

    return prepare


def pysod(folder):
    import py_sod_metrics as sod
    from PIL import Image

    def all_measures():
        measures = sod.MAE(), sod.Smeasure(), sod.WeightedFmeasure(), sod.Fmeasure(), sod.Emeasure()
        for truth in sorted((folder / "truth").iterdir()):
            mask = np.array(Image.open(truth))
            prediction = np.array(Image.open(folder / "prediction" / truth.name))
            for measure in measures:
                measure.step(pred=prediction, gt=mask)
        mae, s, wf, f, e = (measure.get_results() for measure in measures)
        return {"mae": mae["mae"], "s_measure": s["sm"], "weighted_f": wf["wfm"],
                "adaptive_f": f["fm"]["adp"], "mean_f": f["fm"]["curve"].mean(), "max_f": f["fm"]["curve"].max(),
                "adaptive_e": e["em"]["adp"], "mean_e": e["em"]["curve"].mean(), "max_e": e["em"]["curve"].max()}

    value, seconds = timed(all_measures)
    return {name: float(v) for name, v in value.items()}, seconds


# Features of images.
def inception_input(count, side):
    def prepare(folder):
        from PIL import Image
        from scipy.ndimage import gaussian_filter
        random = np.random.default_rng(6)
        (folder / "images").mkdir()
        for i in range(count):
            smooth = gaussian_filter(random.standard_normal((side, side, 3)), (3, 3, 0)) * 300 + 128
            Image.fromarray(np.clip(smooth, 0, 255).astype(np.uint8)).save(folder / "images" / f"{i:04}.png")
        maker = Path(__file__).parents[2] / "tests/data/features/random_weights.py"
        subprocess.run([sys.executable, maker, "inception", folder / "weights.safetensors", folder / "weights.pth"],
                       check=True)

    return prepare


BATCH = 16


def batches(folder):
    import torch
    from PIL import Image
    files = sorted((folder / "images").iterdir())
    for first in range(0, len(files), BATCH):
        arrays = [np.array(Image.open(file).convert("RGB")) for file in files[first:first + BATCH]]
        yield torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)


def some_of(features):
    """Values at fixed places, as many as tell two matrices apart."""
    places = np.random.default_rng(8).integers(0, features.size, 256)
    return {f"feature_{place}": float(features.flat[place]) for place in places}


def inception_features(folder, network, convert):
    import torch

    def all_features():
        with torch.no_grad():
            return torch.cat([network(convert(batch))[0].flatten(1) for batch in batches(folder)]).numpy()

    features, seconds = timed(all_features)
    return some_of(features), seconds


def torch_fidelity_inception(folder):
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"],
                                          feature_extractor_weights_path=str(folder / "weights.pth")).eval()
    return inception_features(folder, network, lambda batch: batch)


def pytorch_fid_inception(folder):
    import pytorch_fid.inception
    import torch
    state = torch.load(folder / "weights.pth")
    pytorch_fid.inception.load_state_dict_from_url = lambda *_, **__: state
    network = pytorch_fid.inception.InceptionV3([3]).eval()
    return inception_features(folder, network, lambda batch: batch / 255)


def features_command(protocol):
    return lambda folder, threads: ["metric", "features", "--input", folder / "images", "--weights",
                                    folder / "weights.safetensors", "--protocol", protocol, "--batch", BATCH, "--out",
                                    folder / "features.safetensors"]


def our_features(folder):
    data = (folder / "features.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    begin, end = json.loads(data[8:8 + size])["features"]["data_offsets"]
    return some_of(np.frombuffer(data[8 + size + begin:8 + size + end], np.float32))


# Labels.
def labels(n, classes, clusters):
    def prepare(folder):
        random = np.random.default_rng(7)
        truth = random.integers(0, classes, n)
        prediction = np.where(random.random(n) < 0.6, truth * (clusters // classes), random.integers(0, clusters, n))
        for name, values in (("truth", truth), ("prediction", prediction)):
            np.savetxt(folder / f"{name}.txt", values, fmt="%d")
            np.save(folder / f"{name}.npy", values)

    return prepare


def sklearn_scores(folder):
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
    truth, prediction = np.load(folder / "truth.npy"), np.load(folder / "prediction.npy")
    value, seconds = timed(lambda: {"nmi": normalized_mutual_info_score(truth, prediction),
                                    "ari": adjusted_rand_score(truth, prediction)})
    return {name: float(v) for name, v in value.items()}, seconds


# k-means: the same start and as many iterations, so that the same inertia is reached.
CENTROIDS, ITERATIONS = 100, 25


def clustered_features(n, d):
    def prepare(folder):
        random = np.random.default_rng(3)  # heaps that overlap, so that no run is done early
        centres = random.standard_normal((CENTROIDS, d)) * 0.3
        values = (centres[random.integers(0, CENTROIDS, n)] + random.standard_normal((n, d))).astype(np.float32)
        start = values[random.choice(n, CENTROIDS, replace=False)]
        np.savez(folder / "features.npz", features=values, centroids=start)
        write_safetensors(folder / "features.safetensors", {"features": values, "centroids": start})

    return prepare


def inertia(values, centroids, nearest):
    return {"inertia": float(((values.astype(np.float64) - centroids.astype(np.float64)[nearest]) ** 2).sum())}


def faiss_kmeans(folder):
    import faiss
    arrays = np.load(folder / "features.npz")
    values, start = arrays["features"], arrays["centroids"]

    def fit():
        means = faiss.Kmeans(values.shape[1], len(start), niter=ITERATIONS, max_points_per_centroid=len(values))
        means.train(values, init_centroids=start)
        return means.centroids, means.index.search(values, 1)[1][:, 0]

    (centroids, nearest), seconds = timed(fit)
    return inertia(values, centroids, nearest), seconds


def sklearn_kmeans(folder):
    from sklearn.cluster import KMeans
    arrays = np.load(folder / "features.npz")
    values, start = arrays["features"], arrays["centroids"]
    fitted, seconds = timed(lambda: KMeans(len(start), init=start, n_init=1, max_iter=ITERATIONS, tol=0,
                                           algorithm="lloyd").fit(values))
    return inertia(values, fitted.cluster_centers_, fitted.labels_), seconds


# Graph cuts: energies like those of attention maps, and harder ones.
def grid_edges(side):
    """Neighbours of a side x side grid, diagonals included."""
    place = np.arange(side * side).reshape(side, side)
    pairs = [(place[:, :-1], place[:, 1:]), (place[:-1], place[1:]), (place[:-1, :-1], place[1:, 1:]),
             (place[:-1, 1:], place[1:, :-1])]
    return np.stack([np.concatenate([a.ravel() for a, _ in pairs]), np.concatenate([b.ravel() for _, b in pairs])], 1)


def attention(side, random):
    """Cross-attention in [0, 1]: two blobs on slow waves with some noise. Self-attention: to what is near and alike."""
    y, x = (axis.ravel() / (side - 1) for axis in np.mgrid[0:side, 0:side])
    blobs = sum(height * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * size**2))
                for height, cy, cx, size in zip((1, 0.7), *random.uniform(0.25, 0.75, (2, 2)), (0.15, 0.12)))
    waves = sum(np.cos(2 * np.pi * k * (y * random.normal() + x * random.normal())) / k for k in range(1, 5))
    cross = blobs + 0.08 * waves + 0.05 * random.random(side * side)
    looks = np.stack([3 * blobs, 0.5 * waves, *(0.3 * np.cos(2 * np.pi * (y * random.normal() + x * random.normal()))
                                               for _ in range(4))])
    places = np.concatenate([np.stack([y, x]) / 0.045**0.5, looks / 0.5**0.5])
    squares = (places**2).sum(0)
    to = np.exp(2 * places.T @ places - squares[:, None] - squares)
    to /= to.sum(1, keepdims=True)
    return (cross - cross.min()) / np.ptp(cross), to


def energies(side, all_pairs, kind, weight, count):
    """`count` energies of a kind. "attention": of the maps, lambda = weight. "noise": of such self-attention, but each
    pixel's cross-attention at random. "ties": the same with a cross-attention within 3e-6 of one half. "random": costs
    below 10 and pairs below weight, both uniform."""
    def prepare(folder):
        random, n = np.random.default_rng(5), side * side
        edges = np.stack(np.triu_indices(n, 1), 1) if all_pairs else grid_edges(side)
        arrays = {"cost0": [], "cost1": [], "edge_weights": []}
        for _ in range(count):
            cross, to = attention(side, random)
            if kind == "noise":
                cross = random.random(n)
            elif kind == "ties":
                cross = 0.5 + 1e-6 * random.integers(-3, 4, n)
            pairs = (to[edges[:, 0], edges[:, 1]] + to[edges[:, 1], edges[:, 0]]) / 2
            pairs *= weight / pairs.max()
            cost0, cost1 = -np.log(np.maximum(1 - cross, 1e-6)), -np.log(np.maximum(cross, 1e-6))
            if kind == "random":
                cost0, cost1, pairs = 10 * random.random(n), 10 * random.random(n), weight * random.random(len(edges))
            for name, values in zip(arrays, (cost0, cost1, pairs)):
                arrays[name].append(values)
        arrays = {name: np.stack(values) for name, values in arrays.items()}
        np.savez(folder / "energies.npz", edges=edges, **arrays)
        pairs = arrays.pop("edge_weights")
        if all_pairs:
            arrays["weights"] = np.zeros((count, n, n))
            arrays["weights"][:, edges[:, 0], edges[:, 1]] = pairs
        else:
            # Each pixel's with the one on its right, to its lower left, below it and to its lower right.
            arrays["weights"] = np.zeros((count, 4, n))
            upper, lower = edges.min(1), edges.max(1)
            arrays["weights"][:, np.searchsorted([1, side - 1, side, side + 1], lower - upper), upper] = pairs
            arrays["weights"] = arrays["weights"].reshape(count, 4, side, side)
        write_safetensors(folder / "energies.safetensors", arrays)

    return prepare


def pymaxflow(folder):
    import maxflow
    arrays = dict(np.load(folder / "energies.npz"))
    n, edges = arrays["cost0"].shape[1], arrays["edges"].astype(np.int32)
    first, second, pixels = edges[:, 0].copy(), edges[:, 1].copy(), np.arange(n)

    def cut():
        energy = 0.0
        for cost0, cost1, weights in zip(arrays["cost0"], arrays["cost1"], arrays["edge_weights"]):
            graph = maxflow.GraphFloat(n, len(weights))
            graph.add_nodes(n)
            graph.add_grid_tedges(pixels, cost0, cost1)
            graph.add_edges(first, second, weights, weights)
            energy += graph.maxflow()
            graph.get_grid_segments(pixels)
        return {"energy": energy}

    # Both sides use one thread: the time of the processor tells them apart also where other programs run.
    return timed(cut, time.process_time)


def graph_cut(side, all_pairs, kind, weight, count):
    name = f"graph-cut-{'all' if all_pairs else '8'}-{kind}-{weight:g}"
    return Case(name, f"{count} of {side}x{side}", energies(side, all_pairs, kind, weight, count),
                {"PyMaxflow": pymaxflow}, lambda f, t: [str(f / "energies.safetensors")], {"PyMaxflow": 1e-9},
                {"PyMaxflow": 3}, program="peers/graph_cut_of_file")


# The UNet of Stable Diffusion 1.5, with weights that diffusers draws.
SD15_UNET = {"sample_size": 64, "in_channels": 4, "out_channels": 4, "block_out_channels": (320, 640, 1280, 1280),
             "cross_attention_dim": 768, "attention_head_dim": 8, "layers_per_block": 2}


def unet_folder(folder):
    """In a process of its own, so that what runs the cases stays small."""
    code = f"""
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
torch.manual_seed(0)
UNet2DConditionModel(**{SD15_UNET!r}).save_pretrained({str(folder)!r}, max_shard_size="100GB")
save_file({{"latents": torch.randn(2, 4, 64, 64), "timesteps": torch.tensor([500, 500]),
           "text": torch.randn(2, 77, 768)}}, {str(folder / "inputs.safetensors")!r})
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def diffusers_unet(folder):
    import torch
    from diffusers import UNet2DConditionModel
    from safetensors.torch import load_file
    inputs = load_file(folder / "inputs.safetensors")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        unet = UNet2DConditionModel.from_pretrained(folder).eval()
    with torch.no_grad():
        def forward():
            return unet(inputs["latents"], inputs["timesteps"], inputs["text"]).sample
        forward()
        predicted, seconds = timed(forward)
    flat = predicted.flatten()
    values = {f"value{i}": flat[i * flat.numel() // 16].item() for i in range(16)}
    return {"norm": predicted.norm().item(), **values}, seconds


CASES = [
    Case("frechet-2048", "10000+10000x2048", statistics_files(10000, 2048),
         {"pytorch-fid": pytorch_fid_statistics, "torch-fidelity": torch_fidelity_statistics},
         as_text(lambda f, t: ["metric", "generative", "--reference", f / "reference.npz", "--generated",
                               f / "generated.npz", "--protocol", "fid-tf1"]),
         {"pytorch-fid": 1e-9, "torch-fidelity": 1e-9}, {"pytorch-fid": 60, "torch-fidelity": 20}),
    # torch-fidelity is off by its own bias of about 1e-4 where n < d.
    Case("frechet-n256", "256+256x2048", two_feature_files(256, 2048), {"torch-fidelity": torch_fidelity_features},
         as_text(generative("fid-tf1")), {"torch-fidelity": 1e-3}, {"torch-fidelity": 500}),
    Case("prdc", "5000+5000x2048", two_feature_files(5000, 2048), {"prdc": prdc_package}, as_text(generative("prdc5")),
         {"prdc": 0.0}, {"prdc": 35}, relative=False),
    # Absolute: torch-fidelity sums in float32.
    Case("kid-3000", "3000+3000x2048", two_feature_files(3000, 2048), {"torch-fidelity": torch_fidelity_kid},
         as_text(generative("kid-seed2020")), {"torch-fidelity": 1e-6}, {"torch-fidelity": 6}, relative=False),
    Case("kid-10000", "10000+10000x2048", two_feature_files(10000, 2048), {"torch-fidelity": torch_fidelity_kid},
         as_text(generative("kid-seed2020")), {"torch-fidelity": 1e-6}, {"torch-fidelity": 6}, relative=False),
    Case("inception-score", "50000x1008", two_feature_files(50000, 8, classes=1008),
         {"torch-fidelity": torch_fidelity_is}, as_text(generative("is-tf10")), {"torch-fidelity": 1e-6}),
    Case("saliency", "100x400x300", masks(100, 400, 300), {"PySODMetrics": pysod},
         as_text(lambda f, t: ["metric", "saliency", "--prediction", f / "prediction", "--truth", f / "truth",
                               "--protocol", "pysod", "--bootstrap", 0]),
         {"PySODMetrics": 1e-9}, {"PySODMetrics": 15}),
    # Absolute: random weights keep features near 1. Loading the network is part of our time alone.
    Case("inception-tf1", "64x256x256", inception_input(64, 256), {"torch-fidelity": torch_fidelity_inception},
         as_text(features_command("fid-tf1")), {"torch-fidelity": 1e-4}, {"torch-fidelity": 1.8}, relative=False,
         read=our_features),
    Case("inception-torch", "64x256x256", inception_input(64, 256), {"pytorch-fid": pytorch_fid_inception},
         as_text(features_command("fid-torch")), {"pytorch-fid": 1e-4}, {"pytorch-fid": 1.8}, relative=False,
         read=our_features),
    Case("clustering", "1000000, 100 classes, 1000 clusters", labels(1_000_000, 100, 1000),
         {"scikit-learn": sklearn_scores},
         as_text(lambda f, t: ["metric", "clustering", "--prediction", f / "prediction.txt", "--truth", f / "truth.txt",
                               "--bootstrap", "0"]),
         {"scikit-learn": 1e-12}, {"scikit-learn": 10}),
    Case("kmeans", "20000x384, 100 clusters, 25 iterations", clustered_features(20000, 384),
         {"faiss-cpu": faiss_kmeans, "scikit-learn": sklearn_kmeans},
         lambda f, t: [str(f / "features.safetensors"), str(ITERATIONS)],
         {"faiss-cpu": 1e-5, "scikit-learn": 1e-5}, {"faiss-cpu": 1.5, "scikit-learn": 1.5}, program="peers/kmeans_of_file"),
    # All pairs: masks of the method's default; 8 neighbours: its cheap variant.
    graph_cut(32, True, "attention", 0.01, 4), graph_cut(32, True, "attention", 1, 4),
    graph_cut(32, True, "noise", 0.1, 1), graph_cut(32, True, "random", 0.02, 1),
    *(graph_cut(64, False, kind, weight, 10)
      for kind, weights in {"attention": (0.1, 1, 10), "noise": (0.1, 1, 10), "random": (1, 3, 10),
                            "ties": (1e-6, 1e-5)}.items() for weight in weights),
    Case("unet", "SD 1.5, 2x4x64x64", unet_folder, {"diffusers": diffusers_unet},
         lambda f, t: [str(f), "--threads", str(t)], {"diffusers": 1e-3}, {"diffusers": 1.3}, relative=False,
         program="peers/unet_forward"),
]
