"""Learns to read handwritten digits: a whole training program, from the data to a saved model.

The data are scikit-learn's 1,797 images of 8x8 pixels (`pip install scikit-learn safetensors`), so nothing is
downloaded.

Run: `python examples/digits.py --epochs 10`. Takes a few seconds and reads more than 97 % of the test digits
rightly.
"""

import argparse

from safetensors.numpy import save_file
from sklearn.datasets import load_digits

import weft
from weft import nn
from weft.nn import functional as F
from weft.utils.data import DataLoader, TensorDataset, random_split


class DigitNet(nn.Module):
    """Images (N, 1, 8, 8) to one score per digit, (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classify = nn.Linear(64 * 4 * 4, 10)

    def forward(self, x: weft.Tensor) -> weft.Tensor:
        return self.classify(self.features(x).flatten(1))


def evaluate(net: nn.Module, loader: DataLoader) -> float:
    """Share of the images that `net` reads rightly."""
    net.eval()
    right = total = 0
    with weft.no_grad():
        for images, labels in loader:
            right += (net(images).argmax(1) == labels).sum().item()
            total += len(labels)
    return right / total


def train_epoch(net: nn.Module, loader: DataLoader, optimizer: weft.optim.Optimizer) -> float:
    """One pass over the data; returns the mean loss."""
    net.train()
    losses = []
    for images, labels in loader:
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def main() -> None:
    parser = argparse.ArgumentParser(description="Learn to read handwritten digits.")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", metavar="FILE", help="where to keep the weights, as safetensors")
    arguments = parser.parse_args()

    weft.manual_seed(arguments.seed)
    images, labels = load_digits(return_X_y=True)
    data = TensorDataset(weft.tensor(images, dtype=weft.float32).reshape(-1, 1, 8, 8) / 16, weft.tensor(labels))
    training, testing = random_split(data, [0.8, 0.2])
    train_loader = DataLoader(training, batch_size=arguments.batch_size, shuffle=True)
    test_loader = DataLoader(testing, batch_size=256)

    net = DigitNet()
    optimizer = weft.optim.AdamW(net.parameters(), lr=arguments.lr)
    for epoch in range(1, arguments.epochs + 1):
        loss = train_epoch(net, train_loader, optimizer)
        print(f"epoch {epoch}: loss {loss:.4f}, {evaluate(net, test_loader):.1%} of the test digits right")
    if arguments.save:
        save_file({name: value.numpy() for name, value in net.state_dict().items()}, arguments.save)


if __name__ == "__main__":
    main()
