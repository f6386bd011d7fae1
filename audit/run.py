"""One audit: sources, checks and an engine in, a record out."""

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from ..checks.base import kernels
from ..checks.base.arrow.memory_map import trim
from ..checks.base.check import Check
from ..checks.base.settings import Wants
from ..checks.base.sizes import n_bytes
from . import config as configuration
from .engines import engine as engines
from .pipeline.conduct import conduct
from .pipeline.evidence import all_messages, with_evidence
from .pipeline.facts import facts_of
from .pipeline.plan import Plan, resumed
from .pipeline.stages import Audit
from .pipeline.state import State
from .progress import Progress, Silence
from .reading import files as file_names
from .reading import formats, jsonl
from .reading.blocks.block import BLOCK
from .reading.sources import Sources
from .record import Record
from .storage.checkpoint import Journal


def run(
    *sources: file_names.Argument,
    splits: Mapping[str, file_names.Argument | Sequence[file_names.Argument]] = MappingProxyType({}),
    checks: Sequence[Check | str] | None = (),
    config: configuration.Config | None = None,
    format: str | None = None,
    engine: str | None = None,
    workers: int | None = None,
    address: str | None = None,
    memory: str | None = None,
    lang: str | None = None,
    references: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    block: int = BLOCK,
    work: str | os.PathLike[str] | None = None,
    resume: bool = False,
) -> Record:
    """Audit conversations in files or in memory: run all checks in one pass over the data.

    Parameters
    ----------
    sources : str, path, table or iterable of dicts
        Files, folders, archives, globs, URLs, or `-` for standard input; several are one data set. Also data in memory:
        a data frame of pandas or polars, a table of pyarrow, a relation of DuckDB or another object that Arrow can
        read, or any iterable of dicts, one a record: a list, a generator, a `datasets.Dataset`. They are written to a
        temporary file, row by row. A dict of these, such as a `datasets.DatasetDict`, has a source for each split.
    splits : mapping of str to one or more sources
        More sources, by their split: `{"train": ["a.jsonl", "b.jsonl"], "test": frame}`. The split of other sources
        comes from a column `split`, from a data set card, or from their file names.
    checks : sequence of Check or str
        Checks to run, by name or as objects with their own settings; by default all that are installed. None runs no
        check: the data are read and described (`Record.facts.description`).
    config : Config, optional
        Settings as in `chataudit.toml`; arguments of this call take precedence.
    format : str, optional
        Format of all sources; by default it is recognised from the first records of each.
    engine : {'auto', 'serial', 'threads', 'processes', 'ray'}
        What runs the checks. 'auto' takes threads if there is more than one CPU, and processes, which share out whole
        files, if there are several files and a check is mostly Python code (`Check.holds_gil`). 'ray' is a cluster.
    workers : int, optional
        By default the number of CPUs that this process may use, or of the cluster.
    address : str, optional
        Address of the Ray cluster, such as 'auto' or 'ray://head:10001'; by default one is started on this machine.
    memory : str, optional
        Approximate memory budget, by default '4GB': a quarter of it for rows that wait for others, before they spill to
        disk; half of it for the comparison of all texts, which is exact as long as it fits.
    lang : str, optional
        Language of messages without a language tag, such as 'en' or 'pt-BR'.
    references : path, optional
        Folder with your own reference fingerprints, by default `chataudit-references`.
    progress : Progress, optional
        Receives the progress of the audit.
    block : int
        Bytes of text to read at a time. Findings do not depend on it.
    work : path, optional
        Folder for the checkpoint, from which a later call can continue; on a cluster it must be on storage that all
        nodes share. Remove it after the record is written.
    resume : bool
        Continue from the checkpoint in `work`. Data, checks and their settings must be the same; engine, workers and
        memory may differ, but an audit that started on a cluster continues there. The record is that of an audit that
        was not interrupted, except for its times.

    Returns
    -------
    Record
        Also if a source could not be read to its end or a check failed: both are in the record.

    Raises
    ------
    LookupError
        If a source, a check or a format does not exist, or there is no checkpoint to continue from.
    ValueError
        If a setting or data in memory have a wrong value, or data or settings have changed since the checkpoint.
    TypeError
        If a source is of another type.
    """
    began, started = time.perf_counter(), datetime.now(UTC)
    config = config or configuration.Config()
    defaults = config.settings
    format = format or defaults.format
    known = formats.known(config.format)
    formats.refuse_unknown(format, known)
    if block < 1:
        raise ValueError(f"block: {block} is below 1")
    memory = memory or defaults.memory
    handed = {
        Wants.MEMORY: f"{n_bytes(memory) // 2}B",
        Wants.LANGUAGE: lang or defaults.lang,
        Wants.REFERENCES: os.fspath(references or defaults.references),
    }
    wanted = [] if checks is None else _wanted(checks, config, handed)
    for check in wanted:
        check.verify()
    waiting = 2 + sum(len(check.stages()) - 1 for check in wanted)  # kinds of rows that wait for others
    budget = n_bytes(memory) // 4 // waiting
    progress = progress or Silence()
    if not (kernels.COMPILED and jsonl.COMPILED):
        progress.say("no compiled kernels: using NumPy and Arrow, which are slower. Install again with a C compiler")
    with ExitStack() as stack:
        n_workers = defaults.workers if workers is None else workers
        files, passed_over = file_names.find(sources, splits, progress.say)
        holds_gil = len(files) > 1 and any(check.holds_gil for check in wanted)
        workforce = stack.enter_context(
            engines.start(engine or defaults.engine, n_workers, address, holds_gil=holds_gil)
        )
        if work is None and workforce.is_cluster:  # its workers hand on rows as files
            work = stack.enter_context(tempfile.TemporaryDirectory(prefix="chataudit-"))
        journal = stack.enter_context(Journal(None if work is None else Path(work)))
        found = Sources(files, workforce, budget, block, progress, known)
        plan = Plan.of(found, wanted, format, config.format)
        state = resumed(journal, plan, found) if resume else None
        if state is None:
            found.recognise(dict.fromkeys(found.names, format))
            journal.begin(replace(plan, readings=found.readings()))
        audit = Audit(found, wanted, journal, state or State())
        conduct(audit)
        messages = all_messages(audit)
        findings, around = with_evidence(audit, messages)
        trim()
    facts = facts_of(audit, findings, messages, passed_over, config.format, started, time.perf_counter() - began)
    return Record(facts, findings, around, messages)


def _wanted(
    checks: Sequence[Check | str], config: configuration.Config, handed: Mapping[Wants, str | None]
) -> list[Check]:
    """Return the checks to run: those given as objects keep their settings, those by name get what they want."""
    names = [check for check in checks if isinstance(check, str)]
    made = [check for check in checks if not isinstance(check, str)]
    return [*made, *(configuration.chosen(config, names, handed) if names or not made else [])]
