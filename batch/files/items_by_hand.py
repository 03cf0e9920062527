"""Items made by hand, written as one input file."""

from collections import Counter
from collections.abc import Iterable

from ..errors import CustomIdError, RequestError
from ..limits import MAX_CUSTOM_ID_BYTES
from ..requests.base_request import NO_STREAM
from ..requests.items import BatchItem
from ..storage.folders import Folder
from ..urls import shortened
from .input_files import InputFile, InputFileWriter
from .lines import encode_row_body, make_line, together


def write_items(items: BatchItem | Iterable[BatchItem], folder: Folder) -> InputFile:
    """Write items made by hand, or a single one, as one input file under `folder`.

    Raises:
        RequestError: there are none, or they differ in model or endpoint, or are too many for one batch, or one
            names no model, asks for a stream, or holds what JSON cannot say.
        CustomIdError: two of them share a custom_id, or one is longer than 512 bytes.
    """
    listed = [items] if isinstance(items, BatchItem) else list(items)
    for row, item in enumerate(listed):
        _check(item, row)
    if len({(item.url, item.body["model"]) for item in listed}) != 1:
        raise RequestError("A batch takes at least one item, and all of one endpoint and one model.")
    ((custom_id, times),) = Counter(item.custom_id for item in listed).most_common(1)
    if times > 1:
        raise CustomIdError(
            f"{times:,} of the items share the custom_id {custom_id!r}; each needs one of its own.",
            custom_id=custom_id,
            rows=tuple(row for row, item in enumerate(listed) if item.custom_id == custom_id),
        )
    lines = [
        make_line(row, item.custom_id, item.url, item.body, encode_row_body(item.body, row))
        for row, item in enumerate(listed)
    ]
    files = InputFileWriter(folder, "items", listed[0].url).write(together(lines))
    if len(files) > 1:
        folder.remove()
        raise RequestError("The items exceed what one batch may hold: submit them in several.")
    return files[0]


def _check(item: BatchItem, row: int) -> None:
    """Refuse what no row of a job may send."""
    name = f"The item {shortened(item.custom_id)!r}"
    model, size = item.body.get("model"), len(item.custom_id.encode())
    if not (isinstance(model, str) and model):
        raise RequestError(f"{name} names no model.", row=row, field="model")
    if item.body.get("stream") is True:
        raise RequestError(f"{name} asks for a stream: {NO_STREAM}.", row=row, field="stream")
    if size > MAX_CUSTOM_ID_BYTES:
        raise CustomIdError(
            f"{name} has a custom_id of {size:,} bytes; at most {MAX_CUSTOM_ID_BYTES} are taken.",
            rows=(row,),
            custom_id=item.custom_id,
        )
