"""Engines carry a function over items: one after the other, or on threads."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Protocol, Self, TypeVar

from ..checks.base import kernels
from .processes import Processes

T = TypeVar("T")
R = TypeVar("R")


class Engine(Protocol):
    """What carries out the stages. Results come in the order of the items, whatever finishes first."""

    name: str
    workers: int
    is_cluster: bool  # it works in other processes: items and results are packed, and files are how rows meet

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """The function of each item. Items are drawn as they are needed, never all at once."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Serial:
    """One item after the other, in this thread."""

    name = "serial"
    is_cluster = False
    workers = 1

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        return map(function, items)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Threads:
    """Several items at a time. The kernels of Arrow and NumPy release the interpreter's lock."""

    name = "threads"
    is_cluster = False

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="chataudit")

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        # Executor.map would draw the whole source into memory; two items beyond the running ones keep everybody busy
        # while the caller has something else to do. Only the caller's thread ever waits, so maps over maps cannot lock
        # each other out.
        running: deque[Future[R]] = deque()
        try:
            for item in items:
                running.append(self._pool.submit(function, item))
                if len(running) > self.workers + 1:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()

    def __enter__(self) -> Self:
        self._before = kernels.THREADS.set(self.workers)
        return self

    def __exit__(self, *_: object) -> None:
        kernels.THREADS.reset(self._before)
        self._pool.shutdown(cancel_futures=True)


ENGINES = ("auto", "serial", "threads", "processes", "ray")


def start(
    name: str = "auto", workers: int | None = None, address: str | None = None, *, holds_gil: bool = False
) -> Engine:
    """The engine of this name with so many workers; by default as many as this process may use processors.

    `auto` is threads, or processes for what `holds_gil`; one after the other where there is but one worker.

    Raises
    ------
    ValueError
        If there is no such engine, or it takes no such workers or address.
    LookupError
        If its packages are not installed, or there is no cluster at that address.
    """
    if name not in ENGINES:
        raise ValueError(f"engine {name!r}; expected one of {', '.join(ENGINES)}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers: {workers} is below 1")
    if address is not None and name != "ray":
        raise ValueError(f"address {address!r}: the engine {name} works on this machine; expected the engine ray")
    if name == "ray":
        from .cluster import Ray  # the packages take seconds to load

        return Ray(workers, address)
    # Not os.cpu_count(): in a container it counts processors that are not ours.
    n = workers or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1))
    if name == "serial" or (name == "auto" and n == 1):
        return Serial()
    return Processes(n) if name == "processes" or (name == "auto" and holds_gil) else Threads(n)
