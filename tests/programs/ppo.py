"""Proximal policy optimisation of a Gaussian policy on recorded steps: generalised advantages, clipped losses."""

import torch
import torch.nn as nn
from torch.distributions import Normal, kl_divergence


def layer_init(layer, std=2**0.5, bias_const=0.0):
    nn.init.orthogonal_(layer.weight, std)
    nn.init.constant_(layer.bias, bias_const)
    return layer


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.critic = nn.Sequential(layer_init(nn.Linear(4, 16)), nn.Tanh(), layer_init(nn.Linear(16, 1), std=1.0))
        self.actor_mean = nn.Sequential(layer_init(nn.Linear(4, 16)), nn.Tanh(), layer_init(nn.Linear(16, 2), std=0.01))
        self.actor_logstd = nn.Parameter(torch.zeros(1, 2))

    def policy(self, x):
        mean = self.actor_mean(x)
        return Normal(mean, self.actor_logstd.expand_as(mean).exp())


def build():
    return Agent()


def train(model, rng):
    steps, envs, gamma, lam = 8, 3, 0.99, 0.95
    obs = torch.from_numpy(rng.standard_normal((steps + 1, envs, 4)))
    noise = torch.from_numpy(rng.standard_normal((steps, envs, 2)))
    dones = torch.from_numpy(rng.random((steps, envs)) < 0.1).to(obs.dtype)
    with torch.no_grad():
        old = model.policy(obs[:-1])
        actions = old.mean + old.stddev * noise
        logprobs, values = old.log_prob(actions).sum(-1), model.critic(obs).squeeze(-1)
        rewards = -(actions - obs[:-1, :, :2]).pow(2).sum(-1)
        advantages, last = torch.zeros_like(rewards), 0.0
        for t in reversed(range(steps)):
            delta = rewards[t] + gamma * values[t + 1] * (1 - dones[t]) - values[t]
            advantages[t] = last = delta + gamma * lam * (1 - dones[t]) * last
        returns = advantages + values[:-1]
        normed = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, eps=1e-5)
    while True:
        new = model.policy(obs[:-1])
        ratio = (new.log_prob(actions).sum(-1) - logprobs).exp()
        policy_loss = torch.max(-normed * ratio, -normed * torch.clamp(ratio, 0.8, 1.2)).mean()
        value = model.critic(obs[:-1]).squeeze(-1)
        clipped = values[:-1] + torch.clamp(value - values[:-1], -0.2, 0.2)
        value_loss = 0.5 * torch.max((value - returns) ** 2, (clipped - returns) ** 2).mean()
        loss = policy_loss + 0.5 * value_loss - 0.01 * new.entropy().sum(-1).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        assert kl_divergence(old, new).mean() >= 0
        yield loss
