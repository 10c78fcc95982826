"""Gaussian-process regression: the marginal likelihood by a Cholesky factor, and a prediction with its variance."""

import math

import torch
import torch.nn as nn


class GP(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_length = nn.Parameter(torch.tensor([-1.0]))
        self.log_scale = nn.Parameter(torch.tensor(0.0))
        self.log_noise = nn.Parameter(torch.tensor(-2.0))

    def kernel(self, a, b):
        return (2 * self.log_scale - 0.5 * (torch.cdist(a, b) / self.log_length.exp()) ** 2).exp()

    def factor(self, x):
        return torch.linalg.cholesky(self.kernel(x, x) + torch.exp(2 * self.log_noise) * torch.eye(len(x)))

    def forward(self, x, y):
        L = self.factor(x)
        alpha = torch.cholesky_solve(y.unsqueeze(1), L)
        return 0.5 * (y @ alpha).sum() + L.diagonal().log().sum() + 0.5 * len(x) * math.log(2 * math.pi)

    @torch.no_grad()
    def predict(self, x, y, at):
        L, k = self.factor(x), self.kernel(x, at)
        v = torch.linalg.solve_triangular(L, k, upper=False)
        return k.T @ torch.cholesky_solve(y.unsqueeze(1), L), self.kernel(at, at).diagonal() - (v**2).sum(0)


def build():
    return GP()


def train(model, rng):
    x = torch.from_numpy(rng.uniform(0, 1, (9, 1))).sort(dim=0).values
    y = torch.sin(6 * x).squeeze(1) + 0.1 * torch.from_numpy(rng.standard_normal(9))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    while True:
        optimizer.zero_grad()
        loss = model(x, y)
        loss.backward()
        optimizer.step()
        mean, variance = model.predict(x, y, torch.linspace(0, 1, 5).unsqueeze(1))
        assert mean.shape == (5, 1)
        assert (variance > 0).all()
        yield loss
