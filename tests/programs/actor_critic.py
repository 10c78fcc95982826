"""Actor-critic on a pole that wants to fall: returns, advantages, and both losses of an episode."""

import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Categorical

GAMMA = 0.95


class CartPole:
    """The pole of Barto, Sutton and Anderson (1983)."""

    def __init__(self, rng):
        self.rng = rng

    def reset(self):
        self.state = self.rng.uniform(-0.05, 0.05, 4)
        return self.state

    def step(self, action):
        x, v, angle, spin = self.state
        force = 10.0 if action == 1 else -10.0
        temp = (force + 0.05 * spin**2 * math.sin(angle)) / 1.1
        acceleration = (9.8 * math.sin(angle) - math.cos(angle) * temp) / (
            0.5 * (4 / 3 - 0.1 * math.cos(angle) ** 2 / 1.1)
        )
        push = temp - 0.05 * acceleration * math.cos(angle) / 1.1
        self.state = np.array([x + 0.02 * v, v + 0.02 * push, angle + 0.02 * spin, spin + 0.02 * acceleration])
        return self.state, 1.0, abs(self.state[2]) > 0.2


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(4, 16)
        self.action_head = nn.Linear(16, 2)
        self.value_head = nn.Linear(16, 1)

    def forward(self, x):
        x = F.relu(self.affine1(x))
        return F.softmax(self.action_head(x), dim=-1), self.value_head(x)


def build():
    return Policy()


def train(model, rng):
    env = CartPole(rng)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-2)
    while True:
        state, saved_actions, rewards = env.reset(), [], []
        for _ in range(30):
            probs, state_value = model(torch.from_numpy(state))
            m = Categorical(probs)
            action = torch.tensor(int(rng.random() > probs[0].item()))
            saved_actions.append((m.log_prob(action), state_value, m.entropy()))
            state, reward, done = env.step(action.item())
            rewards.append(reward)
            if done:
                break
        returns, R = [], 0.0
        for r in rewards[::-1]:
            R = r + GAMMA * R
            returns.insert(0, R)
        returns = torch.tensor(returns, dtype=state_value.dtype)
        policy_losses, value_losses = [], []
        for (log_prob, value, entropy), R in zip(saved_actions, returns):
            policy_losses.append(-log_prob * (R - value.item()) - 0.01 * entropy)
            value_losses.append(F.smooth_l1_loss(value, torch.tensor([R], dtype=value.dtype)))
        optimizer.zero_grad()
        loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum()
        loss.backward()
        optimizer.step()
        yield torch.stack(value_losses).mean()
