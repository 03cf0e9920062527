"""A table, or what a query gives, in a database that is known by a name."""

import re
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ...form_texts import without_example, without_none
from ..sources import NewRowsBy, RowLimit

WORDS = re.compile(
    r"""--[^\n]* | /\*.*?\*/ | '(?:[^']|'')*' | "(?:[^"]|"")*" | (?<![:\w\\]):(?P<name>[^\W\d]\w*)\b(?!:(?!:))""",
    re.VERBOSE | re.DOTALL,
)
"""What colons stand in: comments, texts and names; and a parameter, which is neither a cast nor behind a word."""

TAKEN = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
"""What SQLAlchemy's `text` takes for a parameter, wherever it stands."""

LIKE_A_URL = re.compile(r"[\w+.-]*:/|.*@")
"""What no name looks like, and a URL does, whole or in part."""

Parameter = str | bool | int | float | None
"""A value of a query, as JSON has it; the database makes a date of a text where it compares it with one."""


class SqlSource(BaseModel):
    """A table of a database, or the rows that a query gives; read once, in one snapshot.

    Example:
        ```python
        from prefect_openai_batch import SqlSource

        source = SqlSource(
            database="warehouse",
            query="SELECT id, review FROM reviews WHERE stars < :stars ORDER BY id",
            parameters={"stars": 3},
        )
        print(source.query)
        ```
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,  # it may be a URL with its password
        title="A database",
        json_schema_extra=without_example,
    )

    database: str = Field(
        min_length=1,
        title="Database",
        description="Its name: a SqlAlchemyConnector or Secret block's, or that of an environment variable of the "
        "worker's that holds a SQLAlchemy URL. Never the URL itself.",
        examples=["warehouse"],
    )
    query: str | None = Field(
        default=None,
        min_length=1,
        title="Query",
        description="What is asked, where it is not a whole table. ORDER BY makes the same order each time.",
        examples=["SELECT id, review FROM reviews WHERE day = :day ORDER BY id"],
        json_schema_extra=without_none,
    )
    table: str | None = Field(
        default=None,
        min_length=1,
        title="Table",
        description="A whole table or view, in place of a query; with its schema where that is not the usual one.",
        examples=["reviews", "lake.reviews"],
        json_schema_extra=without_none,
    )
    parameters: dict[str, Parameter | list[Parameter]] = Field(
        default_factory=dict,
        title="Parameters",
        description="What each :name in the query stands for, sent beside it; a list for IN :names. No secrets.",
        examples=[{"day": "{scheduled:%Y-%m-%d}"}],
    )
    limit: RowLimit = None
    watermark: NewRowsBy = None

    @field_validator("database")
    @classmethod
    def _is_a_name(cls, database: str) -> str:
        if LIKE_A_URL.match(database):
            raise ValueError(
                "this looks like a URL, which may hold a password: put it into an environment variable or a "
                "block, and give the name of that"
            )
        return database

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if (self.query is None) == (self.table is None):
            raise ValueError("give either a query or a table")
        named = set(TAKEN.findall(with_plain_colons(self.query or "")))
        if missing := sorted(named - self.parameters.keys()):
            raise ValueError(
                f"the query names the parameter :{missing[0]}, which is not given; where it is no parameter, give "
                "the text that it stands in as one"
            )
        if unused := sorted(self.parameters.keys() - named):
            raise ValueError(f"the parameter {unused[0]!r} is given, and the query names no :{unused[0]}")
        return self

    @property
    def name(self) -> str:
        """What messages call it: `warehouse: table reviews`, or `warehouse: query`."""
        return f"{self.database}: {f'table {self.table}' if self.table else 'query'}"


def with_plain_colons(query: str) -> str:
    """A query as SQLAlchemy's `text` takes it: a colon in a text, a comment or before a number is only a colon."""
    parts, end = [], 0
    for found in WORDS.finditer(query):
        parts += [_plain(query[end : found.start()]), f"{found[0]} " if found["name"] else _plain(found[0])]
        end = found.end()
    return "".join([*parts, _plain(query[end:])])


def _plain(sql: str) -> str:
    return re.sub(r"(?<![:\w\\]):(?=\w+(?![:\w]))", r"\\:", sql)
