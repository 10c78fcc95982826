"""nn.Transformer from end to end: causal and padding masks, sinusoidal positions, the schedule of the paper."""

import math

import torch
import torch.nn as nn
from torch import Tensor

PAD, WORDS, EMB = 1, 13, 16


class PositionalEncoding(nn.Module):
    def __init__(self, emb_size, maxlen=50):
        super().__init__()
        den = torch.exp(-torch.arange(0, emb_size, 2) * math.log(10000) / emb_size)
        pos = torch.arange(0, maxlen).reshape(maxlen, 1)
        pos_embedding = torch.zeros((maxlen, emb_size))
        pos_embedding[:, 0::2] = torch.sin(pos * den)
        pos_embedding[:, 1::2] = torch.cos(pos * den)
        self.register_buffer("pos_embedding", pos_embedding.unsqueeze(-2))

    def forward(self, token_embedding: Tensor):
        return token_embedding + self.pos_embedding[: token_embedding.size(0), :]


class Seq2SeqTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.transformer = nn.Transformer(EMB, 2, 2, 2, dim_feedforward=24, dropout=0.0)
        self.generator = nn.Linear(EMB, WORDS)
        self.src_tok_emb, self.tgt_tok_emb = nn.Embedding(WORDS, EMB), nn.Embedding(WORDS, EMB)
        self.positional_encoding = PositionalEncoding(EMB)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.xavier_uniform_(p)

    def embedded(self, embedding, tokens):
        return self.positional_encoding(embedding(tokens.long()) * math.sqrt(EMB))

    def forward(self, src, tgt):
        tgt_mask = nn.Transformer.generate_square_subsequent_mask(tgt.shape[0])
        src_mask = torch.zeros((src.shape[0], src.shape[0])).type(torch.bool)
        src_padding, tgt_padding = (src == PAD).transpose(0, 1), (tgt == PAD).transpose(0, 1)
        tgt_padding = torch.zeros_like(tgt_padding, dtype=tgt_mask.dtype).masked_fill_(tgt_padding, float("-inf"))
        outs = self.transformer(
            self.embedded(self.src_tok_emb, src),
            self.embedded(self.tgt_tok_emb, tgt),
            src_mask,
            tgt_mask,
            None,
            src_padding,
            tgt_padding,
            src_padding,
        )
        return self.generator(outs)


def build():
    return Seq2SeqTransformer()


def train(model, rng):
    src = torch.from_numpy(rng.integers(2, WORDS, (7, 3)))
    src[5:, 0] = PAD
    src[6:, 1] = PAD
    tgt = torch.cat([torch.full((1, 3), 2), src.flip(0)])
    loss_fn = torch.nn.CrossEntropyLoss(ignore_index=PAD)
    optimizer = torch.optim.Adam(model.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-9)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.05 * min((step + 1) ** -0.5, (step + 1) * 5**-1.5)
    )
    while True:
        logits = model(src, tgt[:-1, :])
        optimizer.zero_grad()
        loss = loss_fn(logits.reshape(-1, logits.shape[-1]), tgt[1:, :].reshape(-1))
        loss.backward()
        optimizer.step()
        scheduler.step()
        yield loss
