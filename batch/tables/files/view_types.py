"""Arrow's views within other values as the types that they stand for: few of its functions take them there."""

import pyarrow as pa


def without_views(kind: pa.DataType) -> pa.DataType:
    """The type of the same values without views: polars writes its texts as such, within lists and objects too."""
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_dictionary(kind):
        return pa.dictionary(kind.index_type, without_views(kind.value_type), kind.ordered)
    if pa.types.is_struct(kind):
        return pa.struct([_field(field) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(without_views(kind.key_type), _field(kind.item_field), kind.keys_sorted)
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_field(kind.value_field), kind.list_size)
    if pa.types.is_list(kind) or pa.types.is_list_view(kind):
        return pa.list_(_field(kind.value_field))
    if pa.types.is_large_list(kind) or pa.types.is_large_list_view(kind):
        return pa.large_list(_field(kind.value_field))
    return kind


def _field(field: pa.Field) -> pa.Field:
    return field.with_type(without_views(field.type))


def schema_without_views(schema: pa.Schema) -> pa.Schema:
    """A table's columns without views within others, or of lists; what it says of itself stays."""
    fields = (field if _is_view(field.type) else _field(field) for field in schema)
    return pa.schema(fields, schema.metadata)


def _is_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string_view(kind) or pa.types.is_binary_view(kind))


def batch_without_views(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The same rows in the columns of `schema_without_views`."""
    columns = [_as(column, field.type) for column, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _as(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if column.type == kind:
        return column
    if isinstance(column, pa.DictionaryArray):
        words = _as(column.dictionary, kind.value_type)
        return pa.DictionaryArray.from_arrays(column.indices, words, ordered=kind.ordered)
    try:
        made = column.cast(kind)
        made.validate()
        return made
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # lists of categories; and views of lists, wrongly made
        return pa.array(column.to_pylist(), kind)
