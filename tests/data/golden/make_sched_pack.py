#!/usr/bin/env python3
"""Writes the pack sched.more beside this file: samplers of diffusers with arguments that the shared pack `sched` leaves
at their defaults, in its format (module `sched`).

Needs: diffusers 0.35.2, torch, safetensors.    usage: make_sched_pack.py
"""
import json
from pathlib import Path

import torch
from diffusers import (DDIMInverseScheduler, DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler,
                       PNDMScheduler)
from safetensors.torch import save_file

CLASSES = {"ddim": DDIMScheduler, "ddim_inverse": DDIMInverseScheduler, "pndm": PNDMScheduler,
           "dpm": DPMSolverMultistepScheduler, "euler": EulerDiscreteScheduler}
BETAS = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
TOY = {"a": 0.3, "b": 0.6, "c": 0.5}
SPACINGS = ("leading", "trailing", "linspace")
PREDICTIONS = ("epsilon", "v_prediction", "sample")


def schedulers():
    table = {}

    def add(name, kind, **kwargs):
        table[name] = {"class": kind, "kwargs": kwargs}

    for spacing in SPACINGS:
        offset = {"steps_offset": 1} if spacing == "leading" else {}
        for prediction in PREDICTIONS:
            shared = {"timestep_spacing": spacing, "prediction_type": prediction, **offset}
            add(f"ddim_{spacing}_{prediction}", "ddim", clip_sample=False, set_alpha_to_one=False, **shared)
            add(f"euler_{spacing}_{prediction}", "euler", **shared)
            if spacing != "linspace":
                add(f"inverse_{spacing}_{prediction}", "ddim_inverse", clip_sample=False, set_alpha_to_one=False, **shared)
            if prediction != "sample":
                add(f"pndm_{spacing}_{prediction}", "pndm", skip_prk_steps=True, **shared)
                add(f"pndm_prk_{spacing}_{prediction}", "pndm", set_alpha_to_one=True, **shared)
        for kind in ("midpoint", "heun"):
            for order in (1, 2, 3):
                add(f"dpm_{spacing}_{kind}_{order}", "dpm", timestep_spacing=spacing, solver_type=kind, solver_order=order)
    add("ddim_threshold", "ddim", thresholding=True, dynamic_thresholding_ratio=0.9, sample_max_value=1.5,
        beta_schedule="linear", beta_start=1e-4, beta_end=0.02)
    add("ddim_cosine", "ddim", beta_schedule="squaredcos_cap_v2", clip_sample_range=2.0)
    add("ddim_zero_snr", "ddim", rescale_betas_zero_snr=True, prediction_type="v_prediction",
        timestep_spacing="trailing", clip_sample=False)
    add("ddim_trained_betas", "ddim", trained_betas=[0.001 * (i + 1) for i in range(60)], num_train_timesteps=60)
    add("inverse_clip", "ddim_inverse", clip_sample_range=0.7, set_alpha_to_one=False)
    for algorithm in ("dpmsolver", "sde-dpmsolver++", "sde-dpmsolver"):
        final = "zero" if "++" in algorithm else "sigma_min"
        for kind in ("midpoint", "heun"):
            for order in (1, 2, 3)[:2 if algorithm == "sde-dpmsolver" else 3]:
                add(f"{algorithm}_{kind}_{order}", "dpm", algorithm_type=algorithm, solver_type=kind,
                    solver_order=order, final_sigmas_type=final)
    for prediction in PREDICTIONS[1:]:
        add(f"dpm_{prediction}", "dpm", prediction_type=prediction)
        add(f"dpmsolver_{prediction}", "dpm", prediction_type=prediction, algorithm_type="dpmsolver",
            final_sigmas_type="sigma_min")
    for way in ("use_karras_sigmas", "use_exponential_sigmas", "use_lu_lambdas"):
        for betas in ("scaled_linear", "linear"):
            add(f"dpm_{way}_{betas}", "dpm", **{way: True}, beta_schedule=betas)
    for way in ("use_karras_sigmas", "use_exponential_sigmas"):
        for betas in ("scaled_linear", "squaredcos_cap_v2"):
            add(f"euler_{way}_{betas}", "euler", **{way: True}, beta_schedule=betas)
        add(f"euler_{way}_ends", "euler", **{way: True}, sigma_min=0.05, sigma_max=10.0, timestep_spacing="leading")
    add("dpm_full_order", "dpm", lower_order_final=False, final_sigmas_type="sigma_min", solver_order=3)
    add("dpm_euler_at_final", "dpm", euler_at_final=True, lower_order_final=False, final_sigmas_type="sigma_min")
    add("dpm_lambda_min", "dpm", lambda_min_clipped=-5.1, beta_schedule="squaredcos_cap_v2")
    add("dpm_threshold", "dpm", thresholding=True, sample_max_value=2.0)
    add("dpm_zero_snr", "dpm", rescale_betas_zero_snr=True, prediction_type="v_prediction", timestep_spacing="trailing")
    add("dpm_learned", "dpm", variance_type="learned_range")
    add("euler_log_linear", "euler", interpolation_type="log_linear")
    add("euler_sigma_min", "euler", final_sigmas_type="sigma_min")
    add("euler_continuous", "euler", timestep_type="continuous", prediction_type="v_prediction", use_karras_sigmas=True)
    return table


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(20221122)
    table, tensors, cases = schedulers(), {}, []

    def keep(name, tensor):
        tensors[name] = tensor.detach().clone().contiguous().to(
            torch.float32 if tensor.is_floating_point() else torch.int64)
        return name

    def sample(name, steps, **of_step):
        kind = table[name]["class"]
        scheduler = CLASSES[kind](**{**BETAS, **table[name]["kwargs"]})
        scheduler.set_timesteps(steps)
        case = "_".join([name, str(steps)] + [f"{k}{v}" for k, v in of_step.items()])
        x = torch.randn(1, 3, 2, 2, generator=generator)
        inputs = {"scheduler": name, "steps": steps, "x_T": keep(f"{case}/in.x_T", x), **of_step}
        if kind == "euler":
            inputs["scale_initial"] = 1
            x = x * scheduler.init_noise_sigma
        noise = None
        if "sde" in name or of_step.get("eta"):
            noise = torch.randn(len(scheduler.timesteps), 1, 3, 2, 2, generator=generator)
            inputs["step_noise"] = keep(f"{case}/in.step_noise", noise)
        for i, t in enumerate(scheduler.timesteps):
            seen = scheduler.scale_model_input(x, t)
            output = TOY["a"] * seen + TOY["b"] * torch.sin(seen) + TOY["c"] * float(t) / 1000
            if "learned" in name:
                output = torch.cat([output, torch.full_like(output, 9.0)], 1)
            extra = dict(of_step) if noise is None else {**of_step, "variance_noise": noise[i]}
            x = scheduler.step(output, t, x, **extra).prev_sample
        outputs = {"sample": keep(f"{case}/out.sample", x),
                   "timesteps": keep(f"{case}/out.timesteps", scheduler.timesteps),
                   "init_noise_sigma": keep(f"{case}/out.init_noise_sigma",
                                            torch.tensor(float(scheduler.init_noise_sigma)))}
        if kind in ("dpm", "euler"):
            outputs["sigmas"] = keep(f"{case}/out.sigmas", scheduler.sigmas)
        cases.append({"name": case, "call": "sample", "inputs": inputs, "outputs": outputs, "rtol": 1e-4, "atol": 1e-5})

    for name in table:
        for steps in (7,) if name.startswith("dpm_lambda") else (6, 16):
            sample(name, steps)
    for name in ("ddim_leading_epsilon", "ddim_threshold", "ddim_trailing_v_prediction"):
        sample(name, 6, eta=0.3)
        sample(name, 6, eta=1.0, use_clipped_model_output=True)
    for name, steps in (("euler_leading_epsilon", 6), ("dpm_leading_midpoint_2", 6), ("pndm_leading_epsilon", None)):
        scheduler = CLASSES[table[name]["class"]](**{**BETAS, **table[name]["kwargs"]})
        inputs = {"scheduler": name}
        t = torch.tensor([0, 150, 999])
        if steps:
            scheduler.set_timesteps(steps)
            inputs["steps"] = steps
            t = scheduler.timesteps[[0, 2, 5]]
        x, noise = (torch.randn(3, 1, 2, 2, generator=generator) for _ in range(2))
        case = f"add_noise_{name}"
        inputs |= {"x": keep(f"{case}/in.x", x), "noise": keep(f"{case}/in.noise", noise), "t": keep(f"{case}/in.t", t)}
        cases.append({"name": case, "call": "add_noise", "inputs": inputs,
                      "outputs": {"noisy": keep(f"{case}/out.noisy", scheduler.add_noise(x, noise, t))},
                      "rtol": 1e-4, "atol": 1e-5})

    folder = Path(__file__).parent / "sched.more"
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / "cases.safetensors")
    pack = {"module": "sched", "config": {"betas": BETAS, "schedulers": table, "toy_model": TOY}, "cases": cases,
            "tensors": "cases.safetensors", "source": "pip diffusers==0.35.2, by make_sched_pack.py"}
    (folder / "pack.json").write_text(json.dumps(pack, separators=(",", ":")) + "\n")


main()
