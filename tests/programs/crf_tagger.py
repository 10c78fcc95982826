"""A BiLSTM tagger whose last layer is a conditional random field: forward algorithm, and the best path of Viterbi."""

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class CRF(nn.Module):
    def __init__(self, num_tags):
        super().__init__()
        self.start_transitions = nn.Parameter(torch.empty(num_tags))
        self.end_transitions = nn.Parameter(torch.empty(num_tags))
        self.transitions = nn.Parameter(torch.empty(num_tags, num_tags))
        for p in self.parameters():
            nn.init.uniform_(p, -0.1, 0.1)

    def forward(self, emissions, tags, mask):
        length, batch = tags.shape
        rows = torch.arange(batch)
        score = self.start_transitions[tags[0]] + emissions[0, rows, tags[0]]
        alpha = self.start_transitions + emissions[0]
        for i in range(1, length):
            score = score + (self.transitions[tags[i - 1], tags[i]] + emissions[i, rows, tags[i]]) * mask[i]
            following = torch.logsumexp(alpha.unsqueeze(2) + self.transitions + emissions[i].unsqueeze(1), dim=1)
            alpha = torch.where(mask[i].unsqueeze(1), following, alpha)
        last = tags[mask.long().sum(0) - 1, rows]
        return -(score + self.end_transitions[last] - torch.logsumexp(alpha + self.end_transitions, dim=1)).mean()

    @torch.no_grad()
    def decode(self, emissions):
        score, history = self.start_transitions + emissions[0], []
        for emission in emissions[1:]:
            score, best = (score.unsqueeze(2) + self.transitions + emission.unsqueeze(1)).max(dim=1)
            history.append(best)
        path = [(score + self.end_transitions).argmax(dim=1)]
        for best in reversed(history):
            path.insert(0, best.gather(1, path[0].unsqueeze(1)).squeeze(1))
        return torch.stack(path)


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(12, 6, padding_idx=0)
        self.lstm = nn.LSTM(6, 5, bidirectional=True)
        self.hidden2tag = nn.Linear(10, 4)
        self.crf = CRF(4)

    def emissions(self, words, lengths):
        packed = pack_padded_sequence(self.embedding(words), lengths, enforce_sorted=False)
        return self.hidden2tag(pad_packed_sequence(self.lstm(packed)[0])[0])


def build():
    return Tagger()


def train(model, rng):
    words = torch.from_numpy(rng.integers(1, 12, (6, 4)))
    lengths = torch.tensor([4, 6, 2, 5])
    mask = torch.arange(6).unsqueeze(1) < lengths
    words[~mask] = 0
    tags = words % 4
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, weight_decay=1e-4)
    while True:
        model.zero_grad()
        emissions = model.emissions(words, lengths)
        loss = model.crf(emissions, tags, mask)
        loss.backward()
        optimizer.step()
        assert model.crf.decode(emissions).shape == tags.shape
        yield loss
