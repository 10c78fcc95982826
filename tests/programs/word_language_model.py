"""A word language model: LSTM over truncated stretches of text, clipped gradients, plain updates of the parameters."""

import torch
import torch.nn as nn
import torch.nn.functional as F

NTOKEN, NINP, NHID, NLAYERS, BPTT, BATCH = 20, 12, 12, 2, 7, 3


class RNNModel(nn.Module):
    def __init__(self, rnn_type="LSTM", tie_weights=True):
        super().__init__()
        self.drop = nn.Dropout(0.0)
        self.encoder = nn.Embedding(NTOKEN, NINP)
        self.rnn = getattr(nn, rnn_type)(NINP, NHID, NLAYERS, dropout=0.0)
        self.decoder = nn.Linear(NHID, NTOKEN)
        if tie_weights:
            self.decoder.weight = self.encoder.weight
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)

    def forward(self, input, hidden):
        emb = self.drop(self.encoder(input))
        output, hidden = self.rnn(emb, hidden)
        decoded = self.decoder(self.drop(output)).view(-1, NTOKEN)
        return F.log_softmax(decoded, dim=1), hidden

    def init_hidden(self, bsz):
        weight = next(self.parameters())
        return (weight.new_zeros(NLAYERS, bsz, NHID), weight.new_zeros(NLAYERS, bsz, NHID))


def repackage_hidden(h):
    if isinstance(h, torch.Tensor):
        return h.detach()
    return tuple(repackage_hidden(v) for v in h)


def batchify(data, bsz):
    nbatch = data.size(0) // bsz
    return data.narrow(0, 0, nbatch * bsz).view(bsz, -1).t().contiguous()


def build():
    return RNNModel()


def train(model, rng):
    source = batchify(torch.from_numpy(rng.integers(0, 4, 400).cumsum() % NTOKEN), BATCH)
    criterion = nn.NLLLoss()
    lr = 5.0
    while True:
        hidden = model.init_hidden(BATCH)
        for i in range(0, source.size(0) - 1 - BPTT, BPTT):
            data, targets = source[i : i + BPTT], source[i + 1 : i + 1 + BPTT].view(-1)
            model.zero_grad()
            hidden = repackage_hidden(hidden)
            output, hidden = model(data, hidden)
            loss = criterion(output, targets)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
            for p in model.parameters():
                p.data.add_(p.grad, alpha=-lr)
            yield loss
