"""A table of a database as the place where results go."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ...form_texts import without_example
from ...storage.records import Record

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""What a block or an environment variable may be called; no URL is."""

IfTableExists = Literal["refuse", "append", "replace", "upsert"]


class SqlDestination(BaseModel):
    """A table of a database, by the name that its users have given the database.

    Example:
        ```python
        from prefect_openai_batch import SqlDestination

        print(SqlDestination(database="warehouse", table="sales.labels", if_exists="upsert", key_columns=["id"]))
        ```
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        title="A table of a database",
        hide_input_in_errors=True,  # whoever takes it for the place of a URL gives a password
        json_schema_extra=without_example,
    )

    database: str = Field(
        title="Database",
        description="Its name, never its URL: that of a SqlAlchemyConnector block, of a Secret block or of an "
        "environment variable that holds a URL.",
        examples=["warehouse"],
    )
    table: str = Field(
        title="Table",
        description="The table's name, with its schema's before it where that is not the usual one. "
        "It is made where it is missing.",
        examples=["labels", "sales.labels"],
    )
    if_exists: IfTableExists = Field(
        default="refuse",
        title="If the table exists",
        description="Refuse it; append the rows; replace all rows; or upsert: rows whose key is there take the "
        "place of those, the others are added.",
    )
    key_columns: tuple[str, ...] = Field(
        default=(),
        title="Key columns",
        description="For upsert: the source's columns by which rows are the same.",
        examples=[["id"]],
    )

    @field_validator("database")
    @classmethod
    def _is_a_name(cls, given: str) -> str:
        if not NAME.fullmatch(given):
            raise ValueError(
                "it is the name of a block or of an environment variable that holds the database's URL, never the "
                "URL itself: parameters and records are no place for a password"
            )
        return given

    @field_validator("table")
    @classmethod
    def _has_no_empty_part(cls, given: str) -> str:
        if not all(given.split(".")) or "\0" in given:
            raise ValueError("it is TABLE or SCHEMA.TABLE")
        return given

    @model_validator(mode="after")
    def _keys_are_for_upsert(self) -> "SqlDestination":
        if self.if_exists == "upsert" and not self.key_columns:
            raise ValueError("upsert needs key columns: those of the source by which rows are the same")
        if self.if_exists != "upsert" and self.key_columns:
            raise ValueError(f"key columns are for upsert, and {self.if_exists} takes none: leave one of them out")
        if len(set(self.key_columns)) < len(self.key_columns):
            raise ValueError("a key column stands twice")
        return self

    def __str__(self) -> str:
        """As messages and records name it."""
        return f"{self.database}: table {self.table}"

    @property
    def schema_name(self) -> str | None:
        """The schema that the table lies in; None: the database's usual one."""
        return self.table.rpartition(".")[0] or None

    @property
    def table_name(self) -> str:
        """The table's name in its schema."""
        return self.table.rpartition(".")[2]


class Loaded(Record):
    """The results that a table of a database holds: of which bytes, and how many rows."""

    into: SqlDestination
    digest: str
    rows: int
