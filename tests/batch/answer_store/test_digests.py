"""What an answer is known by."""

from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.answer_store.digests import DIGEST_BYTES, Digests
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.batch.requests.items import body_in, encode_body, encode_line

BODIES = st.dictionaries(st.text(), st.text() | st.integers(-(2**53), 2**53) | st.booleans(), max_size=3)
SENT = st.tuples(st.sampled_from(Endpoint), BODIES, st.sampled_from(["http://a/v1", "http://b/v1"]))


@given(SENT, SENT)
def test_a_digest_differs_where_endpoint_body_or_server_does_and_nowhere_else(
    one: tuple[Endpoint, dict[str, object], str], other: tuple[Endpoint, dict[str, object], str]
) -> None:
    """A body is what is sent of it, byte by byte."""
    digests = [Digests(endpoint, server).of_body(encode_body(body)) for endpoint, body, server in (one, other)]
    said = [(endpoint, encode_body(body), server) for endpoint, body, server in (one, other)]
    assert (digests[0] == digests[1]) == (said[0] == said[1])
    assert {len(digest) for digest in digests} == {DIGEST_BYTES}


@given(st.text(), st.sampled_from(Endpoint), BODIES)
def test_custom_ids_do_not_count_whatever_stands_in_them(
    custom_id: str, endpoint: Endpoint, body: dict[str, object]
) -> None:
    encoded = encode_body(body)
    line = encode_line(f'{custom_id},"method":"POST","url":"{endpoint}","body":', endpoint, encoded)
    assert body_in(line, endpoint) == encoded
    assert Digests(endpoint, "http://a").of_lines([line]) == [Digests(endpoint, "http://a").of_body(encoded)]
