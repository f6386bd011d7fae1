"""Settings of the test run."""

import os

import pytest
from chataudit import run
from chataudit.audit.demo.release import release
from chataudit.checks.benchmark_leakage.check import BenchmarkLeakage
from hypothesis import settings

# Machines that run the tests are shared and slow at times; a deadline would test them, not us.
settings.register_profile("chataudit", deadline=None, derandomize=True)
settings.load_profile("chataudit")


@pytest.fixture(scope="session", autouse=True)
def references(tmp_path_factory):
    """Use the made-up benchmarks of the examples in place of what the user has built."""
    folder = tmp_path_factory.mktemp("references")
    BenchmarkLeakage.on_examples(folder)
    os.environ["CHATAUDIT_REFERENCES"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def released(references, tmp_path_factory):
    """Return the release of the demo, and the record of its audit."""
    made = release(1)
    path = tmp_path_factory.mktemp("secret-folder") / "release.jsonl"
    made.write(path)
    return made, run(path, engine="serial")
