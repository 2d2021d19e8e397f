"""Runs stages of a chain in parallel, bounded and in order: `prefetch` and `parallel_map`."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _End:
    """Marks the end of the items; `failure` is what the source raised, or None."""

    failure: BaseException | None = None


def prefetch(items: Iterable[Item], depth: int) -> Generator[Item, None, None]:
    """`items`, produced by a thread that is up to `depth` items ahead.

    An exception of the source is raised here, after the items before it. The source is closed, in its thread, before
    this generator ends.
    """
    # SimpleQueue is unbounded. A semaphore limits its size, so that an early `close` can wake the waiting thread.
    produced: queue.SimpleQueue[Item | _End] = queue.SimpleQueue()
    slots = threading.Semaphore(depth)
    stopped = threading.Event()
    thread = threading.Thread(target=_producer, args=(items, produced, slots, stopped), name="prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(item := produced.get(), _End):
            slots.release()
            yield item
        if item.failure is not None:
            raise item.failure
    finally:
        stopped.set()
        slots.release()
        thread.join()


def _producer(
    items: Iterable[Item],
    produced: queue.SimpleQueue[Item | _End],
    slots: threading.Semaphore,
    stopped: threading.Event,
) -> None:
    end = _End()
    iterator: Iterator[Item] = iter(())
    try:
        iterator = iter(items)
        while slots.acquire() and not stopped.is_set():
            produced.put(next(iterator))
    except StopIteration:
        pass
    except BaseException as failure:  # noqa: BLE001  # raised again in the consuming thread
        end = _End(failure)
    finally:
        close(iterator)
        produced.put(end)


def parallel_map(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int, name: str = "mapped"
) -> Generator[Result, None, None]:
    """Apply `work` to each item in `workers` threads; the results in the order of the items.

    The calling thread pulls the items, at most one more than there are workers. An exception of `work` is raised in
    place of its result, without waiting for further items. An exception of the source is raised after the results of
    all earlier items. After a failure, or when this generator is closed, no further item is started, and the running
    ones are waited for.
    """
    running: deque[Future[Result]] = deque()
    iterator = iter(items)
    with ThreadPoolExecutor(workers, thread_name_prefix=name) as pool:
        try:
            for future in _submitted(pool, work, iterator):
                running.append(future)
                if len(running) > workers or _has_failed(running[0]):
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()
            close(iterator)


def _has_failed(future: Future[Result]) -> bool:
    return future.done() and future.exception() is not None


def _submitted(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterator[Item]
) -> Generator[Future[Result], None, None]:
    """A future per item; if the source fails, a last one with its exception."""
    try:
        for item in items:
            yield pool.submit(work, item)
    except Exception as failure:  # noqa: BLE001  # raised again in its place
        failed: Future[Result] = Future()
        failed.set_exception(failure)
        yield failed


def close(iterator: Iterator[Item]) -> None:
    """Close a generator; other iterators need no closing."""
    close = getattr(iterator, "close", None)
    if close is not None:
        close()
