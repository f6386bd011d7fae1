"""Claims about calls of tools and their results."""

from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import BoolArray, IntArray, as_bools, as_ints
from ..base.claims import Spans, counted
from ..base.messages import Batch
from .claims import Claims, claims_at, has_role, quoted
from .tool_rules import (
    CALL_ARGUMENTS,
    REPEATED_CALL_ID,
    TOOL_RESULT,
    UNANSWERED_CALL,
    UNDECLARED_TOOL,
    UNUSED_RESULT,
)

MAX_RESULTS = 256  # above a result that are searched for another one of its call: the time grows with their square


def tool_claims(batch: Batch) -> list[Claims]:
    """Return the claims about calls of tools and about their results."""
    tool = has_role(batch, "tool")
    calls = batch.column("calls")
    if not tool.any() and calls.null_count == len(calls):
        return []
    # Successive messages of the assistant are one turn: a text and a call, or several calls.
    assistant = has_role(batch, "assistant")
    begins = ~(assistant & (batch.parent >= 0) & assistant[batch.parent])
    turn = np.where(begins, np.arange(len(batch)), batch.below(begins))
    # Results of several calls follow one another, below the message that makes the calls.
    caller = batch.below(~tool)
    stray, unmade = _strays(batch, tool, turn, caller)
    return [
        *_result_claims(batch, tool, caller, stray, unmade),
        *_repeated_claims(batch),
        *_unanswered_claims(batch, tool, turn, caller, unmade),
        *_undeclared_claims(batch),
        *_argument_claims(batch),
    ]


def _strays(batch: Batch, tool: BoolArray, turn: IntArray, caller: IntArray) -> tuple[IntArray, IntArray]:
    """Return the results below a message without calls, and those of calls that the message above does not make."""
    calls, call_id = batch.column("calls"), batch.column("call_id")
    makes_calls = as_ints(pc.list_value_length(calls), 0) > 0
    # A result without a parent is reported as the start of a conversation, or its parent as missing.
    has_caller = (tool | makes_calls)[batch.parent]
    rows = np.flatnonzero(tool & has_caller & (caller >= 0) & as_bools(pc.not_equal(call_id, "")))
    named = call_id.take(pa.array(rows))
    made, maker = _made(calls)
    is_made = as_bools(pc.is_in(_call_keys(turn[caller[rows]], named), value_set=_call_keys(turn[maker], made)))
    # A call without an id may be any.
    is_made |= np.isin(turn[caller[rows]], turn[maker[as_bools(pc.equal(made, ""))]])
    return np.flatnonzero(tool & (batch.parent >= 0) & ~has_caller), rows[~is_made]


def _result_claims(batch: Batch, tool: BoolArray, caller: IntArray, stray: IntArray, unmade: IntArray) -> list[Claims]:
    """Return the claims about tool results that do not follow their call, or that nobody uses."""
    claims = claims_at(
        batch.places,
        TOOL_RESULT,
        stray,
        "Tool result follows a message without a tool call",
        spans=[Spans(stray), Spans(batch.parent[stray])],
    )
    again = _second_results(batch, tool, caller)
    for rows, fault in ((unmade, ", which the message above does not make"), (again, " again")):
        names = batch.column("call_id").take(pa.array(rows)).to_pylist()
        claims += claims_at(
            batch.places,
            TOOL_RESULT,
            rows,
            [f"Tool result answers the call {quoted(name)}{fault}" for name in names],
            spans=[Spans(rows), Spans(caller[rows])],
        )
    prompter = has_role(batch, "prompter")
    prompts = np.flatnonzero(prompter & (batch.parent >= 0) & tool[batch.parent])
    return claims + claims_at(
        batch.places,
        UNUSED_RESULT,
        batch.parent[prompts],
        "Tool result is followed by the user, not by the assistant",
        spans=[Spans(batch.parent[prompts]), Spans(prompts)],
        about=batch.column("message_id").take(pa.array(prompts)).fill_null("").to_pylist(),
    )


def _second_results(batch: Batch, tool: BoolArray, caller: IntArray) -> IntArray:
    """Return the first result of each branch that answers a call once more."""
    made, maker = _made(batch.column("calls"))
    n_made = Counter(zip(maker.tolist(), made.to_pylist(), strict=True))  # several with one id are reported as such
    call_id = batch.column("call_id")
    rows = np.flatnonzero(tool & (caller >= 0) & as_bools(pc.not_equal(call_id, "")))
    before: dict[tuple[int, str], set[int]] = defaultdict(set)  # by call: its results
    repeated: set[int] = set()
    found = []
    for row, own in zip(rows.tolist(), call_id.take(pa.array(rows)).to_pylist(), strict=True):
        key = int(caller[row]), own
        up = int(batch.parent[row]) if before[key] else -1
        for _ in range(MAX_RESULTS):  # results that are siblings are in other branches
            if up < 0 or not tool[up] or up in before[key]:
                break
            up = int(batch.parent[up])
        if up in before[key] and n_made[key] <= 1:
            repeated.add(row)
            found += [] if up in repeated else [row]
        before[key].add(row)
    return np.array(found, dtype=np.int64)


def _repeated_claims(batch: Batch) -> list[Claims]:
    """Return the claims about messages that make several calls with one id."""
    made, maker = _made(batch.column("calls"))
    counts = pc.value_counts(_call_keys(maker, made).filter(pc.not_equal(made, "")))
    repeated = [each.as_py() for each in counts if each["counts"].as_py() > 1]
    found = sorted(
        (int(row), own, each["counts"]) for each in repeated for row, _, own in [each["values"].partition(":")]
    )
    rows = np.array([row for row, _, _ in found], dtype=np.int64)
    return claims_at(
        batch.places,
        REPEATED_CALL_ID,
        rows,
        [f"{counted(n, 'call')} have the id {quoted(own)}" for _, own, n in found],
        about=[own for _, own, _ in found],
    )


def _unanswered_claims(
    batch: Batch, tool: BoolArray, turn: IntArray, caller: IntArray, unmade: IntArray
) -> list[Claims]:
    """Return the claims about calls without a result in conversations that go on."""
    made, maker = _made(batch.column("calls"))
    results = np.flatnonzero(tool & (caller >= 0))
    ids = batch.column("call_id").take(pa.array(results))
    answered = _call_keys(turn[caller[results]], ids.fill_null(""))
    # A result that names no call may answer any; one that names a wrong call is reported itself.
    is_vague = as_bools(ids.is_null()) | as_bools(pc.equal(ids, "")) | np.isin(results, unmade)
    has_vague = np.isin(turn[maker], turn[caller[results[is_vague]]])
    # The conversation goes on with an answer, or with a prompt that is answered.
    further = (caller >= 0) & (turn != turn[caller]) & ~tool
    makes_calls = as_bools(batch.column("calls").is_valid())
    at_once = (batch.parent >= 0) & makes_calls[batch.parent] & ~makes_calls  # the call's answer, without its result
    answers = has_role(batch, "assistant") & (further | at_once)
    prompts = has_role(batch, "prompter") & further & ~batch.is_leaf
    unnamed = as_bools(pc.equal(made, ""))
    # Without ids it is only known that there is no result at all; a prompt may contain the result as text.
    is_lost = np.where(
        unnamed,
        ~np.isin(turn[maker], turn[caller[results]]) & np.isin(turn[maker], turn[caller[answers]]),
        ~as_bools(pc.is_in(_call_keys(turn[maker], made), value_set=answered))
        & np.isin(turn[maker], turn[caller[answers | prompts]]),
    )
    lost = np.flatnonzero(is_lost & ~has_vague)
    names = pc.struct_field(batch.column("calls").flatten(), "name")
    shown: dict[tuple[int, str], None] = {}
    for k, own, name in zip(
        lost.tolist(), made.take(pa.array(lost)).to_pylist(), names.take(pa.array(lost)).to_pylist(), strict=True
    ):
        if own or name:
            shown.setdefault((int(maker[k]), quoted(own) if own else f"of {quoted(name)}"))
    rows = np.array([row for row, _ in shown], dtype=np.int64)
    return claims_at(
        batch.places,
        UNANSWERED_CALL,
        rows,
        [f"Call {call} has no result" for _, call in shown],
        about=[call for _, call in shown],
    )


def _undeclared_claims(batch: Batch) -> list[Claims]:
    """Return the claims about calls of tools that the conversation does not declare, although it declares others."""
    calls, declared = batch.column("calls"), _declared(batch)
    maker = np.asarray(pc.list_parent_indices(calls), dtype=np.int64)
    found: dict[tuple[int, str], list[str]] = {}
    for row, name in zip(maker.tolist(), pc.struct_field(calls.flatten(), "name").to_pylist(), strict=True):
        known = declared.get(int(batch.tree[row]))
        if known and name and None not in known and _plain(name) not in known:
            found.setdefault((row, name), sorted(filter(None, known)))
    return claims_at(
        batch.places,
        UNDECLARED_TOOL,
        np.array([row for row, _ in found], dtype=np.int64),
        [
            f"Calls {quoted(name)}, but the conversation declares {', '.join(map(quoted, known[:5]))}"
            + (f" and {len(known) - 5} others" if len(known) > 5 else "")
            for (_, name), known in found.items()
        ],
        about=[name for _, name in found],
    )


def _argument_claims(batch: Batch) -> list[Claims]:
    """Return the claims about calls whose arguments break the schema that the conversation declares for their tool."""
    calls, declared = batch.column("calls"), _declared(batch)
    if not declared:
        return []
    from .arguments import fault_by, is_damaged  # jsonschema takes 70 ms to load, and few data need it

    maker = np.asarray(pc.list_parent_indices(calls), dtype=np.int64)
    found: dict[tuple[int, str, str], None] = {}
    for row, call in zip(maker.tolist(), calls.flatten().to_pylist(), strict=True):
        schema = declared.get(int(batch.tree[row]), {}).get(_plain(call["name"]))
        # Arguments that are damaged, or written by Python, are reported by the reader.
        if call["name"] and schema and call["arguments"] is not None and not is_damaged(call["arguments"]):
            by = fault_by(schema)
            if by is not None and (fault := by(call["arguments"])):
                found.setdefault((row, quoted(call["name"]), fault))
    return claims_at(
        batch.places,
        CALL_ARGUMENTS,
        np.array([row for row, _, _ in found], dtype=np.int64),
        [f"Call of {name}: {fault}" for _, name, fault in found],
        about=[f"{name}: {fault}" for _, name, fault in found],
    )


def _declared(batch: Batch) -> dict[int, dict[str | None, str | None]]:
    """Return the tools that each tree declares, by name: their declarations as JSON."""
    tools = batch.column("tools")
    declared: dict[int, dict[str | None, str | None]] = defaultdict(dict)
    holders = np.asarray(pc.list_parent_indices(tools), dtype=np.int64)
    for row, tool in zip(holders.tolist(), tools.flatten().to_pylist(), strict=True):
        declared[int(batch.tree[row])][_plain(tool["name"])] = tool["schema"]
    return declared


def _plain(name: str | None) -> str | None:
    """Return the name of a tool as it is declared: OpenAI's models write functions.search for search."""
    return None if name is None else name.removeprefix("functions.")


def _made(calls: pa.Array) -> tuple[pa.Array, IntArray]:
    """Return the ids of all calls, and the row of the message that makes each."""
    ids = pc.struct_field(calls.flatten(), "id")
    return ids.fill_null(""), np.asarray(pc.list_parent_indices(calls), dtype=np.int64)


def _call_keys(callers: IntArray, call_ids: pa.Array) -> pa.Array:
    """Return keys that are equal for the same call id of the same caller."""
    return pc.binary_join_element_wise(pa.array(callers).cast(pa.string()), call_ids, ":")
