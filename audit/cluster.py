"""The engine `ray`: whole sources and partitions as tasks of Ray Data, on this machine or a cluster (extra [ray])."""

import logging
import os
import pickle
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Ray:
    """Items on the workers of a cluster. A worker process that dies is replaced, and its item done again."""

    name = "ray"
    is_cluster = True

    def __init__(self, workers: int | None, address: str | None) -> None:
        self._ray = _ray()
        self._is_ours = not self._ray.is_initialized()
        if self._is_ours:
            options: dict[str, Any] = {} if address is not None else {"num_cpus": workers, "include_dashboard": False}
            _refuse_silent(address)
            try:
                # Without an address, Ray would take whatever cluster was started here last.
                self._ray.init(address=address or "local", log_to_driver=False, logging_level="error", **options)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise LookupError(f"no Ray cluster at {address!r}: {str(error).splitlines()[0]}") from None
        self.workers = workers or int(self._ray.cluster_resources().get("CPU", 1))

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """The function of each item, in their order. What it says must be the same each time that it is called."""
        import ray.data
        from ray import cloudpickle  # which also takes what a script or a notebook defines

        rows = [{"item": pickle.dumps(item)} for item in items]
        if not rows:
            return
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        packed = cloudpickle.dumps(function)  # type: ignore[no-untyped-call]

        # Nodes were started elsewhere: relative paths and our settings of the environment are those of the caller.
        folder = Path.cwd()
        ours = {name: value for name, value in os.environ.items() if name.startswith("CHATAUDIT_")}

        def call(row: dict[str, Any]) -> dict[str, Any]:
            with suppress(OSError):  # a folder of the caller's machine alone; absolute paths lead on
                os.chdir(folder)
            os.environ.update(ours)
            return {"result": pickle.dumps(pickle.loads(packed)(pickle.loads(row["item"])))}

        data = ray.data.from_items(rows, override_num_blocks=len(rows))
        for row in data.map(call, compute=ray.data.TaskPoolStrategy(size=self.workers)).iter_rows():
            yield pickle.loads(row["result"])

    def __enter__(self) -> "Ray":
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_ours:
            self._ray.shutdown()


def _refuse_silent(address: str | None) -> None:
    """Let only addresses pass where something listens: Ray itself tries for minutes, and tells of each time."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise LookupError(f"no Ray cluster at {address!r}: {getattr(error, 'strerror', None) or error}") from None


def _ray() -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no reports to others
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else it warns on standard error at each start
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise LookupError(f'engine "ray" needs its packages ({error}): pip install "chataudit[ray]"') from None
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # what it says of its plans is no word to our users
    return ray
