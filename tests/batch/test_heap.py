"""What many rows take of the process is held by one thread at a time."""

from concurrent.futures import ThreadPoolExecutor

from prefect_openai_batch.batch.heap import one_thread_at_a_time


def test_threads_wait_for_each_other() -> None:
    """Nobody begins before the one who is in has left."""
    steps: list[str] = []

    @one_thread_at_a_time()
    def work(_: int) -> None:
        steps.append("in")
        sum(range(10_000))
        steps.append("out")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(100)))
    assert steps == ["in", "out"] * 100
