"""Claims about threads and trees: parents, order, roles, pairs."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import BoolArray, IntArray, as_bools
from ..base.claims import Spans, counted
from ..base.findings import WARNING
from ..base.messages import CHAT_ROLES, Batch
from .claims import Claims, claims_at, first_positions, has_role, quoted
from .thread_rules import (
    CYCLE,
    ONE_ROOT,
    ORDER,
    PAIR_END,
    PAIR_PROMPT,
    ROLE_ALTERNATION,
    ROOT_ROLE,
    SAME_PAIR,
    SELF_PARENT,
    SUCCESSIVE_PROMPTS,
    SYSTEM_FIRST,
    TREE_ID,
    UNANSWERED_THREAD,
    UNKNOWN_ROLE,
)

# In these states a prompt has no answer yet by design.
WAITING_STATES = ("prompt_lottery_waiting", "initial_prompt_review")


def link_claims(batch: Batch) -> list[Claims]:
    """Return the claims about parents, cycles, roots, tree ids and the order of a tree."""
    own = as_bools(pc.equal(batch.column("message_id"), batch.column("parent_id")))
    claims = claims_at(batch.places, SELF_PARENT, np.flatnonzero(own), "Message is its own parent")
    claims += _cycle_claims(batch, np.flatnonzero(batch.is_on_cycle & ~own))
    claims += _root_claims(batch)
    return claims + (_order_claims(batch) if batch.form.depth_first else [])


def _cycle_claims(batch: Batch, rows: IntArray) -> list[Claims]:
    """Return one claim for each cycle among these rows, about its first row in the file."""
    if not rows.size:
        return []
    smallest = np.full(len(batch), len(batch))
    for row in rows.tolist():
        if smallest[row] < len(batch):
            continue
        ring = [row]
        while (up := int(batch.parent[ring[-1]])) != row:
            ring.append(up)
        smallest[ring] = row
    first, sizes = np.unique(smallest[rows], return_counts=True)
    return claims_at(
        batch.places,
        CYCLE,
        first,
        [f"{n} messages are each other's ancestors" for n in sizes],
        spans=[Spans(first), Spans(batch.parent[first])],
    )


def _root_claims(batch: Batch) -> list[Claims]:
    """Return the claims about trees with several roots, and about tree ids.

    A tree without a root is reported at its messages: their parents are missing, elsewhere, or below them.
    """
    ids, trees = batch.column("message_id"), batch.column("tree_id")
    n_roots = np.bincount(batch.tree, weights=batch.is_root & ~batch.is_copy, minlength=batch.n_trees).astype(int)
    has_id = ~as_bools(trees.is_null())
    # A second copy of a root is reported as a duplicate id.
    roots = np.flatnonzero(batch.is_root & has_id & ~batch.is_copy)
    main = roots[first_positions(batch.tree[roots])]
    first_root = np.full(batch.n_trees, -1)
    first_root[batch.tree[main]] = main
    # The sides of a pair without a common prompt are reported as such.
    later = np.setdiff1d(roots[as_bools(batch.column("branch").take(pa.array(roots)).is_null())], main)
    claims = claims_at(
        batch.places,
        ONE_ROOT,
        later,
        [f"Tree has {n} roots; this is not the first" for n in n_roots[batch.tree[later]]],
        spans=[Spans(later), Spans(first_root[batch.tree[later]])],
    )
    # A root without an id is reported as a missing field.
    differs = as_bools(pc.not_equal(ids.take(pa.array(main)), trees.take(pa.array(main))))
    misnamed = main[differs & ~batch.is_context[main]]
    claims += claims_at(
        batch.places,
        TREE_ID,
        misnamed,
        [f"Tree id is not the root's id: {quoted(t)}" for t in trees.take(pa.array(misnamed)).to_pylist()],
    )
    # A nested message may name another tree id than that of the tree around it.
    root = first_root[batch.tree]
    differs = ~as_bools(pc.equal(trees, trees.take(pa.array(np.maximum(root, 0)))))
    astray = np.flatnonzero(differs & (root >= 0) & has_id)
    return claims + claims_at(
        batch.places,
        TREE_ID,
        astray,
        [f"Tree id differs from that at the root: {quoted(t)}" for t in trees.take(pa.array(astray)).to_pylist()],
        spans=[Spans(astray), Spans(root[astray])],
    )


def _order_claims(batch: Batch) -> list[Claims]:
    """Return one claim for each tree that is not in depth-first order.

    In that order a message is at most one step deeper than the one before it in its tree, and its parent is the last
    message before it that is one step less deep.
    """
    depth = batch.depth
    # Messages of a cycle have no depth. Their trees are reported already, and are left out here, as are copies.
    whole = ~np.isin(batch.tree, batch.tree[depth < 0])
    rows = np.flatnonzero(whole & ~batch.is_copy)
    rows = rows[np.argsort(batch.tree[rows], kind="stable")]
    tree, depth, parent = batch.tree[rows], depth[rows], batch.parent[rows]
    if not rows.size:
        return []
    same = np.append(False, tree[1:] == tree[:-1])
    jump = same & (depth > np.append(0, depth[:-1]) + 1)
    # Positions by (tree, depth), so that the last earlier one is found by bisection.
    at = np.arange(len(rows))
    level = tree * (int(depth.max()) + 2) + depth
    key = level * len(rows) + at
    sorted_keys = np.sort(key)
    before = np.searchsorted(sorted_keys, (level - 1) * len(rows) + at) - 1
    expected = np.where(before >= 0, sorted_keys[before], -1)
    found = np.where((depth > 0) & (expected // len(rows) == level - 1), rows[expected % len(rows)], -1)
    wrong = (jump | ((depth > 0) & (found != parent))) & (parent >= 0)
    wrong_rows = rows[wrong]
    first = np.sort(wrong_rows[first_positions(tree[wrong])])
    return claims_at(
        batch.places,
        ORDER,
        first,
        "Out of depth-first order: message is outside its parent's branch",
        spans=[Spans(first), Spans(batch.parent[first])],
    )


def role_claims(batch: Batch) -> list[Claims]:
    """Return the claims about unknown roles, roles that do not alternate, and threads without an answer."""
    if not batch.form.roles:
        return []
    prompter, assistant, system, tool = (has_role(batch, name) for name in CHAT_ROLES)
    claims = _unknown_role_claims(batch)
    is_start = batch.is_root
    is_opening = np.zeros(len(batch), dtype=bool)
    if system.any():  # a conversation also starts behind its system messages
        above = batch.below(~system | batch.is_root)
        is_behind = (above >= 0) & (system & batch.is_root)[above]
        is_start, is_opening = is_start | is_behind, is_behind & system
    for speaks, name in ((assistant, "an answer"), (tool, "a tool result")):
        start = np.flatnonzero(is_start & speaks)
        claims += claims_at(batch.places, ROOT_ROLE, start, f"Conversation starts with {name}")
    claims += _alternation_claims(batch, is_start)
    # Several at the start, such as those of the provider and the developer, are as good as one.
    late = np.flatnonzero(system & (batch.depth > 0) & ~is_opening)
    claims += claims_at(
        batch.places,
        SYSTEM_FIRST,
        late,
        [f"System message comes after {counted(n, 'other message')}" for n in batch.depth[late]],
        spans=[Spans(late), Spans(batch.parent[late])],
    )
    waiting = as_bools(pc.is_in(batch.column("tree_state"), value_set=pa.array(WAITING_STATES)))
    # Nobody can answer a message without an id by name, and a copy is reported as a duplicate id.
    has_id = as_bools(batch.column("message_id").is_valid())
    # A side of a pair is reported as such.
    is_end = batch.is_leaf & has_id & ~waiting & ~batch.is_copy & as_bools(batch.column("branch").is_null())
    for speaks, name in ((prompter, "a prompt"), (system, "a system message"), (tool, "a tool result")):
        open_end = np.flatnonzero(is_end & speaks)
        claims += claims_at(batch.places, UNANSWERED_THREAD, open_end, f"Thread ends with {name}, without an answer")
    return claims


def _alternation_claims(batch: Batch, is_start: BoolArray) -> list[Claims]:
    """Return the claims about messages with the role of their parent."""
    prompter, assistant = has_role(batch, "prompter"), has_role(batch, "assistant")
    calls = as_bools(batch.column("calls").is_valid())
    is_chat = "system" in batch.form.roles
    # Cycles, sides of a pair without a common prompt, answers at the start and calls without a result are reported
    # themselves. A text and the call right after it are one turn, also where the data have them apart.
    is_apart = as_bools(batch.column("branch").is_valid()) & np.isin(batch.tree, _pairs_of(batch).trees_apart)
    is_open = (batch.parent >= 0) & ~batch.is_on_cycle & ~is_apart & ~calls
    is_open &= ~(assistant & (is_start | calls))[batch.parent]
    claims: list[Claims] = []
    for speaks, name in ((prompter, "prompt"), (assistant, "answer")):
        repeats = is_open & speaks & speaks[batch.parent]
        if is_chat:  # several in a row are one fault
            repeats &= ~repeats[batch.parent]
        rows = np.flatnonzero(repeats)
        claims += claims_at(
            batch.places,
            SUCCESSIVE_PROMPTS if is_chat and name == "prompt" else ROLE_ALTERNATION,
            rows,
            f"{name.capitalize()} follows {'an' if name == 'answer' else 'a'} {name}",
            spans=[Spans(rows), Spans(batch.parent[rows])],
            facets=[{"role": "prompter" if name == "prompt" else "assistant"}] * len(rows),
            severity=WARNING if is_chat and name == "answer" else None,
        )
    return claims


def _unknown_role_claims(batch: Batch) -> list[Claims]:
    role = batch.column("role")
    is_known = as_bools(pc.is_in(role, value_set=pa.array(batch.form.roles)))
    strange = np.flatnonzero(as_bools(role.is_valid()) & ~is_known)
    # In chats, a prompter is written as a user.
    names = ["user" if name == "prompter" and "system" in batch.form.roles else name for name in batch.form.roles]
    *others, last = names
    return claims_at(
        batch.places,
        UNKNOWN_ROLE,
        strange,
        [
            f"Role is {quoted(name)}; expected {', '.join(others)} or {last}"
            for name in role.take(pa.array(strange)).to_pylist()
        ],
    )


def pair_claims(batch: Batch) -> list[Claims]:
    """Return the claims about preference pairs of equal answers, or of answers to different prompts."""
    branch = batch.column("branch")
    if branch.null_count == len(branch):
        return []
    chosen, rejected, are_siblings, _ = _pairs_of(batch)
    prompts = batch.parent[chosen], batch.parent[rejected]
    texts = np.asarray(batch.text_facts["digest"])
    # Two messages with the same text may make different calls, or show different images.
    is_text_only = as_bools(batch.column("text").is_valid())
    for name in ("calls", "media"):
        is_text_only &= as_bools(batch.column(name).is_null())
    are_same = (texts[chosen] == texts[rejected]) & is_text_only[chosen] & is_text_only[rejected]
    have_one_prompt = are_siblings | ((texts[prompts[0]] == texts[prompts[1]]) & (np.minimum(*prompts) >= 0))
    same = np.flatnonzero(are_same & have_one_prompt)
    claims = claims_at(
        batch.places,
        SAME_PAIR,
        rejected[same],
        "Rejected answer is identical to the chosen one",
        spans=[Spans(rejected[same]), Spans(chosen[same])],
    )
    claims += _pair_end_claims(batch)
    apart = np.flatnonzero(~are_siblings)
    n_chosen, n_rejected = (
        np.bincount(batch.tree[as_bools(pc.equal(branch, side))], minlength=batch.n_trees)[batch.tree[rejected[apart]]]
        for side in ("chosen", "rejected")
    )
    return claims + claims_at(
        batch.places,
        PAIR_PROMPT,
        rejected[apart],
        [
            f"Answers do not share a prompt: {counted(a, 'message')} on "
            + ("each side" if a == b else f"the chosen side, {b} on the rejected side")
            for a, b in zip(n_chosen, n_rejected, strict=True)
        ],
        spans=[Spans(rejected[apart]), Spans(chosen[apart])],
    )


class _Pairs(NamedTuple):
    """The last message of both sides of each pair."""

    chosen: IntArray
    rejected: IntArray
    are_siblings: BoolArray  # whether both answer the same message
    trees_apart: IntArray  # trees of pairs of which they do not


def _pairs_of(batch: Batch) -> _Pairs:
    branch = batch.column("branch")
    ends = []
    for side in ("chosen", "rejected"):
        last = np.flatnonzero(as_bools(pc.equal(branch, side)) & batch.is_leaf)
        of_tree = np.full(batch.n_trees, -1)
        of_tree[batch.tree[last]] = last
        ends.append(of_tree)
    is_pair = (ends[0] >= 0) & (ends[1] >= 0)
    chosen, rejected = ends[0][is_pair], ends[1][is_pair]
    are_siblings = batch.parent[chosen] == batch.parent[rejected]
    return _Pairs(chosen, rejected, are_siblings, batch.tree[chosen[~are_siblings]])


def _pair_end_claims(batch: Batch) -> list[Claims]:
    """Return one claim for each pair with a side that ends with a prompt, about the last such prompt."""
    branch, prompter = batch.column("branch"), has_role(batch, "prompter")
    # A prompt below another one has the wrong role, and is reported for that.
    is_open = as_bools(branch.is_valid()) & batch.is_leaf & prompter & ~((batch.parent >= 0) & prompter[batch.parent])
    rows = np.flatnonzero(is_open)
    trees, n_open = np.unique(batch.tree[rows], return_counts=True)
    last = rows[np.searchsorted(batch.tree[rows], trees, side="right") - 1]
    sides = branch.take(pa.array(last)).to_pylist()
    return claims_at(
        batch.places,
        PAIR_END,
        last,
        [
            "Both sides end with a prompt, without an answer"
            if n > 1
            else f"The {side} side ends with a prompt, without an answer"
            for side, n in zip(sides, n_open, strict=True)
        ],
    )
