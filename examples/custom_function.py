"""An operation with a gradient of its own: a network whose weights are only +1 and -1.

The sign function has slope zero nearly everywhere, so nothing would be learned through it. The
straight-through estimator (Bengio, Leonard and Courville, 2013, https://arxiv.org/abs/1308.3432) takes the
sign on the way forward and hands the gradient on, where the weight is not far from zero, on the way back.
`weft.autograd.Function` says both.

Run: `python examples/custom_function.py --steps 300`.
"""

import argparse
from typing import Any

import weft
from weft import nn
from weft.nn import functional as F


class BinarySign(weft.autograd.Function):
    """The sign of each element, +1 for zero; with the straight-through gradient."""

    @staticmethod
    def forward(ctx: Any, x: weft.Tensor) -> weft.Tensor:
        ctx.save_for_backward(x)
        return weft.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx: Any, grad: weft.Tensor) -> weft.Tensor:
        (x,) = ctx.saved_tensors
        return grad * (x.abs() <= 1)


class BinaryLinear(nn.Linear):
    """A linear layer that computes with the signs of its weights, scaled by their mean size."""

    def forward(self, x: weft.Tensor) -> weft.Tensor:
        scale = self.weight.abs().mean(1, keepdim=True)
        return F.linear(x, BinarySign.apply(self.weight) * scale, self.bias)


def two_spirals(n: int) -> tuple[weft.Tensor, weft.Tensor]:
    """Points on two interleaved spirals, shape (2 n, 2), and which spiral each is on, shape (2 n,)."""
    turn = weft.sqrt(weft.rand(n)) * 6
    arm = weft.stack([turn * weft.cos(turn), turn * weft.sin(turn)], 1) / 6
    points = weft.cat([arm, -arm]) + 0.02 * weft.randn(2 * n, 2)
    return points, weft.arange(2).repeat_interleave(n)


def main() -> None:
    parser = argparse.ArgumentParser(description="Learn with weights of one bit.")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    weft.manual_seed(arguments.seed)
    points, arms = two_spirals(500)
    net = nn.Sequential(
        nn.Linear(2, 128),
        nn.ReLU(),
        BinaryLinear(128, 128),
        nn.ReLU(),
        BinaryLinear(128, 128),
        nn.ReLU(),
        nn.Linear(128, 2),
    )
    optimizer = weft.optim.Adam(net.parameters(), lr=5e-3)
    for step in range(1, arguments.steps + 1):
        scores = net(points)
        loss = F.cross_entropy(scores, arms)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 0 or step == arguments.steps:
            right = (scores.argmax(1) == arms).float().mean().item()
            print(f"step {step}: loss {loss.item():.4f}, {right:.1%} of the points right")


if __name__ == "__main__":
    main()
