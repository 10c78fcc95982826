"""Speech: convolutions over frames, a bidirectional GRU, and connectionist temporal classification."""

import torch
import torch.nn as nn


class Acoustic(nn.Module):
    def __init__(self, mels=10, labels=6):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(mels, 12, 3, stride=2, padding=1), nn.BatchNorm1d(12), nn.Hardtanh(0, 20, inplace=True)
        )
        self.rnn = nn.GRU(12, 8, num_layers=2, bidirectional=True)
        self.fc = nn.Linear(16, labels)

    def forward(self, x):
        x = self.conv(x).permute(2, 0, 1)
        self.rnn.flatten_parameters()
        x, _ = self.rnn(x)
        return self.fc(x).log_softmax(-1)


def greedy(log_probs):
    best = torch.unique_consecutive(log_probs[:, 0].argmax(-1))
    return best[best != 0].tolist()


def build():
    return Acoustic()


def train(model, rng):
    frames = torch.from_numpy(rng.standard_normal((3, 10, 30)))
    targets = torch.from_numpy(rng.integers(1, 6, 11))
    target_lengths = torch.tensor([5, 2, 4])
    ctc_loss = nn.CTCLoss(blank=0, zero_infinity=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=40)
    while True:
        log_probs = model(frames)
        input_lengths = torch.full((3,), log_probs.size(0), dtype=torch.long)
        loss = ctc_loss(log_probs, targets, input_lengths, target_lengths)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        assert isinstance(greedy(log_probs.detach()), list)
        yield loss
