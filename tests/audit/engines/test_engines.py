"""Engines on this machine."""

import threading
import time

import pytest
from chataudit.audit.engines import engine as engines
from chataudit.checks.base import kernels


@pytest.mark.parametrize("name", ["serial", "threads"])
def test_results_come_in_the_order_of_the_items(name):
    with engines.start(name, 3) as engine:
        waits = [0.02, 0.0, 0.01, 0.0, 0.0]
        assert list(engine.map(lambda wait: time.sleep(wait) or wait, waits)) == waits


def test_items_are_drawn_as_they_are_needed():
    drawn = []

    def items():
        for k in range(100):
            drawn.append(k)
            yield k

    with engines.start("threads", 2) as engine:
        results = engine.map(lambda k: k, items())
        next(results)
        assert len(drawn) <= 5


def test_a_kernel_may_take_the_threads_of_the_engine_that_waits_for_it_and_no_others():
    assert kernels.THREADS.get() == 1
    with engines.start("threads", 3) as engine:
        assert kernels.THREADS.get() == 3
        assert list(engine.map(lambda _: kernels.THREADS.get(), range(4))) == [1, 1, 1, 1]
    assert kernels.THREADS.get() == 1
    with engines.start("serial"):
        assert kernels.THREADS.get() == 1


def test_workers_stop_where_a_result_is_an_error():
    def fail(k):
        if k == 1:
            raise ValueError("one")
        return threading.get_ident()

    with engines.start("threads", 2) as engine, pytest.raises(ValueError, match="one"):
        list(engine.map(fail, range(10)))
