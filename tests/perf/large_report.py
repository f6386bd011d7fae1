"""A record of 100,000 findings with two texts of 240 characters each, and the conversation around each of them."""

import string

import msgspec
import numpy as np
import pyarrow as pa
from building import audit, message, seen
from chataudit.checks.base.check import Method
from chataudit.checks.base.claims import fingerprint
from chataudit.checks.base.findings import FINDINGS
from chataudit.reports.record import THREADS, CheckFacts, Count, Record, RuleFacts

SOURCE = "data.jsonl.gz"
LENGTH = 240  # characters of each text
EXCERPT = 160
LANGS = ("en", "de", "es", "fr", "ru", "zh", "ar", "pt-BR")
ROLES = ("prompter", "assistant")
CHECKS = (("near_duplicates", "near_copy", 2), ("lang_mismatch", "wrong_language", 3), ("prompt_parroting", "echo", 1))


def texts(n: int, length: int, seed: int) -> list[str]:
    """Make up sentences: 20,000 words, as frequent as words of a language are (Zipf)."""
    rng = np.random.default_rng(seed)
    letters = np.array(list(string.ascii_lowercase))
    words = ["".join(rng.choice(letters, size=k)) for k in rng.integers(2, 10, 20_000)]
    drawn = np.minimum(rng.zipf(1.2, size=n * length // 3), len(words)) - 1
    whole = " ".join([words[k] for k in drawn.tolist()])
    assert len(whole) >= n * length
    return [whole[at : at + length] for at in range(0, n * length, length)]


def record(tmp_path, n: int = 100_000, seed: int = 1) -> Record:
    """Build the record; its other facts are those of a small audit."""
    made = audit(tmp_path, [message("a"), message("b", "a")])
    rng = np.random.default_rng(seed)
    which = rng.integers(0, len(CHECKS), n)
    left, right, excerpts = texts(n, LENGTH, seed), texts(n, LENGTH, seed + 1), texts(3 * n, EXCERPT, seed + 2)
    ids = [rng.bytes(16).hex() for _ in range(3 * n)]  # of each thread: the root, the message, its sibling
    lines = np.arange(1, 3 * n + 1)
    lang = [LANGS[k] for k in rng.integers(0, len(LANGS), n).tolist()]
    role = [ROLES[k] for k in rng.integers(0, 2, n).tolist()]
    rows = []
    for k in range(n):
        check, rule, severity = CHECKS[which[k]]
        own, other = ids[3 * k + 1], ids[3 * ((k * 7919 + 1) % n) + 1]
        jaccard = f"{0.7 + 0.3 * ((k * 37) % 100) / 100:.3f}"
        spans = [
            {
                "source": SOURCE,
                "line": line,
                "id": name,
                "start": 0,
                "end": LENGTH,
                "at": 0,
                "before": "",
                "quote": text,
                "after": "",
                "role": role[k],
                "lang": lang[k],
            }
            for line, name, text in ((3 * k + 2, own, left[k]), (k + 1, other, right[k]))
        ]
        rows.append(
            {
                "check": check,
                "rule": f"{check}/{rule}",
                "severity": severity,
                "tree_id": ids[3 * k],
                "message_id": own,
                "score": float(jaccard),
                "spans": spans,
                "source": SOURCE,
                "summary": f"{float(jaccard):.0%} of the 5-grams of both are shared with a message in another tree",
                "facets": [("partner", other), ("jaccard", jaccard), ("scope", "other tree"), ("kind", "edited")],
                "fingerprint": fingerprint(f"{check}/{rule}", own),
                "line": 3 * k + 2,
                "role": role[k],
                "lang": lang[k],
                "created_date": f"2023-{1 + k % 12:02}-{1 + k % 28:02}T12:00:00+00:00",
            }
        )
    parent = np.repeat(np.arange(0, 3 * n, 3), 3)
    is_root = np.arange(3 * n) % 3 == 0
    threads = pa.table(
        {
            "source": pa.repeat(SOURCE, 3 * n),
            "line": lines,
            "id": ids,
            "tree_id": [ids[k] for k in parent.tolist()],
            "parent": pa.array(parent, mask=is_root),
            "parent_id": pa.array([ids[k] for k in parent.tolist()], mask=is_root),
            "role": np.where(is_root, "prompter", "assistant").tolist(),
            "lang": [lang[k // 3] for k in range(3 * n)],
            "rank": pa.array(np.arange(3 * n) % 3 - 1, mask=is_root),
            "depth": np.where(is_root, 0, 1),
            "n_replies": np.where(is_root, 2, 0),
            "excerpt": excerpts,
        }
    ).cast(THREADS)
    checks = check_facts(np.bincount(which, minlength=len(CHECKS)), per_lang(5 * n))
    facts = msgspec.structs.replace(made.facts, messages=5 * n, checks=checks)
    messages = seen(5 * n, [check for check, _, _ in CHECKS], source=SOURCE)
    return Record(facts, pa.Table.from_pylist(rows, schema=FINDINGS), threads, messages)


def per_lang(messages: int) -> list[Count]:
    """Spread this number of messages evenly over the languages."""
    return [Count("checked", tag, "assistant", SOURCE, messages // len(LANGS)) for tag in LANGS]


def check_facts(found: np.ndarray, coverage: list[Count]) -> list[CheckFacts]:
    """Return the checks, each with this number of findings of its rule."""
    return [
        CheckFacts(
            name=check,
            about="Made up.",
            settings={},
            rules=[RuleFacts(f"{check}/{rule}", "Made up", severity, "None.", int(n))],
            coverage=coverage,
            seconds=1.0,
            error=None,
            notes=[],
            tables=[],
            measurement=Method(),
            facets={},
        )
        for (check, rule, severity), n in zip(CHECKS, found, strict=True)
    ]
