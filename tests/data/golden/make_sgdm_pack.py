#!/usr/bin/env python3
"""Writes the pack sgdm.sampler.more beside this file: the options of Self-Guided Diffusion's schedules and samplers that
the pack sgdm.sampler leaves at their defaults, in its format (module `sgdm.sampler`).

The numbers are from the formulas of the official README and papers, written down here in NumPy with double precision;
no code of the project is in it. Needs: numpy, safetensors.    usage: make_sgdm_pack.py
"""
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

TOY = {"a": 0.3, "b": 0.6, "c": 0.5}
STEPS = 200
rng = np.random.default_rng(20)
tensors, cases = {}, []


def toy(x, t):
    return TOY["a"] * x + TOY["b"] * np.sin(x) + TOY["c"] * t / 1000


def betas(schedule, steps=STEPS, start=1e-4, end=2e-2, s=8e-3):
    line = np.linspace(start, end, steps)
    if schedule == "linear":
        return np.linspace(np.sqrt(start), np.sqrt(end), steps) ** 2
    if schedule == "sqrt_linear":
        return line
    if schedule == "sqrt":
        return np.sqrt(line)
    curve = np.cos((np.arange(steps + 1) / steps + s) / (1 + s) * np.pi / 2) ** 2
    return np.clip(1 - curve[1:] / curve[:-1], 0, 0.999)


class Process:
    def __init__(self, beta, v_posterior=0.0):
        self.beta, self.a = beta, np.cumprod(1 - beta)
        self.before = np.append(1.0, self.a[:-1])
        self.variance = ((1 - v_posterior) * beta * (1 - self.before) / (1 - self.a)) + v_posterior * beta
        self.log_variance = np.log(np.maximum(self.variance, 1e-20))
        self.mean_of_x0 = beta * np.sqrt(self.before) / (1 - self.a)
        self.mean_of_x = (1 - self.before) * np.sqrt(1 - beta) / (1 - self.a)


def kept(x0, clip=True, dtp=1.0):
    if dtp < 1:
        s = np.maximum(np.quantile(np.abs(x0).reshape(len(x0), -1), dtp, axis=1), 1.0).reshape(-1, 1, 1, 1)
        return np.clip(x0, -s, s) / s
    return np.clip(x0, -1, 1) if clip else x0


def p_sample(p, x, t, noise, predicts_x0=False, temperature=1.0, **keep):
    col = lambda table: table[t].reshape(-1, 1, 1, 1)
    out = toy(x, t.reshape(-1, 1, 1, 1))
    x0 = out if predicts_x0 else np.sqrt(1 / col(p.a)) * x - np.sqrt(1 / col(p.a) - 1) * out
    cut = kept(x0, **keep)
    mean = col(p.mean_of_x0) * cut + col(p.mean_of_x) * x
    moved = mean + (t > 0).reshape(-1, 1, 1, 1) * np.exp(0.5 * col(p.log_variance)) * noise * temperature
    return moved, cut, x0


def ddim_steps(p, count, eta, discretize="uniform"):
    total = len(p.beta)
    if discretize == "uniform":
        times = np.arange(0, total, total // count) + 1
    else:
        times = (np.linspace(0, np.sqrt(total * 0.8), count) ** 2).astype(int) + 1
    a = p.a[times]
    before = np.append(p.a[0], p.a[times[:-1]])
    return times, eta * np.sqrt((1 - before) / (1 - a) * (1 - a / before)), a, before


def ddim_move(x, eps, sigma, a, before, z=0.0, **keep):
    x0 = kept((x - np.sqrt(1 - a) * eps) / np.sqrt(a), **keep)
    return np.sqrt(before) * x0 + np.sqrt(1 - before - sigma ** 2) * eps + sigma * z


def ddim(p, x, count, eta, noise, discretize="uniform", temperature=1.0, **keep):
    rows = list(zip(*ddim_steps(p, count, eta, discretize)))[::-1]
    for i, (t, sigma, a, before) in enumerate(rows):
        x = ddim_move(x, toy(x, t), sigma, a, before, noise[i] * temperature, **keep)
    return x


def plms(p, x, count, discretize="uniform", **keep):
    rows = list(zip(*ddim_steps(p, count, 0.0, discretize)))[::-1]
    old = []
    for i, (t, sigma, a, before) in enumerate(rows):
        eps = toy(x, t)
        if not old:
            ahead = ddim_move(x, eps, sigma, a, before, **keep)
            mixed = (eps + toy(ahead, rows[min(i + 1, len(rows) - 1)][0])) / 2
        elif len(old) == 1:
            mixed = (3 * eps - old[-1]) / 2
        elif len(old) == 2:
            mixed = (23 * eps - 16 * old[-1] + 5 * old[-2]) / 12
        else:
            mixed = (55 * eps - 59 * old[-1] + 37 * old[-2] - 9 * old[-3]) / 24
        x = ddim_move(x, mixed, sigma, a, before, **keep)
        old = (old + [eps])[-3:]
    return x


def add(name, call, inputs, outputs, rtol=1e-4, atol=1e-5):
    def put(kind, values):
        named = {}
        for key, value in values.items():
            if isinstance(value, np.ndarray):
                tensors[f"{name}/{kind}.{key}"] = value.astype(np.int64 if value.dtype.kind == "i" else np.float32)
                value = f"{name}/{kind}.{key}"
            named[key] = value
        return named
    cases.append({"name": name, "call": call, "inputs": put("in", inputs), "outputs": put("out", outputs), "rtol": rtol,
                  "atol": atol})


def table_outputs(p, x0_weights=False):
    weights = (0.5 * np.sqrt(p.a) / (2 - p.a) if x0_weights else
               p.beta[1:] ** 2 / (2 * p.variance[1:] * (1 - p.beta[1:]) * (1 - p.a[1:])))
    weights = np.append(weights[1], weights[1:]) if x0_weights else np.append(weights[0], weights)
    return {"betas": p.beta, "alphas_cumprod": p.a, "alphas_cumprod_prev": p.before,
            "log_one_minus_alphas_cumprod": np.log(1 - p.a), "posterior_variance": p.variance,
            "posterior_log_variance_clipped": p.log_variance, "posterior_mean_coef1": p.mean_of_x0,
            "posterior_mean_coef2": p.mean_of_x, "lvlb_weights": weights}


def float32(*shape):
    return rng.standard_normal(shape).astype(np.float32).astype(np.float64)


def main():
    x, noise, t = 1.5 * float32(3, 2, 4, 4), float32(3, 2, 4, 4), np.array([0, 57, STEPS - 1])
    x_T, step_noise = float32(2, 2, 4, 4), float32(STEPS, 2, 2, 4, 4)
    for schedule in ("linear", "cosine", "sqrt_linear", "sqrt"):
        named = {"beta_schedule": schedule}
        p = Process(betas(schedule))
        add(f"tables_{schedule}", "tables", named, table_outputs(p))
        add(f"p_sample_{schedule}", "p_sample", {**named, "x": x, "t": t, "noise": noise},
            dict(zip(("sample", "pred_x0", "pred_x0_unclipped"), p_sample(p, x, t, noise))))
        add(f"ddim_{schedule}", "ddim_sample",
            {**named, "sampler": "ddim", "steps": 10, "eta": 0.5, "x_T": x_T, "step_noise": step_noise[:10]},
            {"sample": ddim(p, x_T, 10, 0.5, step_noise)})
    ends = {"linear_start": 0.0015, "linear_end": 0.0195}
    add("tables_other_ends", "tables", {"beta_schedule": "sqrt_linear", **ends},
        table_outputs(Process(betas("sqrt_linear", start=0.0015, end=0.0195))))
    add("tables_other_cosine_s", "tables", {"beta_schedule": "cosine", "cosine_s": 0.02},
        table_outputs(Process(betas("cosine", s=0.02))))
    add("tables_v_posterior", "tables", {"v_posterior": 0.25}, table_outputs(Process(betas("linear"), 0.25)))
    add("tables_x0", "tables", {"parameterization": "x0"}, table_outputs(Process(betas("linear")), True))
    p = Process(betas("linear"))
    for name, given, options in [
            ("x0", {"parameterization": "x0"}, {"predicts_x0": True}), ("unclipped", {"clip_denoised": 0}, {"clip": False}),
            ("dtp", {"dtp": 0.9}, {"dtp": 0.9}), ("temperature", {"temperature": 0.5}, {"temperature": 0.5})]:
        add(f"p_sample_{name}", "p_sample", {**given, "x": x, "t": t, "noise": noise},
            dict(zip(("sample", "pred_x0", "pred_x0_unclipped"), p_sample(p, x, t, noise, **options))))
    add("p_sample_v_posterior", "p_sample", {"v_posterior": 0.25, "x": x, "t": t, "noise": noise},
        dict(zip(("sample", "pred_x0", "pred_x0_unclipped"), p_sample(Process(betas("linear"), 0.25), x, t, noise))))
    for name, given, options in [
            ("unclipped", {"clip_denoised": 0}, {"clip": False}), ("dtp", {"dtp": 0.8}, {"dtp": 0.8}),
            ("temperature", {"temperature": 0.5}, {"temperature": 0.5}),
            ("quad", {"ddim_discretize": "quad"}, {"discretize": "quad"})]:
        add(f"ddim_{name}", "ddim_sample",
            {**given, "sampler": "ddim", "steps": 8, "eta": 1.0, "x_T": x_T, "step_noise": step_noise[:8]},
            {"sample": ddim(p, x_T, 8, 1.0, step_noise, **options)})
    add("plms_quad", "ddim_sample", {"sampler": "plms", "steps": 8, "eta": 0.0, "ddim_discretize": "quad", "x_T": x_T},
        {"sample": plms(p, x_T, 8, "quad")})
    add("plms_takes_no_eta", "ddim_sample", {"sampler": "plms", "steps": 8, "eta": 0.7, "x_T": x_T},
        {"sample": plms(p, x_T, 8)})
    times, sigmas, a, before = ddim_steps(p, 12, 0.3, "quad")
    add("ddim_parameters_quad", "ddim_parameters", {"steps": 12, "eta": 0.3, "ddim_discretize": "quad"},
        {"timesteps": times, "sigmas": sigmas, "alphas": a, "alphas_prev": before})
    chain = x_T
    for k, step in enumerate(range(STEPS - 1, -1, -1)):
        chain = p_sample(p, chain, np.full(2, step), step_noise[k])[0]
    add("native", "ddim_sample", {"sampler": "native", "x_T": x_T, "step_noise": step_noise}, {"sample": chain}, 1e-3, 1e-4)

    folder = Path(__file__).parent / "sgdm.sampler.more"
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / "cases.safetensors")
    pack = {"module": "sgdm.sampler", "config": {"num_timesteps": STEPS, "toy_model": TOY, "given_betas": None},
            "tensors": "cases.safetensors", "cases": cases, "source": "tests/data/golden/make_sgdm_pack.py",
            "notes": "t of a case is the integer handed to the network."}
    (folder / "pack.json").write_text(json.dumps(pack, indent=1) + "\n")


if __name__ == "__main__":
    main()
