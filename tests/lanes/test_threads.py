"""Turns and leases: where sync code runs, and that threads come back."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import sync_to_async

from aeros_compat.lanes.threads import Lease, WorkerThreads

from ..servers import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def threads() -> Iterator[WorkerThreads]:
    before = threading.active_count()
    threads = WorkerThreads(2, lease_limit=3)
    yield threads
    threads.close()
    wait_for(lambda: threading.active_count() <= before)


def test_turns_share_the_workers(threads: WorkerThreads) -> None:
    names = {threads.turn().submit(lambda: threading.current_thread().name).result(5) for _ in range(20)}
    assert 1 <= len(names) <= 2


def test_no_more_than_the_limit_at_once(threads: WorkerThreads) -> None:
    running, most = [0], [0]
    lock = threading.Lock()
    gate = threading.Event()

    def job() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        gate.wait(0.02)
        with lock:
            running[0] -= 1

    for future in [threads.turn().submit(job) for _ in range(20)]:
        future.result(10)
    assert most[0] == 2


def test_exceptions_travel(threads: WorkerThreads) -> None:
    def fail() -> None:
        raise ValueError("on the thread")

    with pytest.raises(ValueError, match="on the thread"):
        threads.turn().submit(fail).result(5)


def test_stop_iteration_does_not_hang(threads: WorkerThreads) -> None:
    """asyncio refuses StopIteration in a future; the caller would wait for ever."""

    async def scenario() -> None:
        executor: Any = threads.turn()
        call = sync_to_async(lambda: next(iter(())), thread_sensitive=False, executor=executor)
        await asyncio.wait_for(call(), 5)

    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(scenario())


def test_a_kept_turn_stays_on_its_thread_and_frees_its_place(threads: WorkerThreads) -> None:
    turns = [threads.turn() for _ in range(4)]

    def keep(index: int) -> int:
        turns[index].keep()
        return threading.get_ident()

    kept = [turn.submit(keep, index).result(5) for index, turn in enumerate(turns)]
    assert len(set(kept)) == 4
    # Two workers, four kept turns, and still there is somebody to work.
    assert threads.turn().submit(lambda: "free").result(5) == "free"
    assert [turn.submit(threading.get_ident).result(5) for turn in turns] == kept
    for turn in turns:
        turn.release()


def test_a_lease_is_a_thread_of_its_own(threads: WorkerThreads) -> None:
    first, second = threads.lease(), threads.lease()
    idents = [first.submit(threading.get_ident).result(5) for _ in range(5)]
    other = second.submit(threading.get_ident).result(5)
    assert len(set(idents)) == 1
    assert other not in idents
    first.release()
    third = threads.lease()
    assert third.submit(threading.get_ident).result(5) == idents[0]  # the warm thread is used again
    second.release()
    third.release()


def test_leases_over_the_limit_wait_their_turn(threads: WorkerThreads) -> None:
    held = [threads.lease() for _ in range(3)]
    for lease in held:
        lease.submit(int).result(5)
    late = threads.lease()
    waiting = late.submit(threading.get_ident)
    assert not waiting.done()
    ident = held[0].submit(threading.get_ident).result(5)
    held[0].release()
    assert waiting.result(5) == ident
    for lease in [*held[1:], late]:
        lease.release()


def test_a_lease_that_is_released_while_it_waits_does_its_jobs(threads: WorkerThreads) -> None:
    held = [threads.lease() for _ in range(3)]
    for lease in held:
        lease.submit(int).result(5)
    late = threads.lease()
    waiting = late.submit(lambda: "done")
    late.release()
    held[0].release()
    assert waiting.result(5) == "done"
    again = threads.lease()
    assert again.submit(lambda: "free").result(5) == "free"
    for lease in [*held[1:], again]:
        lease.release()


def test_a_thread_with_work_left_is_not_handed_on(threads: WorkerThreads) -> None:
    """A request must not wait for what another one's task has left behind."""
    gate = threading.Event()
    lease = threads.lease()
    left = lease.submit(gate.wait, 10)
    lease.release()
    other = threads.lease()
    assert other.submit(lambda: "at once").result(5) == "at once"
    other.release()
    gate.set()
    assert left.result(5)


def test_many_leases_given_up_while_they_wait(threads: WorkerThreads) -> None:
    held = [threads.lease() for _ in range(3)]
    for lease in held:
        lease.submit(int).result(5)
    waiting = [threads.lease() for _ in range(2000)]
    for lease in waiting:
        lease.submit(int)
        lease.release()
    for lease in held:
        lease.release()
    last = threads.lease()
    assert last.submit(lambda: "served").result(5) == "served"
    last.release()


def test_no_thread_to_be_had(threads: WorkerThreads, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request fails; the next one, when there are threads again, does not."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    turn = threads.turn()
    assert turn.submit(int).result(5) == 0
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="new thread"):
            threads.lease().submit(int)
        with pytest.raises(RuntimeError, match="new thread"):
            turn.submit(turn.keep).result(5)
    leases = [threads.lease() for _ in range(3)]
    assert [lease.submit(int).result(5) for lease in leases] == [0] * 3
    for lease in leases:
        lease.release()
    gate = threading.Barrier(2, timeout=5)
    both = [threads.turn().submit(gate.wait) for _ in range(2)]
    assert {future.result(5) for future in both} == {0, 1}


def test_a_job_after_the_release_still_runs(threads: WorkerThreads) -> None:
    """A task that a view has started may outlive the request."""
    lease = threads.lease()
    lease.submit(int).result(5)
    lease.release()
    assert lease.submit(lambda: "late").result(5) == "late"


def test_releasing_twice_or_unused_is_harmless(threads: WorkerThreads) -> None:
    lease: Lease = threads.lease()
    lease.release()
    lease.release()
    turn = threads.turn()
    turn.release()
    assert turn.submit(lambda: 1).result(5) == 1


def test_threads_end_when_nobody_holds_the_object() -> None:
    before = threading.active_count()
    threads = WorkerThreads(3)
    lease = threads.lease()
    lease.submit(int).result(5)
    lease.release()
    threads.turn().submit(int).result(5)
    gone = weakref.ref(threads)
    del threads, lease
    gc.collect()
    wait_for(lambda: gone() is None)  # a worker still has its last job for a moment
    wait_for(lambda: threading.active_count() <= before)


def test_nothing_of_the_last_job_is_held(threads: WorkerThreads) -> None:
    class Big:
        pass

    big = Big()
    gone = weakref.ref(big)
    threads.turn().submit(lambda thing: None, big).result(5)
    del big
    wait_for(lambda: gone() is None)


def test_looking_at_the_workers_keeps_nobodys_variables() -> None:
    """Frames are in what Python gives, the looking one too: a cycle would keep the variables of all threads."""

    class Kept:
        pass

    threads = WorkerThreads(1)
    begun, go_on = threading.Event(), threading.Event()
    alive: list[weakref.ref[Kept]] = []

    def job() -> None:
        variable = Kept()
        alive.append(weakref.ref(variable))
        begun.set()
        go_on.wait(20)

    gc.disable()
    try:
        future = threads.turn().submit(job)
        assert begun.wait(20)
        assert threads.busy == 1
        go_on.set()
        future.result(20)
        wait_for(lambda: threads.busy == 0 and alive[0]() is None)
    finally:
        gc.enable()
        threads.close()
