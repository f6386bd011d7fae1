"""The engine `processes`: whole sources and partitions in local processes, for checks that hold the GIL."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Processes:
    """Engine on separate processes, each with its own interpreter, so that Python code runs in parallel."""

    name = "processes"
    is_cluster = True

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Apply the function to each item, in order."""
        # Unlike those of multiprocessing, these processes need no guard in the caller's script, and accept functions
        # defined in a notebook.
        from concurrent.futures.process import BrokenProcessPool

        from joblib import Parallel, delayed
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        # No memory-mapped arrays: rows are exchanged in files of their own.
        parallel = Parallel(self.workers, return_as="generator", batch_size=1, max_nbytes=None)
        try:
            yield from parallel(delayed(function)(item) for item in items)
        except TerminatedWorkerError:
            raise ChildProcessError(
                "a worker process was killed, probably because memory ran out. Progress is saved: continue with "
                "--resume, and with less --memory or fewer --workers"
            ) from None
        except BrokenProcessPool as error:
            reason = str(error.__cause__ or error).strip('"\n').splitlines()[-1]  # last line of the worker's traceback
            raise ChildProcessError(
                f"a worker process could not load its task ({reason}). It must be able to import the check's module: "
                "install it, or use the engine threads"
            ) from None

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(kill_workers=True)
