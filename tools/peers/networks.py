"""Networks as people write them in PyTorch, with the state keys of ours, so that both train from the same weights."""
import math

import torch
import torch.nn.functional as F
from torch import nn


def sinusoid(timesteps, width):
    frequencies = torch.exp(-math.log(10000) * torch.arange(width // 2, dtype=torch.float32) / (width // 2))
    angles = timesteps[:, None].float() * frequencies
    return torch.cat([angles.cos(), angles.sin()], 1)


class ResBlock(nn.Module):
    def __init__(self, c, before, after, embedding, resample=None):
        super().__init__()
        self.resample = resample
        self.in_layers = nn.Sequential(nn.GroupNorm(c["norm_groups"], before), nn.SiLU(),
                                       nn.Conv2d(before, after, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, 2 * after))
        self.out_layers = nn.Sequential(nn.GroupNorm(c["norm_groups"], after), nn.SiLU(), nn.Identity(),
                                        nn.Conv2d(after, after, 3, padding=1))
        self.skip_connection = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, x, embedding):
        h = self.in_layers[:2](x)
        if self.resample == "down":
            h, x = F.avg_pool2d(h, 2), F.avg_pool2d(x, 2)
        elif self.resample == "up":
            h, x = F.interpolate(h, scale_factor=2.0), F.interpolate(x, scale_factor=2.0)
        h = self.in_layers[2](h)
        scale, shift = self.emb_layers(embedding)[:, :, None, None].chunk(2, 1)
        h = self.out_layers[0](h) * (1 + scale) + shift
        return self.skip_connection(x) + self.out_layers[1:](h)


class ImageAttention(nn.Module):
    def __init__(self, c, channels):
        super().__init__()
        self.heads = channels // c["num_head_channels"]
        self.norm = nn.GroupNorm(c["norm_groups"], channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x, _):
        flat = x.flatten(2)
        q, k, v = self.qkv(self.norm(flat)).unflatten(1, (self.heads, 3, -1)).transpose(-1, -2).unbind(2)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return x + self.proj_out(mixed.transpose(-1, -2).flatten(1, 2)).view(x.shape)


class Stem(nn.Conv2d):
    def forward(self, x, _):
        return super().forward(x)


class UNet(nn.Module):
    """ADM's UNet with scale and shift, and with blocks that halve and double, on a condition vector."""

    def __init__(self, c):
        super().__init__()
        self.width, mult = c["model_channels"], c["channel_mult"]
        embedding = 6 * self.width
        self.time_embed = nn.Sequential(nn.Linear(self.width, 4 * self.width), nn.SiLU(),
                                        nn.Linear(4 * self.width, 4 * self.width))
        self.mlp_cond = nn.Sequential(nn.Linear(c["cond_dim"], 2 * self.width), nn.SiLU(),
                                      nn.Linear(2 * self.width, 2 * self.width))
        self.register_buffer("null_cond_emb", torch.zeros(1, c["cond_dim"]))
        channels, factor = mult[0] * self.width, 1
        skips = [channels]
        self.input_blocks = nn.ModuleList([nn.ModuleList([Stem(3, channels, 3, padding=1)])])

        def level_block(before, after):
            attention = [ImageAttention(c, after)] if factor in c["attention_resolutions"] else []
            return [ResBlock(c, before, after, embedding), *attention]

        for level, m in enumerate(mult):
            for _ in range(c["num_res_blocks"]):
                self.input_blocks.append(nn.ModuleList(level_block(channels, m * self.width)))
                channels = m * self.width
                skips.append(channels)
            if level + 1 < len(mult):
                self.input_blocks.append(nn.ModuleList([ResBlock(c, channels, channels, embedding, "down")]))
                skips.append(channels)
                factor *= 2
        self.middle_block = nn.ModuleList([ResBlock(c, channels, channels, embedding), ImageAttention(c, channels),
                                           ResBlock(c, channels, channels, embedding)])
        self.output_blocks = nn.ModuleList()
        for level in reversed(range(len(mult))):
            for block in range(c["num_res_blocks"] + 1):
                parts = level_block(channels + skips.pop(), mult[level] * self.width)
                channels = mult[level] * self.width
                if level > 0 and block == c["num_res_blocks"]:
                    parts.append(ResBlock(c, channels, channels, embedding, "up"))
                    factor //= 2
                self.output_blocks.append(nn.ModuleList(parts))
        self.out = nn.Sequential(nn.GroupNorm(c["norm_groups"], channels), nn.SiLU(),
                                 nn.Conv2d(channels, 3, 3, padding=1))

    def forward(self, x, timesteps, condition):
        embedding = torch.cat([self.time_embed(sinusoid(timesteps, self.width)), self.mlp_cond(condition)], 1)
        skips = []
        for block in self.input_blocks:
            for part in block:
                x = part(x, embedding)
            skips.append(x)
        for part in self.middle_block:
            x = part(x, embedding)
        for block in self.output_blocks:
            x = torch.cat([x, skips.pop()], 1)
            for part in block:
                x = part(x, embedding)
        return self.out(x)


class TokenAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class TokenMlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class TokenBlock(nn.Module):
    def __init__(self, width, heads, skip):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width), TokenAttention(width, heads)
        self.norm2, self.mlp = nn.LayerNorm(width), TokenMlp(width)
        if skip:
            self.skip_linear = nn.Linear(2 * width, width)

    def forward(self, x, skip=None):
        if skip is not None:
            x = self.skip_linear(torch.cat([x, skip], 2))
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbedding(nn.Module):
    def __init__(self, patch, width):
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch)


class Encoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        width, heads, half = c["encoder_embed_dim"], c["encoder_heads"], c["encoder_depth"] // 2
        self.width = width
        self.patch_embed = PatchEmbedding(c["patch_size"], width)
        self.encoder_pos_embed = nn.Parameter(0.02 * torch.randn(1, 1 + (c["img_size"] // c["patch_size"]) ** 2, width))
        self.in_blocks = nn.ModuleList(TokenBlock(width, heads, False) for _ in range(half))
        self.mid_block = TokenBlock(width, heads, False)
        self.out_blocks = nn.ModuleList(TokenBlock(width, heads, True) for _ in range(half))
        self.norm = nn.LayerNorm(width)

    def forward(self, x, timesteps):
        patches = self.patch_embed.proj(x).flatten(2).transpose(1, 2)
        x = torch.cat([sinusoid(timesteps, self.width)[:, None], patches], 1) + self.encoder_pos_embed
        skips = []
        for block in self.in_blocks:
            x = block(x)
            skips.append(x)
        x = self.mid_block(x)
        for block in self.out_blocks:
            x = block(x, skips.pop())
        return self.norm(x)[:, 1:]


class UViT(nn.Module):
    """MaskDM's network with all patches in sight, without classes."""

    def __init__(self, c):
        super().__init__()
        self.patch = c["patch_size"]
        self.encoder = Encoder(c)
        self.encoder_to_output = nn.Linear(c["encoder_embed_dim"], 3 * self.patch**2)

    def forward(self, x, timesteps, _):
        tokens = self.encoder_to_output(self.encoder(x, timesteps))
        grid = x.shape[2] // self.patch
        pixels = tokens.unflatten(2, (self.patch, self.patch, 3)).unflatten(1, (grid, grid))
        return torch.einsum("nhwpqc->nchpwq", pixels).reshape(x.shape)
