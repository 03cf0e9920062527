"""What of a path or URL may be shown."""

import pytest
from prefect_openai_batch.batch.urls import LONGEST_NAME, name_in, without_secrets


@pytest.mark.parametrize(
    ("url", "name", "shown"),
    [
        ("/data/reviews.csv", "reviews.csv", "/data/reviews.csv"),
        ("s3://lake/2026/reviews.parquet", "reviews.parquet", "s3://lake/2026/reviews.parquet"),
        ("https://me:secret@lake/reviews.csv?sig=secret#secret", "reviews.csv", "https://lake/reviews.csv"),
        ("simplecache::https://me:secret@lake/a.csv", "a.csv", "simplecache::https://lake/a.csv"),
        ("https://me:secret@lake", "lake", "https://lake"),
        ("C:\\data\\reviews.csv", "reviews.csv", "C:\\data\\reviews.csv"),
        ("/data/reviews/", "reviews", "/data/reviews/"),
    ],
    ids=["a path", "a bucket", "a signed URL", "a chain", "a host", "Windows", "a folder"],
)
def test_a_place_is_shown_without_what_opens_it(url: str, name: str, shown: str) -> None:
    """Neither user nor password nor signature; the file's name is the last part of its path."""
    assert (name_in(url), without_secrets(url)) == (name, shown)


def test_a_long_name_keeps_its_beginning_and_its_end() -> None:
    """What tells it from others of its folder stands there."""
    name = name_in(f"/data/{'x' * 100}-2026-11-26.parquet")
    assert len(name) <= LONGEST_NAME
    assert name.endswith("2026-11-26.parquet")
