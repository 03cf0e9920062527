"""Numbers as a person reads them."""

MINUTE, HOUR, DAY = 60, 3_600, 86_400


def duration(seconds: float) -> str:
    """A span of time by its two largest units: `2 h 13 min`."""
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return _two(whole, MINUTE, "min", 1, "s")
    if whole < DAY:
        return _two(whole, HOUR, "h", MINUTE, "min")
    return _two(whole, DAY, "d", HOUR, "h")


def _two(whole: int, large: int, name: str, small: int, rest: str) -> str:
    left = whole % large // small
    return f"{whole // large} {name}" + (f" {left} {rest}" if left else "")


def number(value: float) -> str:
    """A number to about three digits, a large one whole."""
    size = abs(value)
    if size >= 1e15 or 0 < size < 0.001:
        return f"{value:.3g}"
    digits = 0 if size >= 1_000 else 2 if size >= 1 else 3
    return f"{value:,.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:,.0f}"


def short(count: int) -> str:
    """A large count in three digits: `1.24 M`."""
    if count < 10_000:
        return f"{count:,}"
    rounded = round(count, min(3 - len(str(count)), 0))  # it may come to the next unit's first
    scale, unit = next(one for one in ((10**9, "G"), (10**6, "M"), (10**3, "k")) if rounded >= one[0])
    return f"{rounded / scale:.3g} {unit}" if rounded < 1_000 * scale else f"{count / scale:,.0f} {unit}"


def counted(count: int, one: str, several: str | None = None) -> str:
    """A count and what is counted: `1 batch`, `3 batches`."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def size(count: float) -> str:
    """Bytes to about three digits: `812 B`, `1.24 kB`, `15.3 MB`."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1_000
    return f"{number(count)} GB"


def percent(part: int, whole: int) -> str:
    """A share that is 100 % only where nothing is missing, and 0 % only where nothing is there."""
    share = 100 * part / whole if whole else 100.0
    digits = 1 if 0 < part < whole and (share > 99 or share < 1) else 0
    told = f"{share:.{digits}f}"
    if 0 < part < whole and float(told) in (0, 100):
        return "> 99.9 %" if share > 50 else "< 0.1 %"
    return f"{told} %"
