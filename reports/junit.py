"""A verdict as JUnit XML, which every CI server shows as tests."""

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from .gate import Ruling, Verdict
from .record import Record
from .words import count_of, visible

# XML 1.0 allows neither, however written; all else that it forbids is made visible as it is on every page.
_FORBIDDEN = {ord(c): f"⟦U+{ord(c):04X}⟧" for c in "\ufffe\uffff"}


def junit(record: Record, verdict: Verdict) -> str:
    """A test suite of the data set: a test case for each limit, and one for whether the audit is complete.

    A limit that is broken fails; one that could not be told is an error, as is an audit that is not complete. The
    schema of Jenkins, which is strict, allows properties of suites alone: those of a limit begin with its name.
    """
    suite = ET.Element(
        "testsuite",
        name=_words(record.facts.title),
        time=f"{record.facts.seconds:.3f}",
        timestamp=record.facts.started[:19],  # UTC; readers of JUnit expect no zone
    )
    properties = ET.SubElement(suite, "properties")
    _say(properties, "verdict", verdict.words)
    for ruling in verdict.rulings:
        for key, value in _numbers(ruling):
            _say(properties, f"{_name(ruling)}: {key}", value)

    whole = ET.SubElement(suite, "testcase", classname="audit", name="complete")
    if verdict.problems:
        told = f"{count_of(len(verdict.problems), 'part')} of the audit could not be done"
        ET.SubElement(whole, "error", type="incomplete", message=told).text = _words("\n".join(verdict.problems))
    for ruling in verdict.rulings:
        case = ET.SubElement(suite, "testcase", classname=_words(ruling.limit.target), name=_name(ruling))
        if not ruling.is_held:
            outcome = "error" if ruling.found is None else "failure"
            ET.SubElement(case, outcome, type=ruling.kind, message=_words(ruling.told))

    for name, path in (("tests", "testcase"), ("failures", "testcase/failure"), ("errors", "testcase/error")):
        suite.set(name, str(len(suite.findall(path))))
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _name(ruling: Ruling) -> str:
    """What is limited and where, the same in every run: a server follows a test by its name."""
    return _words(f"{ruling.kind}: {ruling.limit.where}")


def _numbers(ruling: Ruling) -> Iterator[tuple[str, str]]:
    yield "allowed", str(ruling.allowed)
    if ruling.found is not None:
        yield "found", str(ruling.found)
    if (rate := ruling.rate) is not None and rate.judged:
        yield "rate", str(rate.share)
        for key in ("flagged", "judged", "trees"):
            yield key, str(getattr(rate, key))
        for key in ("wilson", "clustered"):
            low, high = getattr(rate, key)
            yield from ((f"{key} low", str(low)), (f"{key} high", str(high)))


def _say(properties: ET.Element, name: str, value: str) -> None:
    ET.SubElement(properties, "property", name=_words(name), value=_words(value))


def _words(text: str) -> str:
    return visible(text).translate(_FORBIDDEN)
