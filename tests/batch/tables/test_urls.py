"""What of a path or URL may be shown, and linked to."""

import pytest
from prefect_openai_batch.batch.errors import SourceError, refusals_of
from prefect_openai_batch.batch.urls import LONGEST_NAME, link_to, name_in, text_without_secrets, without_secrets


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


@pytest.mark.parametrize(
    ("place", "shown", "address"),
    [
        ("/data/a b.csv", "/data/a b.csv", "file:///data/a%20b.csv"),
        ("s3://lake/a.csv", "s3://lake/a.csv", ""),
        ("sftp://me:secret@host/a@b.csv", "sftp://host/a@b.csv", ""),
        ("simplecache::ftp://me:se@cret@host/a.csv", "simplecache::ftp://host/a.csv", ""),
        ("https://host/a.csv?sig=secret", "https://host/a.csv", "https://host/a.csv"),
        ("s3://me:se/cret@lake/a.csv", "s3://lake/a.csv", ""),
        ("ftp://me:se#cr?et@host/a.csv", "ftp://host/a.csv", ""),
        ("sftp://host:22/a@b.csv", "sftp://host:22/a@b.csv", ""),
        ("abfss://files@account.dfs.core/a.csv", "abfss://files@account.dfs.core/a.csv", ""),
    ],
    ids=["path", "store", "password", "chain", "signed", "slash", "number sign", "port", "container"],
)
def test_nothing_secret_is_shown(place: str, shown: str, address: str) -> None:
    """No password, no signature; what a browser can open is a link."""
    assert (without_secrets(place), link_to(place)) == (shown, address)


def test_no_text_of_ours_opens_what_it_names() -> None:
    """An error's message and details neither, whoever has put the URL there; the rest stays to the letter."""
    url = "http://me:pass@host:80/x.csv?sig=secret"
    assert (
        text_without_secrets(f"'{url}': there is no {url}.")
        == "'http://host:80/x.csv': there is no http://host:80/x.csv."
    )
    with pytest.raises(SourceError, match=r"^http://host:80/x.csv: row 3$") as raised, refusals_of(url):
        raise SourceError("row 3", path=url)
    assert "secret" not in str(raised.value.details)
