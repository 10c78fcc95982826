"""A physics-informed network: a differential equation as the loss, by derivatives of the network in its inputs."""

import torch
import torch.nn as nn


class PINN(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Softplus(beta=2), nn.Linear(16, 1))

    def forward(self, x, t):
        return self.net(torch.cat([x, t], dim=1))


def derivative(u, x):
    return torch.autograd.grad(u, x, torch.ones_like(u), create_graph=True)[0]


def build():
    return PINN()


def train(model, rng):
    x = torch.from_numpy(rng.uniform(-1, 1, (20, 1))).requires_grad_()
    t = torch.from_numpy(rng.uniform(0, 1, (20, 1))).requires_grad_()
    optimizer = torch.optim.NAdam(model.parameters(), lr=1e-2)
    while True:
        u = model(x, t)
        u_t, u_x = derivative(u, t), derivative(u, x)
        residual = u_t + u * u_x - 0.01 / torch.pi * derivative(u_x, x)
        start = model(x, torch.zeros_like(t)) + torch.sin(torch.pi * x)
        loss = residual.square().mean() + start.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss
