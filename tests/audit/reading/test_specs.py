"""Laws for formats: each says what it needs, and reads its own example, also as a table [format] of the user."""

import dataclasses
import json
import tomllib
from functools import partial
from importlib.resources import files

from cases import case
from chataudit.audit.config import _convert
from chataudit.audit.reading.formats import FORMATS, MAPPING, Fault, Spec, known
from chataudit.audit.reading.formats.described import Described
from chataudit.audit.reading.formats.examples import PLACE, messages, table
from chataudit.audit.reading.formats.ledger import account, unread
from chataudit.audit.reading.formats.records import Records
from chataudit.audit.reading.formats.spec import PARTS, as_toml, built_in
from chataudit.checks.base.settings import settings

DESCRIBED = {name: format for name, format in FORMATS.items() if isinstance(format, Described)}


def test_every_format_reads_its_example_and_no_earlier_one_does():
    every = Records(FORMATS, "messages")
    for name, format in FORMATS.items():
        with case(name):
            record = json.loads(format.example)
            assert next(each for each, other in FORMATS.items() if other.recognise(record)) == name
            assert every.recognised(record) == (name, format.recognise(record))
            read = list(format.flatten(record, PLACE))
            assert read
            assert [fault for fault in read if isinstance(fault, Fault)] == []
            assert list(unread(account(format.rest(record), 1, read, partial(format.known_of, record)))) == []


def test_every_format_says_what_it_is_and_what_it_needs():
    for name, format in FORMATS.items():
        with case(name):
            assert format.about
            assert not format.about.endswith(".")
            assert format.fields


def test_a_format_gives_the_same_messages_as_a_table_of_the_user():
    for name, format in DESCRIBED.items():
        with case(name):
            spec = _convert(tomllib.loads(as_toml(format.spec))["format"], Spec, "[format]")
            assert spec == format.spec
            record = json.loads(format.example)
            mapping = known(spec)[MAPPING]
            assert mapping.recognise(record)
            assert list(mapping.flatten(record, PLACE)) == list(format.flatten(record, PLACE))


def test_names_are_unique_and_the_order_of_the_files_is_that_of_recognition():
    named = [each.name for each in built_in()]
    assert len({*named, MAPPING}) == len(named) + 1
    assert list(DESCRIBED) == named
    found = sorted(path.name for path in (files("chataudit.audit.reading.formats") / "specs").iterdir())
    assert found == [*(name for name in found if name[:2].isdigit()), "names.toml"]
    assert [name.removesuffix(".toml")[3:] for name in found[:-1]] == named


def test_needs_are_settings_that_the_format_has_and_all_its_fields_can_be_parsed():
    for each in built_in():
        with case(each.name):
            assert each.needs
            assert set(each.needs) <= each.spec.paths.keys()


def test_every_setting_has_one_sentence_and_every_part_a_first_setting():
    names = [field.name for field in dataclasses.fields(Spec)]
    assert [name for name in names if name in PARTS] == list(PARTS)
    assert names[0] in PARTS
    for each in settings(Spec):
        with case(each.name):
            assert each.help.endswith(".")


def test_the_table_of_an_example_leaves_out_empty_columns():
    assert table(FORMATS["preferences"]) == [
        ["message_id", "parent_id", "role", "text", "branch", "rank"],
        ["data.jsonl:1", "", "prompter", "Name a river in France.", "", ""],
        ["data.jsonl:1#chosen", "data.jsonl:1", "assistant", "The Loire.", "chosen", "0"],
        ["data.jsonl:1#rejected", "data.jsonl:1", "assistant", "The Thames.", "rejected", "1"],
    ]
    assert len(messages(FORMATS["preferences"])) == 3


def test_a_table_of_the_user_may_name_media():
    spec = Spec(prompt="q", media=("shots.image", "files"))
    record = {"q": "What is this?", "shots": {"image": ["a.png"]}, "files": ["b.pdf"]}
    (row,) = known(spec)[MAPPING].flatten(record, PLACE)
    assert row["media"] == ["image", "file"]
