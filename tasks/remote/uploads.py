"""Upload input files."""

from openai import APIConnectionError, APIStatusError, OpenAI

from ...batch.files.identity import remote_name
from ...batch.files.input_files import INPUT, InputFile
from ...batch.jobs.submissions import Uploads
from ...batch.limits import KEPT_SECONDS
from .creation import ATTEMPTS, _pause
from .retrying import may_pass


def upload(client: OpenAI, file: InputFile) -> str:
    """Upload an input file, streamed, and return its id; a repeated upload costs nothing."""
    for number in range(ATTEMPTS):
        uploads = file.files.read("uploading.json", Uploads) or Uploads()
        file.files.write("uploading.json", Uploads(begun=uploads.begun + 1))
        try:
            with file.files.open(INPUT) as content:
                sent = client.with_options(max_retries=0).files.create(
                    file=(remote_name(file), content),
                    purpose="batch",
                    expires_after={"anchor": "created_at", "seconds": KEPT_SECONDS},
                )
            return sent.id
        except (APIConnectionError, APIStatusError) as error:
            if number == ATTEMPTS - 1 or not may_pass(error):
                raise
            _pause(number, error)
    raise AssertionError("the last attempt returns or raises")
