"""Near-duplicate search as users of other libraries write it, from a file of messages to verified pairs.

    python near_duplicate_peers.py rensa|datasketch|datasketch-9x13 messages.jsonl

Word 5-grams in sets, MinHash of 128 values, 16 bands of 8 rows; a candidate counts where the signatures agree in 80 %.
"""

import re
import sys
from collections.abc import Iterator

import msgspec

WORD = re.compile(r"\w+")


def texts(path: str) -> Iterator[str]:
    decode = msgspec.json.Decoder().decode
    with open(path, "rb") as file:
        for line in file:
            yield decode(line)["text"]


def grams(text: str) -> list[str]:
    words = WORD.findall(text.lower())
    return list({" ".join(words[k : k + 5]) for k in range(len(words) - 4)})


def by_rensa(path: str) -> int:
    from rensa import RMinHash, RMinHashLSH

    sets = [found for text in texts(path) if (found := grams(text))]
    signed = RMinHash.from_token_sets(sets, 128, 42)
    index = RMinHashLSH(0.8, 128, 16)
    index.insert_many(signed)
    return sum(
        signed[k].jaccard(signed[other]) >= 0.8
        for k, near in enumerate(index.query_all(signed))
        for other in near
        if other < k
    )


def by_datasketch(path: str, params: tuple[int, int]) -> int:
    from datasketch import MinHash, MinHashLSH

    signed = []
    for text in texts(path):
        if found := grams(text):
            sketch = MinHash(128)
            sketch.update_batch([gram.encode() for gram in found])
            signed.append(sketch)
    index = MinHashLSH(0.8, 128, params=params)
    n = 0
    for k, sketch in enumerate(signed):
        n += sum(sketch.jaccard(signed[other]) >= 0.8 for other in index.query(sketch))
        index.insert(k, sketch)
    return n


if __name__ == "__main__":
    peer, path = sys.argv[1:]
    found = by_rensa(path) if peer == "rensa" else by_datasketch(path, (9, 13) if peer.endswith("9x13") else (16, 8))
    print(f"{found:,} pairs")
