"""The engine `processes`: whole sources and partitions in processes of this machine, for checks that are no kernels."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Processes:
    """Items in processes of their own, each with an interpreter of its own: Python code is carried out side by side."""

    name = "processes"
    is_cluster = True

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """The function of each item, in their order."""
        # Its processes need no guard in the caller's script, and take what a notebook defines, as those of
        # multiprocessing do not.
        from concurrent.futures.process import BrokenProcessPool

        from joblib import Parallel, delayed
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        # No array is handed over by a file: rows go by pieces on disk.
        parallel = Parallel(self.workers, return_as="generator", batch_size=1, max_nbytes=None)
        try:
            yield from parallel(delayed(function)(item) for item in items)
        except TerminatedWorkerError:
            raise ChildProcessError(
                "a worker process was killed, as the system does where memory is short. What is done is kept: go on "
                "with --resume, and with less --memory or fewer --workers"
            ) from None
        except BrokenProcessPool as error:
            reason = str(error.__cause__ or error).strip('"\n').splitlines()[-1]  # of the trace back in the worker
            raise ChildProcessError(
                f"a worker process could not make out what it is to do ({reason}). A check must stand in a module that "
                "Python finds there too: install it, or take the engine threads"
            ) from None

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(kill_workers=True)
