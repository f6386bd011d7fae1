"""Engines that apply a function to items: one after the other, on threads, in processes or on a cluster."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Protocol, Self, TypeVar

from ...checks.base import kernels
from ...checks.base.settings import suggestion
from .processes import Processes

T = TypeVar("T")
R = TypeVar("R")


class Engine(Protocol):
    """Runner of the stages. Results come in the order of the items, regardless of which finishes first."""

    name: str
    workers: int
    is_cluster: bool  # runs in other processes: items and results are pickled, and rows are exchanged in files

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Apply the function to each item. Items are taken as they are needed, never all at once."""
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
    """Several items at a time. The kernels of Arrow and NumPy release the global interpreter lock."""

    name = "threads"
    is_cluster = False

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="chataudit")

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        # Executor.map would read the whole source into memory; two items beyond the running ones keep all threads busy
        # while the caller does something else. Only the caller's thread ever waits, so nested maps cannot deadlock.
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
    """Start an engine; by default with one worker for each CPU available to this process.

    `auto` means threads, or processes for work that `holds_gil`; with a single worker it means serial.

    Raises
    ------
    ValueError
        If the engine is unknown, or does not accept these workers or this address.
    LookupError
        If its packages are not installed, or there is no cluster at that address.
    """
    if name not in ENGINES:
        raise ValueError(f"unknown engine {name!r}. {suggestion(name, ENGINES)}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers: {workers} is below 1")
    if address is not None and name != "ray":
        raise ValueError(f"address {address!r}: the engine {name} runs only on this machine. Use the engine ray")
    if name == "ray":
        from .ray import Ray  # the packages take seconds to load

        return Ray(workers, address)
    # Not os.cpu_count(): in a container it also counts CPUs that this process may not use.
    n = workers or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1))
    if name == "serial" or (name == "auto" and n == 1):
        return Serial()
    return Processes(n) if name == "processes" or (name == "auto" and holds_gil) else Threads(n)
