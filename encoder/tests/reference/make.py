"""Makes vectors.bin: what sentence-transformers says about the texts that texts.rs generates.

Run once, by hand, where `pip install sentence-transformers` works:
    python3 make.py FOLDER_OF_THE_MODEL
The folder holds the official files. Nothing in the tests needs Python.

vectors.bin, all numbers 16-bit little-endian: an FNV hash of all texts (four numbers); for each text 32
projections (4096 = 1.0), so that the length of a difference can be estimated; for every 20th text all
384 numbers (32767 = 1.0).
"""

import math
import pathlib
import struct
import sys

from sentence_transformers import SentenceTransformer

MASK = (1 << 64) - 1
HERE = pathlib.Path(__file__).parent
TEXTS = 2000
PROJECTIONS = 32
WHOLE_EVERY = 20


class Numbers:
    """A congruential generator; texts.rs has the same."""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) & MASK
        return (self.state >> 33) % limit


def texts():
    words = (HERE / "words.txt").read_text(encoding="utf-8").split()
    numbers = Numbers(20260301)
    found = []
    for index in range(TEXTS):
        # Even texts are short; odd ones are of all lengths, small ones more often.
        length = 5 + numbers.below(7)
        if index % 2 == 1:
            length = 4 + numbers.below(4 << numbers.below(6))
        found.append(" ".join(words[numbers.below(len(words))] for _ in range(length)))
    return found


def fnv(found):
    hash = 0xCBF29CE484222325
    for text in found:
        for byte in text.encode() + b"\n":
            hash = ((hash ^ byte) * 0x100000001B3) & MASK
    return hash


def main():
    found = texts()
    model = SentenceTransformer(sys.argv[1], device="cpu")
    vectors = model.encode(found, batch_size=32, normalize_embeddings=True)
    counts = [len(model.tokenizer(text)["input_ids"]) for text in found]
    print("tokens", min(counts), max(counts), sum(counts))
    numbers = Numbers(1)
    signs = [[1 if numbers.below(2) else -1 for _ in range(384)] for _ in range(PROJECTIONS)]
    out = bytearray(struct.pack("<Q", fnv(found)))
    for vector in vectors:
        for row in signs:
            projected = math.fsum(sign * float(number) for sign, number in zip(row, vector))
            out += struct.pack("<h", round(projected * 4096))
    for vector in vectors[::WHOLE_EVERY]:
        out += b"".join(struct.pack("<h", round(float(number) * 32767)) for number in vector)
    (HERE / "vectors.bin").write_bytes(out)


main()
