"""Denoising diffusion: a small U-Net with group norm, time embeddings and attention, and an average of its weights."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

STEPS = 20


def timestep_embedding(t, dim):
    freqs = torch.exp(-math.log(10000) * torch.arange(dim // 2, dtype=torch.get_default_dtype()) / (dim // 2))
    args = t[:, None].to(freqs.dtype) * freqs[None]
    return torch.cat([torch.cos(args), torch.sin(args)], dim=-1)


class ResBlock(nn.Module):
    def __init__(self, channels, out_channels, emb_channels=16):
        super().__init__()
        self.in_layers = nn.Sequential(
            nn.GroupNorm(4, channels), nn.SiLU(), nn.Conv2d(channels, out_channels, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(emb_channels, 2 * out_channels))
        self.out_norm = nn.GroupNorm(4, out_channels)
        self.out_rest = nn.Sequential(nn.SiLU(), nn.Conv2d(out_channels, out_channels, 3, padding=1))
        self.skip = nn.Identity() if channels == out_channels else nn.Conv2d(channels, out_channels, 1)

    def forward(self, x, emb):
        h = self.in_layers(x)
        scale, shift = torch.chunk(self.emb_layers(emb)[..., None, None], 2, dim=1)
        return self.skip(x) + self.out_rest(self.out_norm(h) * (1 + scale) + shift)


class AttentionBlock(nn.Module):
    def __init__(self, channels, heads=2):
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(4, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        b, c, *spatial = x.shape
        flat = x.reshape(b, c, -1)
        q, k, v = self.qkv(self.norm(flat)).reshape(b * self.heads, -1, flat.shape[2]).chunk(3, dim=1)
        scale = 1 / math.sqrt(math.sqrt(q.shape[1]))
        weight = torch.softmax(torch.einsum("bct,bcs->bts", q * scale, k * scale), dim=-1)
        a = torch.einsum("bts,bcs->bct", weight, v).reshape(b, -1, flat.shape[2])
        return (flat + self.proj_out(a)).reshape(b, c, *spatial)


class UNet(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.time_embed = nn.Sequential(nn.Linear(width, 16), nn.SiLU(), nn.Linear(16, 16))
        self.width = width
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        self.down1 = ResBlock(width, width)
        self.downsample = nn.Conv2d(width, width, 3, stride=2, padding=1)
        self.down2 = ResBlock(width, 2 * width)
        self.middle = AttentionBlock(2 * width)
        self.up2 = ResBlock(4 * width, width)
        self.upsample = nn.Conv2d(width, width, 3, padding=1)
        self.up1 = ResBlock(2 * width, width)
        self.out = nn.Sequential(nn.GroupNorm(4, width), nn.SiLU(), nn.Conv2d(width, 1, 3, padding=1))

    def forward(self, x, t):
        emb = self.time_embed(timestep_embedding(t, self.width))
        one = self.down1(self.stem(x), emb)
        two = self.down2(self.downsample(one), emb)
        h = self.up2(torch.cat([self.middle(two), two], dim=1), emb)
        h = self.upsample(F.interpolate(h, scale_factor=2, mode="nearest"))
        return self.out(self.up1(torch.cat([h, one], dim=1), emb))


def build():
    return UNet()


def train(model, rng):
    alphas_cumprod = torch.cumprod(1 - torch.linspace(1e-3, 0.2, STEPS), dim=0)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    images = torch.from_numpy(rng.standard_normal((4, 1, 8, 8))).tanh()
    noise, t = torch.from_numpy(rng.standard_normal((4, 1, 8, 8))), torch.from_numpy(rng.integers(0, STEPS, 4))
    while True:
        a = alphas_cumprod.gather(0, t).view(-1, 1, 1, 1)
        noisy = a.sqrt() * images + (1 - a).sqrt() * noise
        loss = F.mse_loss(model(noisy, t), noise)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        average.update_parameters(model)
        yield loss
