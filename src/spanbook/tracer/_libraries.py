"""How values of well-known libraries become plain data: numpy, pandas, tensors, PIL, pydantic.

None of them is imported here; a value of theirs is proof that it is loaded.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from ..model.values import cut, free_key, image_type, not_captured, repr_form
from ._limits import MAX_ITEMS, MAX_MEDIA
from ._types import DROP, Handler, bases_of, class_name, dict_of, static

if TYPE_CHECKING:
    from ._capture import Snapshot

_HEAD: Final = 10  # rows of a table, items of an array
_MAX_COLUMNS: Final = 200
_MAX_CELL: Final = 1_000  # characters
_MAX_SEARCHED: Final = 100_000  # arrays of more items are not searched for minimum and maximum
_MAX_PIXELS: Final = 20_000_000
_KEPT_PIXELS: Final = 4_000_000  # larger pictures are scaled down: the traced program waits for the encoder
_PNG_MODES: Final = frozenset(("1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA"))

# -- numpy and tensors


def _ndarray(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    numpy = sys.modules["numpy"]
    array = numpy.asarray(value)
    flat, code = array.flat[:_HEAD], array.dtype.kind
    items = [str(item) for item in flat] if code in "mMV" else flat.tolist()
    form: dict[str, Any] = {
        "$type": "array",
        "shape": list(array.shape),
        "dtype": str(array.dtype)[:_MAX_CELL],
        "head": [_cell(item, array.dtype, walk, depth) for item in items],
    }
    if code in "iuf" and 0 < array.size <= _MAX_SEARCHED:
        number = float if code == "f" else int
        with numpy.errstate(all="ignore"):
            low, high = number(array.min()), number(array.max())
        if low == low:  # no nan among them
            form |= {"min": low, "max": high}
    return form


def _numpy_scalar(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    code = value.dtype.kind
    if code in "iu":
        return int(value)
    if code == "f":
        return float(value)
    if code == "b":
        return bool(value)
    return str(value) if code in "mM" else repr_form(class_name(kind), str(value))


def looks_like_tensor(value: Any, kind: type) -> bool:
    """Tell whether a value has a shape, a dtype and a device, without asking for them."""
    known = set[str]().union(*(dict_of(base) for base in bases_of(kind)))
    try:
        known.update(object.__getattribute__(value, "__dict__"))
    except AttributeError:  # it has slots only
        return {"shape", "dtype", "device"} <= known
    return {"shape", "dtype", "device"} <= known


def tensor(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    """Of a tensor the shape: reading its values may wait for a device."""
    form: dict[str, Any] = {
        "$type": "array",
        "class": class_name(kind),
        "shape": [int(size) for size in value.shape],
        "dtype": str(value.dtype)[:_MAX_CELL],
        "head": [],
    }
    device = getattr(value, "device", None)
    return form if device is None else form | {"device": str(device)[:_MAX_CELL]}


# -- pandas


def _dataframe(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    part = value.iloc[:_HEAD, :_MAX_COLUMNS]
    names: dict[str, None] = {}
    for label in part.columns.tolist():
        names[free_key(names, str(label)[:_MAX_CELL], label)] = None
    if not walk.spend(len(part) * len(names)):
        part = part.iloc[:0]
    dtypes = part.dtypes.tolist()
    rows = part.to_numpy(dtype=object).tolist()  # a quarter of the time of reading column by column
    return {
        "$type": "dataframe",
        "shape": list(value.shape),
        "columns": list(names),
        "dtypes": dict(zip(names, map(str, dtypes), strict=True)),
        "head": [
            {name: _cell(item, dtype, walk, depth) for name, item, dtype in zip(names, row, dtypes, strict=True)}
            for row in rows
        ],
    }


def _series(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    """A series, or an index."""
    part = value.iloc[:_HEAD] if hasattr(value, "iloc") else value[:_HEAD]
    return {
        "$type": "series",
        "name": None if value.name is None else str(value.name)[:_MAX_CELL],
        "dtype": str(value.dtype),
        "size": len(value),
        "head": [_cell(item, value.dtype, walk, depth) for item in part.tolist()],
    }


def _cell(value: Any, dtype: Any, walk: Snapshot, depth: int) -> Any:
    """One value of a table: nan is a number among floats, and missing (None) among all others; long text is cut."""
    if type(value) is float:
        return value if value == value or dtype.kind == "f" else None
    if type(value) is str and len(value) > _MAX_CELL:
        return cut(len(value), walk.text(value[:_MAX_CELL]))
    made = walk.take(value, depth)
    return None if made is DROP else made


def _nothing(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    return None


# -- pydantic


def _pydantic(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    """As the model dumps itself, which hides what its author excluded; by its fields when that fails or is large."""
    fields = object.__getattribute__(value, "__dict__")
    if not any(_is_large(item) for item in fields.values()):
        try:
            dump = getattr(value, "model_dump", None)
            data = dump(warnings=False) if dump is not None else value.dict()  # .dict(): pydantic 1
        except Exception:  # noqa: BLE001 (a serialiser of the user's, a cycle)
            data = None
        if data is not None:
            return walk.take(data, depth)
    hidden = {name for name, field in _model_fields(kind).items() if getattr(field, "exclude", None) is True}
    pairs = [(name, item) for name, item in fields.items() if name not in hidden]
    extra = getattr(value, "__pydantic_extra__", None)
    if type(extra) is dict:
        pairs += extra.items()
    return walk.mapping(pairs, len(pairs), depth)


def _model_fields(kind: type) -> dict[str, Any]:
    for name in ("__pydantic_fields__", "model_fields", "__fields__"):
        fields = static(kind, name)
        if type(fields) is dict:
            return fields
    return {}


def _is_large(value: Any) -> bool:
    """Tell whether copying a field would cost more than reading its beginning."""
    return type(value) in (list, dict, tuple, set, str, bytes) and len(value) > MAX_ITEMS


def _drop(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    return DROP


# -- PIL


def _picture(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    """An image as the file it was opened from while its pixels are not loaded yet, else as PNG."""
    width, height = value.size
    if width * height > _MAX_PIXELS:
        reason = f"images of more than {_MAX_PIXELS:,} pixels are not kept; this one is {width}×{height}"
        return not_captured(reason, class_name(kind))
    made = walk.binary(_source_of(value) or _as_png(value.copy()))
    return made | {"width": width, "height": height} if made["$type"] == "blob" else made


def _source_of(picture: Any) -> bytes | None:
    """Return the bytes of the file behind a picture that was opened and not read yet; the file stays where it stood."""
    file = getattr(picture, "fp", None)
    if file is None or not getattr(picture, "tile", None):
        return None
    stood = file.tell()
    try:
        file.seek(0)
        data = bytes(file.read(MAX_MEDIA + 1))
    finally:
        file.seek(stood)
    return data if len(data) <= MAX_MEDIA and image_type(data) is not None else None


def _as_png(picture: Any) -> bytes:
    """Return a picture as PNG, at most ``_KEPT_PIXELS`` large."""
    from io import BytesIO

    width, height = picture.size
    factor = 1
    while width * height > _KEPT_PIXELS * factor * factor:
        factor += 1
    if picture.mode not in _PNG_MODES or (factor > 1 and picture.mode in ("1", "P", "I;16")):
        picture = picture.convert("RGB")
    if factor > 1:
        picture = picture.reduce(factor)
    file = BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()


#: (first part of the module, class name) -> handler
LIBRARIES: Final[dict[tuple[str, str], Handler]] = {
    ("numpy", "ndarray"): _ndarray,
    ("numpy", "generic"): _numpy_scalar,
    ("torch", "Tensor"): tensor,
    ("tensorflow", "Tensor"): tensor,
    ("jaxlib", "ArrayImpl"): tensor,
    ("pandas", "DataFrame"): _dataframe,
    ("pandas", "Series"): _series,
    ("pandas", "Index"): _series,
    ("pandas", "NaTType"): _nothing,
    ("pandas", "NAType"): _nothing,
    ("pydantic", "BaseModel"): _pydantic,
    ("PIL", "Image"): _picture,
    ("openai", "NotGiven"): _drop,
    ("openai", "Omit"): _drop,
    ("anthropic", "NotGiven"): _drop,
    ("anthropic", "Omit"): _drop,
}
