"""The numbers of bench/data.ts, made by the same integer arithmetic."""

import torch

MASK = 0xFFFFFFFF


def uniform(length, seed):
    """The numbers of bench/data.ts: multiples of 2^-24 in [-1, 1)."""
    bits = (torch.arange(length, dtype=torch.int64) * 0x9E3779B9 + seed * 0x85EBCA6B) & MASK
    bits = ((bits ^ (bits >> 16)) * 0x21F0AAAD) & MASK
    bits = ((bits ^ (bits >> 15)) * 0x735A2D97) & MASK
    bits = bits ^ (bits >> 15)
    signed = torch.where(bits >= 1 << 31, bits - (1 << 32), bits)
    return ((signed >> 7).to(torch.float64) / 2**24).to(torch.float32)


def product(sizes):
    result = 1
    for size in sizes:
        result *= size
    return result
