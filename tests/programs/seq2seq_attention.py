"""Translation with attention: a packed bidirectional encoder, additive attention, a decoder that sees the targets."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

PAD, SOS, WORDS, HIDDEN = 0, 1, 15, 10


class EncoderRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, HIDDEN, padding_idx=PAD)
        self.gru = nn.GRU(HIDDEN, HIDDEN, batch_first=True, bidirectional=True)

    def forward(self, input, lengths):
        packed = pack_padded_sequence(self.embedding(input), lengths, batch_first=True, enforce_sorted=False)
        output, hidden = self.gru(packed)
        output, _ = pad_packed_sequence(output, batch_first=True)
        return output[:, :, :HIDDEN] + output[:, :, HIDDEN:], hidden.sum(0)


class BahdanauAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.Wa = nn.Linear(HIDDEN, HIDDEN)
        self.Ua = nn.Linear(HIDDEN, HIDDEN)
        self.Va = nn.Linear(HIDDEN, 1)

    def forward(self, query, keys, mask):
        scores = self.Va(torch.tanh(self.Wa(query).unsqueeze(1) + self.Ua(keys))).squeeze(2)
        weights = F.softmax(scores.masked_fill(~mask, -1e9), dim=-1)
        return torch.bmm(weights.unsqueeze(1), keys).squeeze(1), weights


class AttnDecoderRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, HIDDEN)
        self.attention = BahdanauAttention()
        self.gru = nn.GRUCell(2 * HIDDEN, HIDDEN)
        self.out = nn.Linear(HIDDEN, WORDS)

    def forward(self, encoded, mask, hidden, targets):
        step = torch.full((targets.size(0),), SOS, dtype=torch.long)
        outputs = []
        for i in range(targets.size(1)):
            context, _ = self.attention(hidden, encoded, mask)
            hidden = self.gru(torch.cat((self.embedding(step), context), dim=1), hidden)
            outputs.append(self.out(hidden))
            step = targets[:, i]
        return F.log_softmax(torch.stack(outputs, dim=1), dim=-1)


class Seq2Seq(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = EncoderRNN()
        self.decoder = AttnDecoderRNN()

    def forward(self, source, lengths, target):
        encoded, hidden = self.encoder(source, lengths)
        mask = torch.arange(source.size(1))[None, :] < lengths[:, None]
        return self.decoder(encoded, mask, hidden, target)


def build():
    return Seq2Seq()


def train(model, rng):
    sentences = [torch.from_numpy(rng.integers(2, WORDS, n)) for n in (6, 4, 7, 2)]
    lengths = torch.tensor([len(s) for s in sentences])
    source = pad_sequence(sentences, batch_first=True, padding_value=PAD)
    target = pad_sequence([s.flip(0) for s in sentences], batch_first=True, padding_value=PAD)
    criterion = nn.NLLLoss(ignore_index=PAD)
    encoder_optimizer = torch.optim.Adam(model.encoder.parameters(), lr=0.02)
    decoder_optimizer = torch.optim.Adam(model.decoder.parameters(), lr=0.02)
    while True:
        encoder_optimizer.zero_grad()
        decoder_optimizer.zero_grad()
        output = model(source, lengths, target)
        loss = criterion(output.view(-1, output.size(-1)), target.view(-1))
        loss.backward()
        encoder_optimizer.step()
        decoder_optimizer.step()
        yield loss
