"""The five checks as a user would write them in an afternoon, for test_whole.py to measure the audit against.

    python obvious.py messages.jsonl [--limit N]

Lines through json, langdetect on each message, MinHashLSH of datasketch over word 5-grams, Python sets of the word
13-grams of benchmark questions, dicts for the trees; one thread. It prints what it counted and writes no report.
"""

import argparse
import json
import re
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

from chataudit.audit.references import shipped
from chataudit.benchmarks_refs.cards import items
from datasketch import MinHash, MinHashLSH
from langdetect import DetectorFactory, LangDetectException, detect

BENCHMARKS = Path(__file__).resolve().parents[3] / "shared" / "data" / "benchmarks"
WORD = re.compile(r"\w+")
OF_LANGDETECT = {"nb": "no"}  # what it calls a language in another way than OASST does

DetectorFactory.seed = 0


def grams(text: str, n: int) -> set[str]:
    words = WORD.findall(text.lower())
    return {" ".join(words[k : k + n]) for k in range(len(words) - n + 1)}


def questions() -> set[str]:
    """Return the word 13-grams of the benchmarks that chataudit ships; the cards name the question of an item."""
    found = set()
    for _, card in shipped():
        for item in items(card, BENCHMARKS):
            for text in item.parts["question"]:
                found |= grams(text, 13)
    return found


def is_in(text: str, lang: str) -> bool:
    try:
        detected: str = detect(text)
    except LangDetectException:  # numbers and signs alone
        return True
    declared = lang.partition("-")[0]
    return detected.partition("-")[0] == OF_LANGDETECT.get(declared, declared)


def audit(messages: list[dict[str, Any]]) -> Counter[str]:
    """Return how many messages each check flags."""
    found = Counter[str]()
    references = questions()
    by_id = {message["message_id"]: message for message in messages}
    shingles = {message["message_id"]: grams(message["text"], 5) for message in messages}
    index = MinHashLSH(threshold=0.8, num_perm=128)
    for k, message in enumerate(messages):
        own = shingles[message["message_id"]]
        found["in another language"] += not is_in(message["text"], message["lang"])
        found["with a benchmark question"] += not references.isdisjoint(grams(message["text"], 13))
        if own:
            sketch = MinHash(num_perm=128)
            for gram in own:
                sketch.update(gram.encode())
            found["like one before"] += bool(index.query(sketch))
            index.insert(k, sketch)
        if message["parent_id"] is None:
            found["begins with another role"] += message["role"] != "prompter"
        elif (parent := by_id.get(message["parent_id"])) is None:
            found["without its parent"] += 1
        else:
            found["in the role of its parent"] += message["role"] == parent["role"]
            if own:
                shared = own & shingles[parent["message_id"]]
                found["repeats its prompt"] += len(shared) / len(own) >= 0.8
    found["with the id of another"] = len(messages) - len(by_id)
    return found


if __name__ == "__main__":
    cli = argparse.ArgumentParser()
    cli.add_argument("path", type=Path)
    cli.add_argument("--limit", type=int, help="how many messages to read; none: all")
    options = cli.parse_args()
    with open(options.path, encoding="utf-8") as file:
        messages = [json.loads(line) for line in islice(file, options.limit)]
    flagged = audit(messages)
    print(f"{len(messages):,} messages:", ", ".join(f"{count:,} {what}" for what, count in flagged.items()))
