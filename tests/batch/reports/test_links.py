"""Places, as a report may show them."""

import pytest
from prefect_openai_batch.batch.urls import link_to, without_secrets


@pytest.mark.parametrize(
    ("place", "shown", "address"),
    [
        ("/data/a b.csv", "/data/a b.csv", "file:///data/a%20b.csv"),
        ("s3://lake/a.csv", "s3://lake/a.csv", ""),
        ("sftp://me:secret@host/a@b.csv", "sftp://host/a@b.csv", ""),
        ("simplecache::ftp://me:se@cret@host/a.csv", "simplecache::ftp://host/a.csv", ""),
        ("https://host/a.csv?sig=secret", "https://host/a.csv", "https://host/a.csv"),
    ],
    ids=["path", "store", "password", "chain", "signed"],
)
def test_nothing_secret_is_shown(place: str, shown: str, address: str) -> None:
    """No password, no signature; what a browser can open is a link."""
    assert (without_secrets(place), link_to(place)) == (shown, address)
