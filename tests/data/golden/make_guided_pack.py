#!/usr/bin/env python3
"""Writes the packs diffusion.gaussian.flags and eddpm.entropy.flags beside this file: chains given by the flags of the
official scripts, and the sampling options of ED-DPM that the shared packs leave at their defaults, in their format
(modules `diffusion.gaussian` and `eddpm.entropy`).

The numbers are from the formulas of the papers (DDPM, improved DDPM, DDIM, ADM, ED-DPM), written down here in NumPy with
double precision; no code of the project is in it. Needs: numpy, safetensors.    usage: make_guided_pack.py
"""
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

TOY = {"a": 0.3, "b": 0.6, "c": 0.5, "d": 0.7, "e": 0.2}
FLAGS = {"learn_sigma": False, "sigma_small": False, "predict_xstart": False, "use_kl": False,
         "rescale_learned_sigmas": False, "rescale_timesteps": False, "noise_schedule": "linear", "steps": 1000,
         "timestep_respacing": ""}
rng = np.random.default_rng(21)


def float32(*shape):
    return rng.standard_normal(shape).astype(np.float32).astype(np.float64)


def betas(schedule, steps):
    if schedule == "linear":
        return np.linspace(0.1 / steps, 20.0 / steps, steps)
    curve = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
    return np.minimum(1 - curve[1:] / curve[:-1], 0.999)


class Chain:
    """A chain by script flags; respacing only as ddimN with N a divisor of the steps."""

    def __init__(self, **flags):
        f = {**FLAGS, **flags}
        whole = np.cumprod(1 - betas(f["noise_schedule"], f["steps"]))
        self.map = np.arange(f["steps"])
        if f["timestep_respacing"]:
            self.map = np.arange(0, f["steps"], f["steps"] // int(f["timestep_respacing"].removeprefix("ddim")))
        self.a = whole[self.map]
        self.before = np.append(1.0, self.a[:-1])
        self.beta = 1 - self.a / self.before
        self.posterior = self.beta * (1 - self.before) / (1 - self.a)
        self.log_posterior = np.log(np.append(self.posterior[1], self.posterior[1:]))
        self.time_scale = 1000 / f["steps"] if f["rescale_timesteps"] else 1.0
        self.flags = f

    def times(self, t):
        return (self.map[t] * self.time_scale).reshape(-1, 1, 1, 1)

    def of(self, table, t):
        return table[t].reshape(-1, 1, 1, 1)

    def p(self, x, t, clip=True):
        a, times = self.of(self.a, t), self.times(t)
        out = TOY["a"] * x + TOY["b"] * np.sin(x) + TOY["c"] * times / 1000
        x0 = out if self.flags["predict_xstart"] else np.sqrt(1 / a) * x - np.sqrt(1 / a - 1) * out
        x0 = np.clip(x0, -1, 1) if clip else x0
        if self.flags["learn_sigma"]:
            share = (TOY["d"] * np.cos(x) + TOY["e"] * times / 1000 + 1) / 2
            log_variance = share * np.log(self.of(self.beta, t)) + (1 - share) * self.of(self.log_posterior, t)
            variance = np.exp(log_variance)
        elif self.flags["sigma_small"]:
            variance, log_variance = self.of(self.posterior, t) + 0 * x, self.of(self.log_posterior, t) + 0 * x
        else:
            large = np.append(self.posterior[1], self.beta[1:])
            variance, log_variance = self.of(large, t) + 0 * x, np.log(self.of(large, t)) + 0 * x
        return {"mean": self.mean(x0, x, t), "variance": variance, "log_variance": log_variance, "pred_xstart": x0}

    def mean(self, x0, x, t):
        beta, a, before = (self.of(table, t) for table in (self.beta, self.a, self.before))
        return beta * np.sqrt(before) / (1 - a) * x0 + (1 - before) * np.sqrt(1 - beta) / (1 - a) * x

    def ancestral(self, p, t, noise):
        return p["mean"] + (t > 0).reshape(-1, 1, 1, 1) * np.exp(0.5 * p["log_variance"]) * noise

    def eps(self, x0, x, t):
        a = self.of(self.a, t)
        return (np.sqrt(1 / a) * x - x0) / np.sqrt(1 / a - 1)

    def ddim(self, p, x, t, eta, noise):
        a, before = self.of(self.a, t), self.of(self.before, t)
        sigma = eta * np.sqrt((1 - before) / (1 - a)) * np.sqrt(1 - a / before)
        return (np.sqrt(before) * p["pred_xstart"] + np.sqrt(1 - before - sigma ** 2) * self.eps(p["pred_xstart"], x, t) +
                (t > 0).reshape(-1, 1, 1, 1) * sigma * noise)


class Pack:
    def __init__(self, name, module, config):
        self.name, self.module, self.config, self.tensors, self.cases = name, module, config, {}, []

    def add(self, name, call, inputs, outputs, rtol=1e-4, atol=1e-5):
        def put(kind, values):
            named = {}
            for key, value in values.items():
                if isinstance(value, np.ndarray):
                    kind_of = np.int64 if value.dtype.kind == "i" else np.float32
                    self.tensors[f"{name}/{kind}.{key}"] = np.ascontiguousarray(value.astype(kind_of))
                    value = f"{name}/{kind}.{key}"
                named[key] = value
            return named
        self.cases.append({"name": name, "call": call, "inputs": put("in", inputs), "outputs": put("out", outputs),
                           "rtol": rtol, "atol": atol})

    def write(self):
        folder = Path(__file__).parent / self.name
        folder.mkdir(exist_ok=True)
        save_file(self.tensors, folder / "cases.safetensors")
        (folder / "pack.json").write_text(json.dumps({
            "module": self.module, "config": self.config, "tensors": "cases.safetensors", "cases": self.cases,
            "source": "tests/data/golden/make_guided_pack.py"}, indent=1) + "\n")


def gaussian():
    chains = {
        "large": {}, "small": {"sigma_small": True}, "learned": {"learn_sigma": True},
        "xstart": {"predict_xstart": True, "learn_sigma": True, "noise_schedule": "cosine"},
        "rescaled": {"steps": 400, "rescale_timesteps": True, "timestep_respacing": "ddim20", "sigma_small": True}}
    pack = Pack("diffusion.gaussian.flags", "diffusion.gaussian",
                {"diffusions": {name: {**FLAGS, **flags} for name, flags in chains.items()}, "toy_model": TOY})
    x, noise = 1.2 * float32(3, 2, 4, 4), float32(3, 2, 4, 4)
    for name, flags in chains.items():
        chain = Chain(**flags)
        t = np.array([0, 3, len(chain.a) - 1])
        p = chain.p(x, t)
        pack.add(f"{name}_p", "p_mean_variance", {"diffusion": name, "x": x, "t": t, "clip_denoised": 1}, p)
        pack.add(f"{name}_p_sample", "p_sample",
                 {"diffusion": name, "x": x, "t": t, "noise": noise, "clip_denoised": 1},
                 {"sample": chain.ancestral(p, t, noise), "pred_xstart": p["pred_xstart"]})
        pack.add(f"{name}_ddim", "ddim_sample",
                 {"diffusion": name, "x": x, "t": t, "noise": noise, "clip_denoised": 1, "eta": 0.6},
                 {"sample": chain.ddim(p, x, t, 0.6, noise), "pred_xstart": p["pred_xstart"]})
    pack.write()


def entropy():
    pack = Pack("eddpm.entropy.flags", "eddpm.entropy", {"num_classes": 1000, "toy_model": TOY})
    classes = 6
    x, noise = float32(3, 2, 4, 4), float32(3, 2, 4, 4)
    base, weight, y = 0.3 * float32(3, classes), 0.2 * float32(32, classes), np.array([0, 4, 2])

    def guidance(chain, x, t, scale):
        factor = 1 + chain.times(t).reshape(-1, 1) / 1000
        logits = base + (x.reshape(3, -1) @ weight) * factor
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        entropy = -(p * np.log(p)).sum(1).reshape(-1, 1, 1, 1)
        gradient = ((np.eye(classes)[y] - p) @ weight.T * factor).reshape(x.shape)
        return gradient * scale * np.log(1000) / entropy

    toy = {"base_logits": base, "W": weight, "y": y, "use_entropy_scale": 1, "classifier_scale": 1.5}
    for name, flags, clip, eta in [("cosine", {"noise_schedule": "cosine"}, 1, 0.0), ("eta", {}, 1, 0.7),
                                   ("unclipped", {}, 0, 0.3), ("fixed_small", {"sigma_small": True}, 1, 0.0),
                                   ("fixed_large", {"timestep_respacing": "ddim50"}, 1, 0.0),
                                   ("xstart", {"predict_xstart": True}, 1, 0.5)]:
        learned = not name.startswith("fixed")
        chain = Chain(learn_sigma=learned, **flags)
        t = np.array([0, 9, len(chain.a) - 2])
        given = {"timestep_respacing": "", **flags, "learn_sigma": int(learned), "clip_denoised": clip, "eta": eta}
        given = {key: int(value) if isinstance(value, bool) else value for key, value in given.items()}
        p = chain.p(x, t, clip == 1)
        moved = {**p, "mean": p["mean"] + p["variance"] * guidance(chain, x, t, 1.5)}
        pack.add(f"{name}_p_sample", "p_sample", {**toy, **given, "x": x, "t": t, "noise": noise},
                 {"sample": chain.ancestral(moved, t, noise), "pred_xstart": p["pred_xstart"]})
        a = chain.of(chain.a, t)
        eps = chain.eps(p["pred_xstart"], x, t) - np.sqrt(1 - a) * guidance(chain, x, t, 1.5)
        shifted = {"pred_xstart": np.sqrt(1 / a) * x - np.sqrt(1 / a - 1) * eps}
        pack.add(f"{name}_ddim", "ddim_sample", {**toy, **given, "x": x, "t": t, "noise": noise},
                 {"sample": chain.ddim(shifted, x, t, eta, noise), "pred_xstart": shifted["pred_xstart"]}, 2e-4, 2e-4)
    pack.write()


if __name__ == "__main__":
    gaussian()
    entropy()
