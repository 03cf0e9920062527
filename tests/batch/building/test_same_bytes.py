"""What is sent is the same bytes in each version: never pay twice, over an update too."""

from prefect_openai_batch import ChatRequest, EmbeddingRequest
from prefect_openai_batch.batch.files.input_files import INPUT, InputFile

from ..conftest import MakeJob, built


def sent(file: InputFile) -> bytes:
    with file.files.open(INPUT) as lines:
        return lines.read()


def test_another_version_gives_the_same_bytes(make_job: MakeJob) -> None:
    """A job that is built anew after an update finds its batches by them, and is not paid again."""
    row = {"text": 'Grün, "yes"\n'}
    line = rb'{"custom_id":"row-1-%b","method":"POST","url":"/v1/%b","body":{"model":"m",%b}}'
    text = r'"Grün, \"yes\"\n"'.encode()
    chat = b'"messages":[{"role":"user","content":%b}]' % text
    vector = b'"input":%b,"encoding_format":"base64"' % text
    (asked,) = built(make_job([row], ChatRequest(model="m", prompt="{{ text }}"), key="chat"))
    (embedded,) = built(make_job([row], EmbeddingRequest(model="m", input="{{ text }}"), key="vector"))
    assert sent(asked) == line % (b"04e8435a", b"chat/completions", chat) + b"\n"
    assert sent(embedded) == line % (b"c5765b89", b"embeddings", vector) + b"\n"
