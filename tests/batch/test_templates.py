import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.errors import RequestError
from prefect_openai_batch.batch.requests.templates import compile_structure, compile_template, reference

COLUMNS = ("review", "stars", "Review text", "row_2")

literals = st.text().filter(lambda text: not any(mark in text for mark in ("{", "}", "#", "%")))
names = st.sampled_from(["review", "stars", "row_2"])
references = st.builds("{{{{{}{}{}}}}}".format, st.sampled_from(["", " ", "\n"]), names, st.just(" "))
values = st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.booleans(), st.lists(st.text()))


@given(
    st.lists(st.one_of(literals, references)).map("".join),
    st.fixed_dictionaries(dict.fromkeys(("review", "stars", "row_2"), values)),
)
def test_the_fast_path_gives_what_jinja_gives(source: str, row: dict[str, object]) -> None:
    """Text and bare columns render to the same text with Jinja and without it."""
    through_jinja = compile_template(source + "{% if true %}{% endif %}", COLUMNS)
    assert compile_template(source, COLUMNS).render(row) == through_jinja.render(row)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ review | upper }}", "FINE"),
        ("{% if stars > 3 %}good{% else %}bad{% endif %}", "good"),
        ('{{ row["Review text"] }}!', "long!"),
        ("{{ row.review }}", "fine"),
        ("{% for word in row %}{{ word[0] }}{% endfor %}", "rsRr"),
        ("{# nothing #}{{ review }}{% raw %}{{ x }}{% endraw %}", "fine{{ x }}"),
    ],
    ids=["filter", "condition", "blanks in a name", "attribute", "row", "raw"],
)
def test_jinja_is_there_for_more(source: str, expected: str) -> None:
    """Filters, conditions, loops and the row as a whole work."""
    row = {"review": "fine", "stars": 4, "Review text": "long", "row_2": None}
    assert compile_template(source, COLUMNS).render(row) == expected


@pytest.mark.parametrize(
    ("source", "columns"),
    [
        ("{{ review }}", {"review"}),
        ('{{ row["Review text"] }}', {"Review text"}),
        ("{{ row.stars }}", {"stars"}),
        ("{{ row | length }}", set(COLUMNS)),
        ("{% for number in range(3) %}{{ number }}{% endfor %}", set()),
    ],
    ids=["name", "item of the row", "attribute of the row", "whole row", "none"],
)
def test_a_template_knows_its_columns(source: str, columns: set[str]) -> None:
    """Only the columns that a template reads are fetched from the table."""
    assert compile_template(source, COLUMNS).columns == columns


@pytest.mark.parametrize(
    "source", ["{{ reveiw }}", '{{ row["reveiw"] }}', "{{ row.reveiw }}", "{{ x | default('') }}"]
)
def test_an_unknown_column_is_refused_by_name(source: str) -> None:
    """The message names the column, and those that there are."""
    with pytest.raises(RequestError, match="(reveiw|'x').*review, stars"):
        compile_template(source, COLUMNS)


@pytest.mark.parametrize("source", ["{{ review", "{% if %}", "{{ review | nonsense }}"])
def test_a_malformed_template_is_refused(source: str) -> None:
    """Before any row is read, with one full stop and an example of what would do."""
    with pytest.raises(RequestError, match=r"not valid Jinja: .*[^.]\. A column is read as {{ review }}\.$"):
        compile_template(source, COLUMNS)


@pytest.mark.parametrize("source", ["Write {# in {{ review }}", "50 {% off: {{ review }}"])
def test_a_mark_that_is_meant_as_text_is_explained(source: str) -> None:
    """As the message says, it is that text."""
    mark = source[source.index("{") :][:2]
    with pytest.raises(RequestError) as refused:
        compile_template(source, COLUMNS)
    written = f"{{{{ '{mark}' }}}}"
    assert f". A {mark} that is text is written {written}. A column is read" in str(refused.value)
    made = compile_template(source.replace(mark, written, 1), COLUMNS).render({"review": "it"})
    assert made == source.replace("{{ review }}", "it")


@pytest.mark.parametrize(
    ("source", "said"),
    [("{{ [review, stars] | random }}", "No filter named 'random'"), ("{{ lipsum() }}", "the column 'lipsum'")],
    ids=["random", "lipsum"],
)
def test_what_differs_each_time_is_refused_by_name(source: str, said: str) -> None:
    """The same rows make the same items."""
    with pytest.raises(RequestError, match=said):
        compile_template(source, COLUMNS)


@pytest.mark.parametrize("source", ["{{ 'a' if stars }}", "{{ review.__class__ }}"])
def test_a_failure_ends_in_one_full_stop(source: str) -> None:
    """Whether Jinja says one or not."""
    with pytest.raises(RequestError, match=r"failed: .*[^.]\.$"):
        compile_template(source, COLUMNS).render({"review": "x", "stars": 0})


@pytest.mark.parametrize(
    "source",
    ["{{ Review text }}", "{{ Review text | upper }}", "{% if Review text %}x{% endif %}", "{{ review text }}"],
)
def test_a_column_with_blanks_in_its_name_is_explained(source: str) -> None:
    """The message says how to read it."""
    with pytest.raises(RequestError, match=r'\{\{ row\["Review text"\] \}\}'):
        compile_template(source, COLUMNS)


NAMES = ("Kunden-Nr", "2nd", "Größe (cm)", "Name.first", 'a "q"', "not", "true", "Kunden", "a.b c", "x\\y")


NAMED = ("dash", "digit", "umlauts", "point", "quotes", "not", "true", "plain", "point and blank", "backslash")


@pytest.mark.parametrize("column", NAMES, ids=NAMED)
def test_every_column_can_be_read_as_the_message_says(column: str) -> None:
    """What is suggested reads that column, whatever its name."""
    assert compile_template(reference(column), NAMES).render({**dict.fromkeys(NAMES), column: "it"}) == "it"


@pytest.mark.parametrize("column", NAMES[:4], ids=NAMED[:4])
def test_a_name_that_is_none_to_jinja_is_explained(column: str) -> None:
    """Whether Jinja takes it for a sum, a call, an attribute or nonsense."""
    with pytest.raises(RequestError) as refused:
        compile_template(f"{{{{ {column} }}}}", (column, "review"))
    assert str(refused.value).endswith(f"The column {column!r} is read as {reference(column)}.")


def test_a_column_that_cannot_be_reached_is_to_be_renamed() -> None:
    """Where the table has a column called row."""
    with pytest.raises(RequestError, match="Rename the column 'Review text'"):
        compile_template("{{ Review text }}", (*COLUMNS, "row"))


@pytest.mark.parametrize("source", ["{{ stars * 2 }}", "{{ stars.name }}", "{% for x in stars %}{% endfor %}"])
def test_a_template_that_fails_for_a_null_says_how_to_guard_it(source: str) -> None:
    """The message names the column; guarded as it says, the template works."""
    with pytest.raises(
        RequestError, match=r"no value in the column 'stars'; guard it: \{% if stars is not none %\}"
    ):
        compile_template(source, COLUMNS).render(dict.fromkeys(COLUMNS))
    guarded = f"{{% if stars is not none %}}{source}{{% endif %}}"
    assert compile_template(guarded, COLUMNS).render(dict.fromkeys(COLUMNS)) == ""


def test_a_column_may_bear_the_name_of_a_function_of_jinja() -> None:
    """In a row the column is meant."""
    template = compile_template("{{ range }} {{ range | upper }}", ("range",))
    assert template.columns == {"range"}
    assert template.render({"range": "far"}) == "far FAR"


@pytest.mark.parametrize("source", ["{{ review.__class__.__mro__ }}", "{{ range(1000000000) | list }}"])
def test_templates_run_in_a_sandbox(source: str) -> None:
    """A template reaches neither Python's insides nor all of the memory."""
    template = compile_template(source, COLUMNS)
    with pytest.raises(RequestError, match="failed"):
        template.render({"review": "x"})


@given(
    st.recursive(
        st.one_of(st.none(), st.integers(), literals),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_structure_without_templates_stays_as_it_is(value: object) -> None:
    """Only strings with something for Jinja to do are touched."""
    render, columns = compile_structure(value, COLUMNS)
    assert (render({}), columns) == (value, frozenset())
