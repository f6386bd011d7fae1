"""The engine `ray`: whole sources and partitions as Ray Data tasks, on this machine or a cluster (extra [ray])."""

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
    """Engine on the workers of a cluster. Ray replaces a worker process that dies and repeats its item."""

    name = "ray"
    is_cluster = True

    def __init__(self, workers: int | None, address: str | None) -> None:
        self._ray = _ray()
        self._is_ours = not self._ray.is_initialized()
        if self._is_ours:
            options: dict[str, Any] = {} if address is not None else {"num_cpus": workers, "include_dashboard": False}
            _refuse_silent(address)
            try:
                # Without an address, Ray would connect to the cluster that was started last on this machine.
                self._ray.init(address=address or "local", log_to_driver=False, logging_level="error", **options)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise LookupError(f"no Ray cluster at {address!r}: {str(error).splitlines()[0]}") from None
        self.workers = workers or int(self._ray.cluster_resources().get("CPU", 1))

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Apply the function to each item, in order. It must be deterministic: Ray may call it again for an item."""
        import ray.data
        from ray import cloudpickle  # also pickles functions defined in a script or a notebook

        rows = [{"item": pickle.dumps(item)} for item in items]
        if not rows:
            return
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        packed = cloudpickle.dumps(function)  # type: ignore[no-untyped-call]

        # Nodes were started elsewhere, but relative paths and our environment variables must be those of the caller.
        folder = Path.cwd()
        ours = {name: value for name, value in os.environ.items() if name.startswith("CHATAUDIT_")}

        def call(row: dict[str, Any]) -> dict[str, Any]:
            with suppress(OSError):  # the folder may exist only on the caller's machine; absolute paths still work
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
    """Raise if nothing listens at this address: Ray itself retries for minutes, with a message each time."""
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
        raise LookupError(f'engine "ray" is not installed ({error}). Run: pip install "chataudit[ray]"') from None
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # its execution plans mean nothing to our users
    return ray
