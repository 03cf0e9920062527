"""Rows of a job that send the very same."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.files.lines import Lines
from prefect_openai_batch.batch.jobs.unsent.repeats import Repeats, earlier_rows, keep_sent
from prefect_openai_batch.batch.storage.folders import Folder


def lines_from(first: int, count: int) -> Lines:
    rows = [*range(first, first + count)]
    ids, nothing = [f"row-{row}" for row in rows], [0] * count
    return Lines(rows, ids, [""] * count, [b""] * count, nothing, nothing, nothing)


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=8), min_size=1, max_size=4))
def test_of_rows_that_send_the_same_the_first_goes_whichever_parts_they_are_in(
    tmp_path_factory: object, parts: list[list[int]]
) -> None:
    folder = Folder(str(Path(str(tmp_path_factory.mktemp("round")))))  # type: ignore[attr-defined]
    seen: dict[int, int] = {}
    row = 0
    for number, part in enumerate(parts):
        repeats = Repeats(earlier_rows(folder, number))
        digests = [value.to_bytes(20, "little") for value in part]
        left = repeats.take(lines_from(row, len(part)), digests, range(len(part)))
        expected = {}
        for place, value in enumerate(part):
            first = seen.setdefault(value, row + place)
            if first != row + place:
                expected[row + place] = first
        assert left == [place for place in range(len(part)) if row + place not in expected]
        assert dict(zip([item[0] for item in repeats.items], repeats.firsts, strict=True)) == expected
        keep_sent(folder, number, repeats)
        row += len(part)
