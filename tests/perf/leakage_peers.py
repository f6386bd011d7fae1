"""Other searches for benchmark items in texts: what they read, and the command of each.

decon (package decontaminate) and corpus-assay, both for Python 3.12 and later, with the settings that they have by
default and one worker each. Both are given the questions alone: decon finds fewer items where it also asks for answers.
"""

import gzip
import hashlib
import json
from collections.abc import Iterator
from itertools import chain, zip_longest
from pathlib import Path

from building import SHARED

PACKAGES = ("decontaminate==0.3.0.post4", "corpus-assay==0.1.0")
DATA = SHARED / "data"
ITEMS = DATA / "planted" / "reference_items.jsonl.gz"
N_BYTES = 87_000_000  # of text

DECON = "import sys, decon; decon.detect(decon.Config(*sys.argv[1:], worker_threads=1))"


def prepare(folder: Path) -> int:
    """Write what ours and the peers read into an empty folder; returns the bytes of the texts."""
    for name in ("texts", "references"):
        (folder / name).mkdir()
    questions = folder / "references" / "planted.jsonl"
    with open(questions, "w", encoding="utf-8") as file:
        for k, item in enumerate(_records(ITEMS), 1):
            record = {"eval_key": item["bench"], "doc_id": k, "question": item["question"]}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    benchmark = {"name": "planted", "dataset": "json", "splits": ["test"], "fields": ["question"]}
    benchmark["data_files"] = {"test": str(questions)}
    # JSON is YAML.
    (folder / "corpus-assay.yaml").write_text(json.dumps({"benchmarks": [benchmark]}), encoding="utf-8")
    n_bytes = 0
    with open(texts(folder), "w", encoding="utf-8") as file:
        for key, text in _texts():
            file.write(json.dumps({"id": key, "text": text}, ensure_ascii=False) + "\n")
            n_bytes += len(text.encode())
            if n_bytes >= N_BYTES:
                return n_bytes
    raise ValueError(f"only {n_bytes:,} bytes of text in {DATA}")


def texts(folder: Path) -> Path:
    """Return the path of the documents to search, `{"id", "text"}` a line."""
    return folder / "texts" / "texts.jsonl"


def commands(python: Path, folder: Path, out: Path) -> dict[str, list[str]]:
    """Return the command of each peer, from the prepared folder to its report in `out`, to be run in this order.

    Both build an index first. The second run of corpus-assay, with the index it has, shows its cost without that.
    """
    (out / "decon").mkdir(parents=True)
    decon = [str(folder / "texts"), str(folder / "references"), str(out / "decon")]
    assay = [str(python), "-m", "corpus_assay", "run", "--allow-unpinned", "--workers", "1", "--id-key", "id"]
    assay += ["--config", str(folder / "corpus-assay.yaml"), "--input", str(folder / "texts")]
    assay += ["--index-cache-dir", str(out / "index")]
    return {
        "decon": [str(python), "-c", DECON, *decon],
        "corpus-assay": [*assay, "--out-dir", str(out / "corpus-assay")],
        "corpus-assay, index made": [*assay, "--out-dir", str(out / "corpus-assay-again")],
    }


def found(out: Path) -> dict[str, int]:
    """Count the texts that each peer flagged. Raise where a peer did not read its input."""
    lines = chain.from_iterable(path.open(encoding="utf-8") for path in (out / "decon").glob("*.jsonl"))
    flagged = {json.loads(line)["training_line"] for line in lines}
    summary = json.loads((out / "corpus-assay" / "_FINAL_SUMMARY.json").read_text(encoding="utf-8"))
    if summary["failed_files"]:
        raise ValueError(f"corpus-assay did not read its input: {summary}")
    return {"decon": len(flagged), "corpus-assay": summary["total_contaminated"]}


def _texts() -> Iterator[tuple[str, str]]:
    """Yield the texts with planted leaks, then one of each other source in turn; none twice."""
    patterns = ("pools/messages.*", "pools/sentences.*", "lid/*.jsonl.gz", "oasst/*.messages.*")
    others = [path for pattern in patterns for path in sorted(DATA.glob(pattern))]
    in_turn = chain.from_iterable(zip_longest(*map(_keyed, others)))
    seen = set()
    for one in chain(_keyed(DATA / "planted" / "corpus.jsonl.gz"), in_turn):
        if one is not None:
            digest = hashlib.blake2b(one[1].encode(), digest_size=16).digest()
            if digest not in seen:
                seen.add(digest)
                yield one


def _keyed(path: Path) -> Iterator[tuple[str, str]]:
    name = path.name.removesuffix(".jsonl.gz")
    for k, record in enumerate(_records(path), 1):
        yield f"{name}-{k}", record["text"]


def _records(path: Path) -> Iterator[dict]:
    with gzip.open(path, "rb") as file:
        yield from map(json.loads, file)
