"""Stages of a chain side by side: what one thread brings, others work on, in order and bounded."""

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
    """No item follows; `failure` is what the source raised, if it did."""

    failure: BaseException | None = None


def ahead(items: Iterable[Item], depth: int) -> Generator[Item, None, None]:
    """`items`, brought by a thread of their own that runs up to `depth` of them ahead.

    What the source raises is raised here, in its place. The source is closed, in its thread, before this ends.
    """
    # SimpleQueue has no bound: the slots are counted beside it, so that an early end can wake the thread.
    coming: queue.SimpleQueue[Item | _End] = queue.SimpleQueue()
    slots = threading.Semaphore(depth)
    stopped = threading.Event()
    thread = threading.Thread(target=_bring, args=(items, coming, slots, stopped), name="ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := coming.get(), _End):
            slots.release()
            yield item
        if item.failure is not None:
            raise item.failure
    finally:
        stopped.set()
        slots.release()
        thread.join()


def _bring(
    items: Iterable[Item],
    coming: queue.SimpleQueue[Item | _End],
    slots: threading.Semaphore,
    stopped: threading.Event,
) -> None:
    end = _End()
    iterator: Iterator[Item] = iter(())
    try:
        iterator = iter(items)
        while slots.acquire() and not stopped.is_set():
            coming.put(next(iterator))
    except StopIteration:
        pass
    except BaseException as failure:  # noqa: BLE001  # raised again where the items are wanted
        end = _End(failure)
    finally:
        close(iterator)
        coming.put(end)


def mapped(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int, name: str = "mapped"
) -> Generator[Result, None, None]:
    """`work` done on each item by `workers` threads; the results in the order of the items.

    Items are pulled by the caller's own thread, one more than there are workers. What `work` raises is raised in its
    result's place, what the source raises after the results of all that came before it; then, and when this is closed,
    nothing more begins, and what has begun is waited for. A failure is not held back until there are more items.
    """
    under_way: deque[Future[Result]] = deque()
    iterator = iter(items)
    with ThreadPoolExecutor(workers, thread_name_prefix=name) as pool:
        try:
            for future in _begun(pool, work, iterator):
                under_way.append(future)
                if len(under_way) > workers or _has_failed(under_way[0]):
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()
            close(iterator)


def _has_failed(future: Future[Result]) -> bool:
    return future.done() and future.exception() is not None


def _begun(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterator[Item]
) -> Generator[Future[Result], None, None]:
    """Each item's work; where the source fails, its failure takes the place of a result."""
    try:
        for item in items:
            yield pool.submit(work, item)
    except Exception as failure:  # noqa: BLE001  # raised again when its turn comes
        failed: Future[Result] = Future()
        failed.set_exception(failure)
        yield failed


def close(iterator: Iterator[Item]) -> None:
    """End a generator where it stands; other iterators have nothing to end."""
    close = getattr(iterator, "close", None)
    if close is not None:
        close()
