"""A Wasserstein GAN whose critic is held to gradients of length one: a loss made of gradients."""

import torch
import torch.nn as nn
from torch import autograd


def mlp(*sizes):
    layers = []
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        layers += [nn.Linear(a, b)]
        if i < len(sizes) - 2:
            layers += [nn.LayerNorm(b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers)


def build():
    return nn.ModuleDict({"generator": mlp(3, 16, 2), "critic": mlp(2, 16, 16, 1)})


def gradient_penalty(critic, real, fake, alpha):
    interpolates = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    d_interpolates = critic(interpolates)
    gradients = autograd.grad(
        outputs=d_interpolates,
        inputs=interpolates,
        grad_outputs=torch.ones_like(d_interpolates),
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    return ((gradients.view(gradients.size(0), -1).norm(2, dim=1) - 1) ** 2).mean()


def train(model, rng):
    generator, critic = model["generator"], model["critic"]
    optimizer_c = torch.optim.RMSprop(critic.parameters(), lr=2e-3)
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=1e-4, betas=(0.0, 0.9))
    real = torch.from_numpy(rng.standard_normal((12, 2)) * 0.3 + 2)
    while True:
        for p in critic.parameters():
            p.requires_grad_(True)
        noise = torch.from_numpy(rng.standard_normal((12, 3)))
        fake = generator(noise).detach()
        alpha = torch.from_numpy(rng.random((12, 1)))
        optimizer_c.zero_grad()
        loss_c = critic(fake).mean() - critic(real).mean() + 10 * gradient_penalty(critic, real, fake, alpha)
        loss_c.backward()
        optimizer_c.step()
        for p in critic.parameters():
            p.requires_grad_(False)
        optimizer_g.zero_grad()
        loss_g = -critic(generator(noise)).mean()
        loss_g.backward()
        optimizer_g.step()
        yield loss_c
