"""One audit on disk: record.json, findings.parquet, threads.parquet and messages.parquet."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ..checks.base.arrow.memory_map import forget
from ..checks.base.check import Method, Table
from ..checks.base.faults import Use
from ..checks.base.findings import CHECKED, FINDINGS, Action, Concerns
from ..checks.base.large_tables import LARGE, PIECE, on_disk
from ..checks.base.statistics.intervals import Confusion, Stratum
from .description import Description
from .files import umask, write_pages
from .wording import below, visible

if TYPE_CHECKING:
    import pandas as pd

VERSION = 8
RECORD, FINDINGS_FILE, THREADS_FILE = "record.json", "findings.parquet", "threads.parquet"
MESSAGES_FILE = "messages.parquet"
SHOWN_SOURCES = 20  # that could not be read to their end: neither page nor log has room for ten thousand
JUDGED = "judged.json"  # labels that people gave to a sample; written by `judge`
NOT_FLAGGED = "not flagged"  # the stratum of messages without a finding
REPORT, SUMMARY = "report.html", "summary.md"
STDIN = "<stdin>"  # the name of standard input as a source

THREADS = pa.schema(
    [
        ("source", pa.string()),
        ("line", pa.int64()),
        ("id", pa.string()),  # as in the spans of findings
        ("tree_id", pa.string()),
        ("parent", pa.int64()),  # row of this table; null: a root, missing, or too far up to be kept
        ("parent_id", pa.string()),  # as the data have it
        ("role", pa.string()),
        ("lang", pa.string()),
        ("rank", pa.int64()),
        ("depth", pa.int64()),  # steps from the top, -1 on the way into a circle
        ("n_replies", pa.int64()),
        ("excerpt", pa.string()),  # the beginning of the text
    ]
)
"""Messages with findings, the messages above them up to the root, and their siblings; one a row."""

WORDS = pa.dictionary(pa.int32(), pa.string())  # few distinct ones
SEEN = pa.schema(
    [
        ("tree_id", WORDS),
        ("message_id", pa.string()),
        ("source", WORDS),
        ("line", pa.int64()),
        ("role", WORDS),
        ("lang", WORDS),
        ("chars", pa.int32()),  # code points of the text
        ("words", pa.int32()),  # of the text, between white space
        ("digest", pa.int64()),  # of text, role, language and parent; null where the record is redacted
    ]
)
"""All messages that were read, one a row, without their texts.

One more column for each check that finished, of type WORDS and with the check's name: CHECKED, why the check
skipped the message, or null where it reported neither.
"""


class FieldFacts(msgspec.Struct, frozen=True):
    """One field of a source, and what became of its texts."""

    path: str  # such as `answers[].text`; a long one is cut
    use: Use
    records_unread: int  # with a text that no message has
    chars_unread: int  # of these texts, in code points


class SourceFacts(msgspec.Struct, frozen=True):
    """One file that was read."""

    name: str
    format: str
    is_forced: bool  # the format was asked for, not recognised
    reason: str  # how the format was recognised
    n_bytes: int  # on disk
    sha256: str  # of the bytes on disk; empty if they were not read to the end
    records: int
    chars: int  # of the texts of its messages, in code points
    fields: list[FieldFacts]  # by path
    errors: list[str]


class PassedOver(msgspec.Struct, frozen=True):
    """Files of a folder or an archive that were not read, for one reason."""

    place: str
    reason: str  # empty: they do not have the names of data files
    n_files: int
    suffixes: list[str]  # of their names


class RuleFacts(msgspec.Struct, frozen=True):
    """One rule of a check, and the number of its findings."""

    id: str
    title: str
    severity: int
    advice: str
    findings: int
    action: Action = Action.KEEP  # of `clean`, where no policy says otherwise
    strict: Action | None = None  # of `clean --policy strict`; None: `action`, as in older records
    concerns: Concerns = Concerns.MESSAGE
    example: list[str] = []  # a conversation that breaks the rule, a line a message
    neighbour: list[str] = []  # one as close to it as can be that does not

    @property
    def strict_action(self) -> Action:
        """What the strict policy does."""
        return self.strict or self.action


class Count(msgspec.Struct, frozen=True):
    """Number of messages of one language, role and source that were checked, or skipped for one reason."""

    outcome: str  # CHECKED, or the reason to skip them
    lang: str | None
    role: str | None
    source: str
    messages: int


class DepthCount(msgspec.Struct, frozen=True):
    """Number of messages of one role at one depth of their trees."""

    role: str | None
    depth: int  # -1: on the way into a circle
    messages: int


class CheckFacts(msgspec.Struct, frozen=True):
    """What one check checked, and found."""

    name: str
    about: str
    settings: dict[str, Any]
    rules: list[RuleFacts]
    coverage: list[Count]
    seconds: float  # processor time
    error: str | None  # why it did not finish; then it has no findings
    notes: list[str]  # how it worked, where that depends on the data
    tables: list[Table]  # figures beside the findings
    measurement: Method
    facets: dict[str, str]  # descriptions of the facets of its findings, by key
    labelled: Confusion | None = None  # flagged or not, of checked messages that people labelled in the data
    changed: list[str] = []  # settings that the user set to other values than the defaults

    @property
    def checked(self) -> int:
        """Checked messages."""
        return sum(c.messages for c in self.coverage if c.outcome == CHECKED)

    @property
    def skipped(self) -> dict[str, int]:
        """Skipped messages by reason."""
        reasons: dict[str, int] = {}
        for count in self.coverage:
            if count.outcome != CHECKED:
                reasons[count.outcome] = reasons.get(count.outcome, 0) + count.messages
        return reasons


class Judgement(msgspec.Struct, frozen=True):
    """Labels that people gave to a sample of checked messages (`chataudit sample` and `judge`)."""

    strata: dict[str, Stratum]  # by the rule that flagged them, or NOT_FLAGGED
    n_open: int  # messages in the sample without a label
    when: str  # ISO 8601
    audit: str  # `Facts.digest` of the audit that the sample was drawn from; the labels hold for no other


class Facts(msgspec.Struct, frozen=True):
    """Contents of record.json: all of an audit but its findings."""

    version: int
    chataudit: str
    python: str
    dependencies: dict[str, str]
    kernels: str  # compiled or NumPy: the same values at another speed
    is_redacted: bool
    started: str  # ISO 8601, UTC
    seconds: float  # wall time
    engine: str
    workers: int
    sources: list[SourceFacts]
    messages: int
    trees: int
    census: list[Count]  # all messages, independent of checks
    shape: list[DepthCount]
    days: dict[str, int]  # messages by the day of their date, in UTC, as YYYY-MM-DD
    checks: list[CheckFacts]
    description: Description
    mapping: dict[str, Any] | None = None  # the [format] settings of data in no known format
    passed_over: list[PassedOver] = []  # files in the folders of the sources

    @property
    def title(self) -> str:
        """Name of the data: that of the first file."""
        names = [visible(source.name.rsplit("/", 1)[-1]) for source in self.sources]
        return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"

    @property
    def file_names(self) -> dict[str, str]:
        """What each source is called on pages: its path below the folder of all, which is nobody else's business."""
        names = [source.name for source in self.sources]
        return dict(zip(names, map(visible, below(names)), strict=True))

    @property
    def digest(self) -> str:
        """Hash that identifies this audit."""
        return blake2b(msgspec.json.encode(self), digest_size=8).hexdigest()

    @property
    def problems(self) -> list[str]:
        """Why the audit is incomplete, a sentence each; of very many sources the first."""
        failed = [f"The check {c.name} did not finish: {visible(c.error)}" for c in self.checks if c.error]
        unread = [visible(error) for error in self.errors]
        if len(unread) > SHOWN_SOURCES:
            unread[SHOWN_SOURCES:] = [f"{len(unread) - SHOWN_SOURCES:,} more sources: see {RECORD}"]
        return failed + unread

    @property
    def errors(self) -> list[str]:
        """Why parts of the sources were not read."""
        return [error for source in self.sources for error in source.errors]


class Record:
    """One audit: its facts, its findings, the conversations around them, and all messages."""

    def __init__(
        self,
        facts: Facts,
        table: pa.Table,
        threads: pa.Table,
        messages: pa.Table,
        judgements: Mapping[str, Judgement] = MappingProxyType({}),
    ) -> None:
        self.facts = facts
        self.table = table  # FINDINGS, in the order of sources, lines and rules
        self.threads = threads  # THREADS, in the order of sources and lines
        self.messages = messages  # SEEN and a column a check, in the order of sources and lines
        self.judgements = judgements  # by check

    @property
    def exit_code(self) -> int:
        """Exit code: 4, a check did not finish; 3, a source could not be read to its end; 0, neither."""
        if any(check.error for check in self.facts.checks):
            return 4
        return 3 if self.facts.errors else 0

    def findings(self, check: str | None = None) -> "pd.DataFrame":
        """Return the findings as a data frame, all or of one check; the columns are those of FINDINGS.

        Raises
        ------
        LookupError
            If no check of this name was run.
        """
        table = self.table
        if check is not None:
            names = [c.name for c in self.facts.checks]
            if check not in names:
                raise LookupError(f"check {check!r} was not run; there are {', '.join(names)}")
            table = table.filter(pc.equal(table["check"], check))
        frame: pd.DataFrame = table.to_pandas(maps_as_pydicts="strict")
        return frame

    def write(self, folder: str | os.PathLike[str], *, replace: bool = False) -> None:
        """Write the record into a folder, whole or not at all.

        Raises
        ------
        FileExistsError
            If the folder exists and is not empty, unless it is an older audit and `replace` is set.
        """
        target = Path(folder)
        refuse_taken(target, replace=replace)
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            _write(self.table, made / FINDINGS_FILE)
            _write(self.threads, made / THREADS_FILE)
            # Ids and digests are all distinct; building dictionaries of them would take half of the time for nothing.
            words = [field.name for field in self.messages.schema if field.type == WORDS]
            _write(self.messages, made / MESSAGES_FILE, use_dictionary=words)
            (made / RECORD).write_bytes(msgspec.json.format(msgspec.json.encode(self.facts), indent=1))
            if self.judgements:
                (made / JUDGED).write_text(_judgements(self.judgements), encoding="utf-8")
            made.chmod(0o755 & ~umask())
            if target.is_dir():
                # Only files that an audit writes are replaced; others in the folder stay.
                for file in made.iterdir():
                    file.replace(target / file.name)
            else:
                made.replace(target)
        finally:
            shutil.rmtree(made, ignore_errors=True)

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> Self:
        """Read the record in a folder.

        Raises
        ------
        LookupError
            If the folder contains no audit.
        ValueError
            If the record is of another version of chataudit, or cut short.
        """
        path = Path(folder) / RECORD
        if not path.is_file():
            raise LookupError(f"{folder}: contains no {RECORD}; expected the folder that an audit wrote")
        again = "Run the audit again"
        try:
            version = msgspec.json.decode(path.read_bytes()).get("version")
            if version != VERSION:
                raise ValueError(f"{path}: version {version!r}; this chataudit reads version {VERSION}. {again}")
            facts = msgspec.json.decode(path.read_bytes(), type=Facts)
        except (msgspec.DecodeError, AttributeError) as error:
            raise ValueError(f"{path}: could not be read ({error}). {again}") from None
        tables = []
        finished = [pa.field(check.name, WORDS) for check in facts.checks if not check.error]
        seen = pa.schema([*SEEN, *finished])
        for name, schema in ((FINDINGS_FILE, FINDINGS), (THREADS_FILE, THREADS), (MESSAGES_FILE, seen)):
            file = Path(folder) / name
            try:
                table = _read(file)
            except (pa.ArrowException, OSError) as error:
                raise ValueError(f"{file}: could not be read ({str(error).splitlines()[0]}). {again}") from None
            if not table.schema.equals(schema):
                raise ValueError(f"{file}: has other columns than this chataudit writes. {again}")
            tables.append(table)
        judged = Path(folder) / JUDGED
        try:
            judgements = msgspec.json.decode(judged.read_bytes(), type=dict[str, Judgement]) if judged.is_file() else {}
        except msgspec.DecodeError as error:
            raise ValueError(
                f"{judged}: could not be read ({error}). Import the labels again with `chataudit judge`"
            ) from None
        judgements = {name: judged for name, judged in judgements.items() if judged.audit == facts.digest}
        table, threads, messages = tables
        return cls(facts, table, threads, messages, judgements)


def _write(table: pa.Table, path: Path, **options: Any) -> None:
    """Write a table as Parquet, some rows at a time."""
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, table.schema, compression="zstd", **options) as file:
        for start in range(0, max(1, table.num_rows), PIECE):
            file.write_table(_shortened(table.slice(start, PIECE)))
            forget()


def _shortened(piece: pa.Table) -> pa.Table:
    """Return the rows with dictionaries of no more words than rows, as each row group has its own."""
    for k, field in enumerate(piece.schema):
        if pa.types.is_dictionary(field.type) and piece.num_rows:
            column = piece.column(k)
            if max(len(chunk.dictionary) for chunk in column.chunks) > piece.num_rows:
                column = column.cast(field.type.value_type).dictionary_encode()
            piece = piece.set_column(k, field, column.unify_dictionaries())
    return piece


def _read(path: Path) -> pa.Table:
    """Read the table in a Parquet file: into memory, or a large one into a temporary file."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        facts = file.metadata
        if sum(facts.row_group(k).total_byte_size for k in range(facts.num_row_groups)) <= LARGE:
            return file.read()

        def batches() -> Iterator[pa.RecordBatch]:
            for k in range(facts.num_row_groups):
                yield from file.iter_batches(PIECE, [k])

        return on_disk(batches(), file.schema_arrow)


def write_judgements(folder: Path, judgements: Mapping[str, Judgement]) -> None:
    """Write the labels that people gave, by check, next to the record of an audit."""
    write_pages(folder, {JUDGED: _judgements(judgements)})


def _judgements(judgements: Mapping[str, Judgement]) -> str:
    return msgspec.json.format(msgspec.json.encode(dict(judgements)), indent=1).decode() + "\n"


def refuse_taken(folder: Path, *, replace: bool = False) -> None:
    """Raise unless a folder is missing, empty, or an audit that may be replaced.

    Raises
    ------
    FileExistsError
        If the folder contains anything else, or is a file.
    """
    is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not is_free and not (replace and (folder / RECORD).is_file()):
        raise FileExistsError(
            f"{folder} is not empty. Name another folder, or pass --overwrite to replace an older audit"
        )
