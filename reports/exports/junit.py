"""Verdict of a gate as JUnit XML, which every CI server shows as tests."""

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from ...checks.base.findings import SEVERITIES
from ..counts import CheckCounts, Counts
from ..gate import Ruling, Verdict
from ..record import Record
from ..wording import count_of, visible

# XML 1.0 allows neither, even escaped; `visible` replaces all else that it forbids.
_FORBIDDEN = {ord(c): f"⟦U+{ord(c):04X}⟧" for c in "\ufffe\uffff"}


def junit(record: Record, verdict: Verdict) -> str:
    """Write a test suite of the data set: a test case for each check and each limit, and one for the whole audit.

    A limit that is exceeded is a failure; one of unknown value is an error, as are an incomplete audit and a check that
    did not finish; a check that did not run is skipped. The strict schema of Jenkins allows properties of suites only:
    those of a limit begin with its name.
    """
    counts = Counts(record)
    suite = ET.Element(
        "testsuite",
        name=_words(record.facts.title),
        time=f"{record.facts.seconds:.3f}",
        timestamp=record.facts.started[:19],  # UTC; readers of JUnit expect no zone
    )
    properties = ET.SubElement(suite, "properties")
    _add(properties, "verdict", verdict.words)
    for name, n in (("messages", counts.messages), ("trees", counts.trees), ("files", counts.files)):
        _add(properties, name, str(n))
    for check in counts.checks:
        for name, value in _counted(check):
            _add(properties, f"{_words(check.name)}: {name}", value)
    for ruling in verdict.rulings:
        for key, value in _numbers(ruling):
            _add(properties, f"{_name(ruling)}: {key}", value)

    whole = ET.SubElement(suite, "testcase", classname="audit", name="complete")
    if verdict.problems:
        words = f"{count_of(len(verdict.problems), 'part')} of the audit failed"
        ET.SubElement(whole, "error", type="incomplete", message=words).text = _words("\n".join(verdict.problems))
    for check in counts.checks:
        case = ET.SubElement(suite, "testcase", classname="checks", name=_words(check.name))
        if check.facts.error:
            ET.SubElement(case, "error", type="check", message=check.outcome)
        elif check.is_idle:
            ET.SubElement(case, "skipped", message=_words(check.outcome))
    for ruling in verdict.rulings:
        case = ET.SubElement(suite, "testcase", classname=_words(ruling.limit.target), name=_name(ruling))
        if not ruling.is_held:
            outcome = "error" if ruling.found is None else "failure"
            ET.SubElement(case, outcome, type=ruling.kind, message=_words(ruling.words))

    for name, path in (("tests", ""), ("failures", "/failure"), ("errors", "/error"), ("skipped", "/skipped")):
        suite.set(name, str(len(suite.findall(f"testcase{path}"))))
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _name(ruling: Ruling) -> str:
    """Name the kind and the scope of a limit, the same in every run: a server follows a test by its name."""
    return _words(f"{ruling.kind}: {ruling.limit.where}")


def _numbers(ruling: Ruling) -> Iterator[tuple[str, str]]:
    yield "allowed", str(ruling.allowed)
    if ruling.found is not None:
        yield "found", str(ruling.found)
    if (rate := ruling.rate) is not None and rate.checked:
        yield "rate", str(rate.share)
        yield from (("flagged", str(rate.flagged)), ("checked", str(rate.checked)), ("clusters", str(rate.clusters)))
        for key in ("wilson", "clustered"):
            low, high = getattr(rate, key)
            yield from ((f"{key} low", str(low)), (f"{key} high", str(high)))


def _counted(check: CheckCounts) -> Iterator[tuple[str, str]]:
    if not check.facts.error:
        yield from (("flagged", str(check.rate.flagged)), ("checked", str(check.rate.checked)))
        yield "skipped", str(check.n_skipped)
        yield from ((f"{SEVERITIES[level]}s", str(n)) for level, n in check.severities.items())


def _add(properties: ET.Element, name: str, value: str) -> None:
    ET.SubElement(properties, "property", name=_words(name), value=_words(value))


def _words(text: str) -> str:
    return visible(text).translate(_FORBIDDEN)
