"""RealNVP: affine coupling layers whose inverse and determinant are known."""

import torch
import torch.nn as nn
from torch.distributions import MultivariateNormal


class Coupling(nn.Module):
    def __init__(self, mask):
        super().__init__()
        self.register_buffer("mask", mask)
        self.scale = nn.Sequential(nn.Linear(2, 12), nn.LeakyReLU(), nn.Linear(12, 2), nn.Tanh())
        self.shift = nn.Sequential(nn.Linear(2, 12), nn.LeakyReLU(), nn.Linear(12, 2))

    def parts(self, x):
        kept = x * self.mask
        return self.scale(kept) * (1 - self.mask), self.shift(kept) * (1 - self.mask)

    def forward(self, x):
        s, t = self.parts(x)
        return x * torch.exp(s) + t, s.sum(-1)

    def inverse(self, y):
        s, t = self.parts(y)
        return (y - t) * torch.exp(-s)


class RealNVP(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(
            Coupling(torch.tensor([i % 2, 1 - i % 2]).to(torch.get_default_dtype())) for i in range(4)
        )

    def log_prob(self, x):
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, log_det = layer(x)
            total += log_det
        return MultivariateNormal(torch.zeros(2), torch.eye(2)).log_prob(x) + total

    def backward_pass(self, z):
        for layer in reversed(self.layers):
            z = layer.inverse(z)
        return z


def build():
    return RealNVP()


def train(model, rng):
    angle = torch.from_numpy(rng.uniform(0, 3.14, 32))
    data = (
        torch.stack([torch.cos(angle), torch.sin(angle)], dim=1) + torch.from_numpy(rng.standard_normal((32, 2))) / 10
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    while True:
        optimizer.zero_grad()
        loss = -model.log_prob(data).mean()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            z = data
            for layer in model.layers:
                z = layer(z)[0]
            assert torch.allclose(model.backward_pass(z), data)
        yield loss
