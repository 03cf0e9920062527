"""What comes more than once among very many: found in eight bytes each."""

from array import array

import numpy as np


def repeated(hashes: "array[int]") -> set[int]:
    """The hashes that come more than once. Sorts them."""
    values = np.frombuffer(hashes, dtype=np.int64)
    values.sort()
    return set(values[1:][values[1:] == values[:-1]].tolist())
