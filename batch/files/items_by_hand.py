"""Items made by hand, written as one input file."""

from collections import Counter
from collections.abc import Iterable

from ..errors import CustomIdError, RequestError
from ..requests.items import BatchItem
from ..storage.folders import Folder
from .input_files import InputFile, InputFileWriter
from .lines import encode_row_body, make_line, together


def write_items(items: BatchItem | Iterable[BatchItem], folder: Folder) -> InputFile:
    """Write items made by hand, or a single one, as one input file under `folder`.

    Raises:
        RequestError: there are none, or they differ in model or endpoint, or are too many for one batch, or one
            holds what JSON cannot say.
        CustomIdError: two of them share a custom_id.
    """
    listed = [items] if isinstance(items, BatchItem) else list(items)
    if len({(item.url, item.body.get("model")) for item in listed}) != 1:
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
