#!/usr/bin/env python3
"""Converts published weights into the safetensors file that --weights and `assay run --tier paper` take.

usage: tools/convert_weights.py [--weights online|ema|NAME] FILE FILE.safetensors
       tools/convert_weights.py FOLDER NEW_FOLDER
       tools/convert_weights.py --vocabulary PATH [--prediction epsilon|v_prediction] FILE NEW_FOLDER

Known files:
  weights-inception-2015-12-05-6726825d.pth   torch-fidelity, FID Inception
  pt_inception-2015-12-05-6726825d.pth        pytorch-fid, the same network
  vgg16-397923af.pth                          torchvision, VGG16
  dinov2_vit{s,b,l}14_pretrain.pth            facebookresearch/dinov2
  dino_*_pretrain.pth                         facebookresearch/dino
  *_diffusion.pt, *_classifier.pt             openai/guided-diffusion, ZGCTroy/ED-DPM
  nnet.pth, nnet_ema.pth, *_uvit_*.pth        baofff/U-ViT
  model-*.pt, pretrain_*.pt                   jiachenlei/maskdm: training states, which hold two networks and need
                                              --weights: `online` to train on from, `ema`, their average, to sample from

Training checkpoints of others are taken apart: of two networks the average (`ema`, `teacher`, ...) is taken unless
--weights says `online` or names a key of the file; prefixes around the whole network (`module.`, `backbone.`, `model.`,
`_orig_mod.`) are stripped, and what lies beside a `backbone.` (heads) is left out. What was taken and left out is
printed. FILE may also be a .safetensors with such prefixes or in half precision.

The second form copies a folder of Stable Diffusion in diffusers' layout whose weights are .bin files, with .safetensors
in their place, in the same precision. The third makes such a folder of a checkpoint in the original layout of CompVis
and Stability AI (1.x, 2.x); the tokenizer comes from PATH, and what the weights do not say (--heads or --head-channels
of the UNet, --prediction) is taken as published where it is not given.

Other key names stay as they are. Counters of batches and a training state's schedules and optimiser are left out, half
precision becomes float32. Where the file's name ends in eight hexadecimal digits, they must begin the file's SHA-256.
Needs Python with torch; no network. No code of the file is run: what is no tensor is read as a plain record.
"""
import argparse
import collections
import ctypes
import hashlib
import json
import os
import pickle
import re
import shutil
import struct
import sys
import types
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import stable_diffusion_layout


def check_hash(file):
    named = re.search(r"-([0-9a-f]{8})\.pth$", file.name)
    with open(file, "rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    if named and not digest.startswith(named.group(1)):
        sys.exit(f"{file}: SHA-256 is {digest[:8]}..., the name says {named.group(1)}: damaged or another file")
    return digest


# Names under which training checkpoints keep a moving average of a network, and the network itself: keys of a
# dictionary or the first part of a tensor's name.
AVERAGES = ("ema", "ema_model", "model_ema", "state_dict_ema", "ema_state_dict", "teacher", "target_encoder",
            "params_ema")
NETWORKS = ("online_model", "model", "state_dict", "model_state_dict", "student", "network", "net", "nnet", "params",
            "encoder")
# Prefixes that wrappers put before every key of a network, and one whose neighbours are heads.
WRAPPERS = ("module", "_orig_mod", "model", "net", "network", "backbone")
BACKBONE = "backbone"


class Record:
    """An object of a class that this program does not know: its content, without its code."""

    def __init__(self, *_arguments, **_options):
        pass

    def __setstate__(self, state):
        self.__dict__.update(state if isinstance(state, dict) else {"state": state})

    def __setitem__(self, _key, _value):
        pass

    append = extend = add = update = lambda self, *_arguments: None


class SafeUnpickler(pickle.Unpickler):
    """Builds tensors and plain containers; of everything else a Record, so that nothing in a file is run."""

    def find_class(self, module, name):
        import torch
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch._utils" and name.startswith("_rebuild_"):
            return getattr(torch._utils, name)
        if module in ("torch", "torch.storage") and (name.endswith("Storage") or name == "Size"):
            return getattr(sys.modules[module], name)
        if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        if module == "torch.serialization" and name == "_get_layout":
            return torch.serialization._get_layout
        if module in ("builtins", "__builtin__") and name in ("set", "frozenset", "dict", "list", "tuple", "bytearray"):
            return {"set": set, "frozenset": frozenset, "dict": dict, "list": list, "tuple": tuple,
                    "bytearray": bytearray}[name]
        return type(name, (Record,), {})


def safe_pickle():
    """What torch.load takes for the module pickle."""
    module = types.ModuleType("safe_pickle")
    module.__dict__.update(pickle.__dict__)
    module.Unpickler = SafeUnpickler
    module.load = lambda file, **options: SafeUnpickler(file, **options).load()
    return module


def state_of_module(module, prefix=""):
    """The state_dict of a whole network that was pickled with its class."""
    found = {}
    for part in ("_parameters", "_buffers"):
        own = getattr(module, part, None) or {}
        found.update({prefix + key: value for key, value in own.items() if value is not None})
    for key, child in (getattr(module, "_modules", None) or {}).items():
        if child is not None:
            found.update(state_of_module(child, f"{prefix}{key}."))
    return found


def is_tensor(value):
    import torch
    return torch.is_tensor(value)


def as_container(value):
    """A dictionary that holds tensors somewhere, or nothing."""
    if isinstance(value, Record) and hasattr(value, "_modules"):
        value = state_of_module(value)
    if not isinstance(value, dict):
        return None
    return value if any(is_tensor(inner) or as_container(inner) for inner in value.values()) else None


def read_safetensors(file):
    """The float tensors of a safetensors file, without the package of that name."""
    import torch
    data = file.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    kinds = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64}
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        kind = kinds.get(entry.get("dtype"))
        if kind is not None:
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            tensor = torch.empty(entry["shape"], dtype=kind)
            if end - begin != tensor.numel() * tensor.element_size() or end > len(data):
                raise ValueError(name)
            ctypes.memmove(tensor.data_ptr(), data[begin:end], end - begin)
            tensors[name] = tensor
    return tensors


def foreign_format(file):
    """What a file is that is no checkpoint of PyTorch, by its first bytes, and what to do; else nothing."""
    with open(file, "rb") as data:
        begin = data.read(512)
    if begin.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS, not the file itself: run `git lfs pull` in the repository it is from"
    if begin.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "an HTML page, not weights: the download was answered with a page"
    if begin.startswith(b"\x89HDF"):
        return "an HDF5 file, as Keras writes; the same network's PyTorch weights are accepted (see --help)"
    if begin.startswith(b"\x1f\x8b") or begin[257:262] == b"ustar":
        return "a packed archive: unpack it first"
    if file.suffix == ".pb":
        return "a graph of TensorFlow; the same network's PyTorch weights are accepted (see --help)"
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
        if any(name.endswith("constants.pkl") for name in names):
            return "a TorchScript program; the same network's .pth is accepted (see --help)"
        if any(name.endswith(".npy") for name in names):
            return "a NumPy archive, not a checkpoint of PyTorch"
    return ""


def load(file):
    try:
        import torch
    except ImportError:
        sys.exit("convert_weights.py needs Python with torch: python3 -m pip install torch")
    foreign = foreign_format(file)
    if foreign:
        sys.exit(f"{file}: {foreign}")
    try:
        if file.suffix.lower() == ".safetensors":
            return read_safetensors(file)
        return torch.load(file, map_location="cpu", weights_only=False, pickle_module=safe_pickle())
    except Exception as error:  # many kinds for a file that is not what its name says
        sys.exit(f"{file}: not a PyTorch state_dict ({type(error).__name__}): damaged, or another program's pickle, as "
                 "NVIDIA's .pkl, which are not read")


class Choice:
    """One network out of a checkpoint, and how it was found."""

    def __init__(self, file, weights):
        self.file = file
        self.kind = weights if weights in ("online", "ema") else None
        self.wanted = weights if weights and not self.kind else None  # a key of the file
        self.settled = False  # whether --weights has chosen
        self.path, self.left_out, self.other = [], [], ""

    def refuse(self, why):
        sys.exit(f"{self.file}: {why}")

    def pick(self, names):
        """One of some names: the one that was asked for, else an average, else a network; nothing without any."""
        if self.wanted in names and not self.settled:
            self.settled = True
            return self.wanted
        averages, networks = ([name for name in known if name in names] for known in (AVERAGES, NETWORKS))
        if averages and networks and not self.settled:
            self.settled = bool(self.kind)
            if self.kind == "online":
                return networks[0]
            self.other = "" if self.kind or self.wanted else networks[0]
        elif averages and self.kind == "ema":
            self.settled = True
        return (averages or networks or [None])[0]

    def descend(self, state):
        """The tensors of the network, under its own names."""
        while True:
            state = as_container(state)
            if state is None:
                self.refuse("no tensors; expected a state_dict")
            if "param_groups" in state:
                self.refuse("the state of an optimiser, not of a network")
            inner = {key: value for key, value in state.items() if as_container(value)}
            tensors = {key: value for key, value in state.items() if is_tensor(value)}
            if self.wraps_average(inner):
                return self.of_wrapped_average(inner)
            name = self.pick(inner)
            if name is None and len(inner) == 1 and not tensors:
                name = next(iter(inner))
            if name is None and inner and not tensors:
                self.refuse(f"holds {', '.join(sorted(map(str, inner)))}; choose one with --weights NAME")
            if name is None:
                self.left_out += [str(key) for key in state if key not in tensors]
                return self.unwrapped(tensors)
            self.left_out += [str(key) for key in state if key != name]
            self.path.append(name)
            state = inner[name]

    @staticmethod
    def wraps_average(inner):
        """Whether the average is a module that holds the network: MaskDM's training states, lucidrains' trainers."""
        average = as_container(inner.get("ema")) or {}
        return "model" in inner and any(str(key).startswith("ema_model.") for key in average)

    def of_wrapped_average(self, inner):
        if not self.kind:
            self.refuse("a training state with two networks; choose --weights online (to train on) or "
                        "--weights ema (to sample)")
        inside = "model." if any(key.startswith("model.") for key in inner["model"]) else ""
        part, prefix = {"online": ("model", inside), "ema": ("ema", "ema_model." + inside)}[self.kind]
        self.settled = True
        self.path += [part, prefix + "*"] if prefix else [part]
        chosen = {key[len(prefix):]: value for key, value in inner[part].items() if key.startswith(prefix)}
        return chosen or self.refuse(f"no key of '{part}' begins with '{prefix}'")

    def unwrapped(self, tensors):
        """Tensors without the prefixes before a network's own names, and without what lies beside the network."""
        while True:
            parts = collections.Counter(key.split(".")[0] for key in tensors if "." in key)
            pair = any(part in AVERAGES for part in parts) and any(part in NETWORKS for part in parts)
            around = [part for part in WRAPPERS if parts[part] == len(tensors)]
            part = None
            if not self.settled and (pair or self.wanted in parts):
                part = self.pick(parts)
            elif BACKBONE in parts or around:
                part = BACKBONE if BACKBONE in parts else around[0]
            if part is None:
                return tensors
            beside = collections.Counter(key.split(".")[0] for key in tensors if not key.startswith(part + "."))
            self.left_out += [f"{name}.* ({count} tensors)" if name in parts else name
                              for name, count in beside.items()]
            self.path.append(part + ".*")
            inside = {key[len(part) + 1:]: value for key, value in tensors.items() if key.startswith(part + ".")}
            if pair and part in AVERAGES and not any("." in key for key in inside):
                # Latent diffusion's average has no dots in its names: those of the network tell where they were.
                network = next(name for name in NETWORKS if name in parts) + "."
                dotted = {key[len(network):].replace(".", ""): key[len(network):] for key in tensors if
                          key.startswith(network)}
                inside = {dotted[key]: value for key, value in inside.items() if key in dotted}
            tensors, self.settled = inside, self.settled or pair


def read_state(file, weights):
    choice = Choice(file, weights)
    state = choice.descend(load(file))
    tensors = {key: value.float().contiguous() for key, value in state.items() if value.is_floating_point()}
    if not tensors:
        sys.exit(f"{file}: no float tensors; expected a state_dict")
    if weights and not choice.settled:
        sys.exit(f"{file}: --weights {weights}: not a training state with such a network, the file holds one network")
    return tensors, choice


def type_name(tensor):
    return {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}[str(tensor.dtype).removeprefix("torch.")]


def write_safetensors(file, tensors, metadata):
    header, offset = {"__metadata__": metadata}, 0
    sizes = {name: tensor.numel() * tensor.element_size() for name, tensor in tensors.items()}
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    for name in order:
        header[name] = {"dtype": type_name(tensors[name]), "shape": list(tensors[name].shape),
                        "data_offsets": [offset, offset + sizes[name]]}
        offset += sizes[name]
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    part = file.with_name(file.name + ".part")
    with open(part, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            tensor = tensors[name]  # its bytes as they lie, without NumPy, which LibTorch's wheel does not bring
            out.write(ctypes.string_at(tensor.data_ptr(), sizes[name]))
    os.replace(part, file)


def kept_type(state):
    """The float tensors of a state_dict as they are, doubles rounded."""
    import torch
    return {key: (value.float() if value.dtype == torch.float64 else value).contiguous()
            for key, value in state.items() if is_tensor(value) and value.is_floating_point()}


def new_folder(target, fill):
    """A folder that is there as a whole or not at all: fill(folder) makes its content and gives what to print."""
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        said = fill(part)
        os.replace(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    print(f"{target}: {said}")


def convert_folder(source, target):
    """Fills a folder like `source`, of diffusers' layout, with safetensors in the place of its pickles."""
    converted = 0
    # What begins with a dot is a repository's own, with a second copy of all weights.
    for file in sorted(path for path in source.rglob("*") if path.is_file() and
                       not any(part.startswith(".") for part in path.relative_to(source).parts)):
        place = target / file.relative_to(source)
        if file.name.endswith(".bin.index.json"):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix != ".bin":
            shutil.copyfile(file, place)
            continue
        # A set of several files becomes one, under the name of the whole.
        name = re.sub(r"^pytorch_model", "model", file.name)
        shard = re.fullmatch(r"(.+?)-(\d{5})-of-(\d{5})(\.\w+)?\.bin", name)
        if shard:
            others = [file.with_name(file.name.replace(f"-{shard[2]}-of-", f"-{place_of:05d}-of-"))
                      for place_of in range(1, int(shard[3]) + 1)]
            missing = [other.name for other in others if not other.is_file()]
            if missing:
                sys.exit(f"{file.parent}: {file.name} is one of {len(others)} files, of which are missing: "
                         f"{', '.join(missing)}")
            if int(shard[2]) > 1:
                continue
        state = as_container(load(file))
        if state is None:
            sys.exit(f"{file}: no tensors; expected a state_dict")
        if shard:
            for other in others[1:]:
                state = {**state, **(as_container(load(other)) or {})}
            name = f"{shard[1]}{shard[4] or ''}.bin"
        write_safetensors(place.with_name(name[:-len(".bin")] + ".safetensors"), kept_type(state),
                          {"format": "pt", "source": file.name})
        converted += 1
    if not converted:
        sys.exit(f"{source}: no .bin file in it; nothing to convert")
    return f"{converted} weights files converted, all else copied"


def convert_original(options, target):
    """Fills a folder of diffusers' layout from a checkpoint of CompVis' layout."""
    digest = check_hash(options.source)
    state = as_container(load(options.source))
    state = as_container((state or {}).get("state_dict")) or state or {}
    tensors = kept_type(state)
    if not stable_diffusion_layout.is_original(tensors):
        sys.exit(f"{options.source}: no checkpoint of Stable Diffusion (no key begins with "
                 f"'{stable_diffusion_layout.UNET}'); one network is written to a FILE.safetensors")
    metadata = {"format": "pt", "source": options.source.name, "source_sha256": digest}
    try:
        return stable_diffusion_layout.convert(
            tensors, target, options,
            lambda file, weights: write_safetensors(file, {k: v.contiguous() for k, v in weights.items()}, metadata))
    except KeyError as key:
        sys.exit(f"{options.source}: no checkpoint of a whole Stable Diffusion: of UNet, autoencoder and text encoder it "
                 f"lacks {key}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, metavar="FILE")
    parser.add_argument("target", type=Path, metavar="FILE.safetensors")
    parser.add_argument("--weights", metavar="online|ema|NAME", help="which network of a training checkpoint")
    parser.add_argument("--vocabulary", type=Path, metavar="PATH", help="the tokenizer of a checkpoint of Stable Diffusion")
    parser.add_argument("--prediction", choices=("epsilon", "v_prediction"), help="what its UNet predicts")
    heads = parser.add_mutually_exclusive_group()
    heads.add_argument("--heads", type=int, help="heads of its UNet's attention")
    heads.add_argument("--head-channels", type=int, help="channels of each of them")
    options = parser.parse_args()
    if options.source.is_dir():
        if not (options.source / "model_index.json").is_file():
            sys.exit(f"{options.source}: no model_index.json; accepted: a file, or a folder in diffusers' layout")
        if options.target.exists():
            sys.exit(f"{options.target}: is there already; name a folder to be made")
        return new_folder(options.target, lambda part: convert_folder(options.source, part))
    if not options.source.is_file():
        sys.exit(f"{options.source}: no such file")
    if options.target.suffix.lower() != ".safetensors":
        if options.target.exists():
            sys.exit(f"{options.target}: is there already; name a FILE.safetensors or a folder to be made")
        return new_folder(options.target, lambda part: convert_original(options, part))
    if options.target.exists() and options.target.samefile(options.source):
        sys.exit(f"{options.target}: would overwrite the source; give another name")
    digest = check_hash(options.source)
    tensors, choice = read_state(options.source, options.weights)
    metadata = {"source": options.source.name, "source_sha256": digest}
    if options.weights:
        metadata["weights"] = options.weights
    if choice.path:
        metadata["taken"] = " > ".join(choice.path)
    write_safetensors(options.target, tensors, metadata)
    print(f"{options.target}: {len(tensors)} tensors, {sum(t.numel() for t in tensors.values()):,} numbers")
    if choice.path:
        print(f"taken: {metadata['taken']}" + (f"; --weights online takes '{choice.other}'" if choice.other else ""))
    if choice.left_out:
        print(f"left out: {', '.join(sorted(choice.left_out))}")


if __name__ == "__main__":
    main()
