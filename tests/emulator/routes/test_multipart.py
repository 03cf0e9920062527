"""Forms, as they come in piece by piece."""

import gc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prefect_openai_batch.emulator.errors import ApiError
from prefect_openai_batch.emulator.routes.multipart import Form, read_form

CONTENT = b'{"a": 1}\r\n--\r\n--xx\r\n' * 200
BODY = (
    b'--x\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n' + CONTENT + b"\r\n--x--\r\n"
)


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def torn() -> AsyncIterator[bytes]:
    yield BODY[: len(BODY) // 2]
    raise ConnectionError


async def read(stream: AsyncIterator[bytes], folder: Path, boundary: str = "x") -> Form:
    return await read_form(f"multipart/form-data; boundary={boundary}", stream, "file", folder / "target", 10_000)


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_a_form_is_read_whatever_its_pieces(size: int, tmp_path: Path) -> None:
    """The file's bytes as they are, and nothing beside it on the disk."""
    form = await read(pieces(BODY, size), tmp_path)
    assert form == Form({"purpose": "batch"}, "a.jsonl", len(CONTENT), CONTENT[:512])
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [CONTENT]


async def test_a_form_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    """Neither a file on the disk nor an open one, which would be warned of."""
    with pytest.raises(ConnectionError):
        await read(torn(), tmp_path)
    gc.collect()
    assert list(tmp_path.iterdir()) == []


async def test_what_is_far_too_large_is_not_kept(tmp_path: Path) -> None:
    """It is read to its end; so much is kept that its size is seen to be too large."""
    body = BODY.replace(CONTENT, b"x" * 3_000_000)
    form = await read(pieces(body, 100_000), tmp_path)
    assert 10_000 < form.size < 2_000_000


async def test_a_field_has_a_bound(tmp_path: Path) -> None:
    """A field of more than a million bytes is refused by name."""
    with pytest.raises(ApiError, match="'purpose' is too long"):
        await read(pieces(BODY.replace(b"batch", b"x" * 1_000_001), 1000), tmp_path)


async def test_a_boundary_has_a_bound(tmp_path: Path) -> None:
    """One that no client makes is refused."""
    with pytest.raises(ApiError, match="could not parse"):
        await read(pieces(BODY, 1000), tmp_path, boundary="x" * 1000)
