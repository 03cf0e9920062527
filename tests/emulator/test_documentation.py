"""The documentation says what is there."""

from pathlib import Path
from typing import get_args

import pytest
from prefect_openai_batch import emulator
from prefect_openai_batch.emulator import BatchFault, LineFault, RouteFault

TEXT = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text()


@pytest.mark.parametrize("model", [LineFault, BatchFault, RouteFault])
def test_every_fault_is_documented(model: type[LineFault | BatchFault | RouteFault]) -> None:
    """By its kind, in the tables; and in the model's own docstring."""
    for kind in get_args(model.model_fields["kind"].annotation):
        assert f"`{kind}`" in TEXT
        assert f"`{kind}`" in (model.__doc__ or "")


def test_kinds_name_one_fault_each() -> None:
    """So that JSON needs nothing but the kind."""
    kinds = [
        kind
        for model in (LineFault, BatchFault, RouteFault)
        for kind in get_args(model.model_fields["kind"].annotation)
    ]
    assert len(kinds) == len(set(kinds))


def test_what_is_promised_is_exported() -> None:
    """Each public name is there, and has a docstring; a wrong name is an error."""
    for name in emulator.__all__:
        assert getattr(emulator, name) is not None
    assert dir(emulator) == emulator.__all__
    with pytest.raises(AttributeError, match="no attribute"):
        _ = emulator.cleverness
