"""Claims about leaked items, and the comparison with published rules."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ...benchmarks_refs.fingerprints import ANSWER, PASSAGE, QUESTION
from ..base.arrow.columns import IntArray
from ..base.claims import Spans, claim, token_spans
from ..base.findings import FINDINGS, WARNING, Rule
from ..base.statistics.intervals import in_percent
from .evidence import HashedTexts, ItemHit
from .published import PUBLISHED, RULES, Flags
from .references import References
from .rules import ANSWER_ALONE, BELOW_LEAK, PASSAGE_ALONE, QUESTION_ALONE, QUESTION_AND_ANSWER, REPHRASED, TRAIN_ITEM

TRAINED_ON = ("train", "dev")

SEEN = pa.schema([("benchmark", pa.string()), ("item", pa.string()), *((name, pa.bool_()) for name in RULES)])
"""Which rules find an item in a message, one row for each message and item."""


_KINDS = {
    "verbatim": ", verbatim",
    "embedded": ", verbatim inside a longer message",
    "case_or_punctuation": ", verbatim except for case or punctuation",
    "options_reordered": ", verbatim with reordered choices",
    "numbers_changed": " with other numbers",
    "edited": ", edited",
    "rephrased": ", possibly in other words",
    "translated": ", possibly in another language",
}


def below_leaks(found: Sequence[ItemHit], texts: HashedTexts) -> IntArray:
    """Return the nearest row above each row that contains a question of a test split; -1: there is none."""
    leaked = np.zeros(len(texts.batch), dtype=bool)
    leaked[[hit.row for hit in found if rule_of(hit, texts.refs) in (QUESTION_AND_ANSWER, QUESTION_ALONE)]] = True
    below = texts.batch.below(leaked) if leaked.any() else np.full(len(leaked), -1)
    return below


def findings_of(texts: HashedTexts, found: list[ItemHit], below: IntArray, published: Flags) -> pa.Table:
    """Return FINDINGS of these hits, and of the replies below them."""
    refs, batch = texts.refs, texts.batch
    by_rule: dict[Rule, list[ItemHit]] = {}
    for hit in found:
        by_rule.setdefault(rule_of(hit, refs), []).append(hit)
    tables = [FINDINGS.empty_table()]
    n_below = np.bincount(below[below >= 0], minlength=len(batch))
    for rule, hits in by_rule.items():
        rows, firsts, ends = (np.array([getattr(hit, name) for hit in hits]) for name in ("row", "first", "end"))
        column, tokens, _ = texts.words
        spans = [token_spans(column, tokens, rows, firsts, ends)]
        for places in ([hit.begins for hit in hits], [hit.answer for hit in hits]):
            if any(places):
                known = np.array([place or (-1, 0, 0) for place in places])
                spans.append(token_spans(column, tokens, *known.T))
        tables.append(
            claim(
                batch.places,
                rule,
                rows,
                [_summary(hit, refs) for hit in hits],
                spans=spans,
                score=np.array([hit.score for hit in hits]),
                facets=[_facets(hit, refs, int(n_below[hit.row]), published) for hit in hits],
                about=[f"{refs.names[refs.card_of_part[hit.part]]}:{refs.ids[hit.items[0]]}" for hit in hits],
            )
        )
    leaked = [hit.row for rule in (QUESTION_AND_ANSWER, QUESTION_ALONE) for hit in by_rule.get(rule, [])]
    is_reply = (below >= 0) & ~batch.is_context
    is_reply[leaked] = False
    rows = np.flatnonzero(is_reply)
    if rows.size:
        prompts = batch.column("message_id").take(pa.array(below[rows])).to_pylist()
        tables.append(
            claim(
                batch.places,
                BELOW_LEAK,
                rows,
                "Reply below a message that contains a benchmark question",
                spans=[Spans(rows), Spans(below[rows])],
                facets=[{"prompt": prompt or ""} for prompt in prompts],
            )
        )
    return pa.concat_tables(tables)


def rule_of(hit: ItemHit, refs: References) -> Rule:
    """Return the rule that a hit breaks, by its part and the split of its benchmark."""
    if hit.kind in ("rephrased", "translated"):
        return REPHRASED
    kind = refs.columns.kinds[hit.part]
    if kind == PASSAGE:
        return PASSAGE_ALONE
    if refs.cards[refs.card_of_part[hit.part]].split in TRAINED_ON:
        return TRAIN_ITEM
    if kind == ANSWER:
        return ANSWER_ALONE
    return QUESTION_AND_ANSWER if hit.answer else QUESTION_ALONE


def _summary(hit: ItemHit, refs: References) -> str:
    card = refs.cards[refs.card_of_part[hit.part]]
    more = f" (and {len(hit.items) - 1:,} more)" if len(hit.items) > 1 else ""
    item = f"{card.title} {card.split} item {refs.ids[hit.items[0]]}{more}"
    matched = in_percent(hit.share, 0)
    if not hit.kind:
        part = "worked answer" if refs.columns.kinds[hit.part] == ANSWER else "passage"
        return f"{item}: {matched} of its {part}"
    share = f" ({matched} matched)" if hit.kind in ("edited", "numbers_changed") else ""
    choices = f"; {hit.choices.n_found} of {hit.choices.n} choices follow" if hit.choices else ""
    answer = ""
    if hit.answer:
        answer = "; answer follows" if hit.answer.row == hit.row else "; answer in a reply"
    turns = ", split over two turns" if hit.begins else ""
    return f"{item}{_KINDS[hit.kind]}{turns}{share}{choices}{answer}"


def _facets(hit: ItemHit, refs: References, n_below: int, published: Flags) -> dict[str, str]:
    of_card = refs.card_of_part[hit.part]
    card = refs.cards[of_card]
    flags = published.get((hit.row, hit.part), (False,) * len(PUBLISHED))
    facets = {
        "benchmark": refs.names[of_card],
        "split": card.split,
        "item": refs.ids[hit.items[0]],
        "kind": hit.kind,
        "coverage": f"{hit.share:.2f}",
        "idf": f"{hit.nats:.0f}",
        "choices": f"{hit.choices.n_found} of {hit.choices.n}" if hit.choices else "",
        "below": str(n_below) if n_below else "",
        "home": card.home,
        "rules": ", ".join(rule for rule, flag in zip(PUBLISHED, flags, strict=True) if flag) or "none",
    }
    return {key: value for key, value in facets.items() if value}


def touched_items(refs: References, published: Flags, found: list[ItemHit]) -> pa.Table:
    """Return SEEN of a batch: which rules find an item in a message, by its question."""
    touched: dict[tuple[int, int], list[bool]] = {}  # by message and item
    for (row, part), flags in published.items():
        if refs.columns.kinds[part] == QUESTION:
            for item in refs.items_of(part).tolist():
                touched[row, item] = [False, *flags]
    for hit in found:
        rule = rule_of(hit, refs)
        if rule.severity >= WARNING or rule is TRAIN_ITEM:
            for item in hit.items:
                touched.setdefault((hit.row, item), [False] * len(RULES))[0] = True
    items = np.array([item for _, item in touched], dtype=np.int64)
    names = np.array(refs.names, dtype=object)[refs.card_of_item[items]]
    by_rule = np.array(list(touched.values()), dtype=bool).reshape(-1, len(RULES)).T
    values = [names.tolist(), [refs.ids[item] for item in items], *by_rule.tolist()]
    return pa.table([pa.array(column, f.type) for column, f in zip(values, SEEN, strict=True)], schema=SEEN)
