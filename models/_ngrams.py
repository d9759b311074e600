"""The numbers by which a hashed bag knows a query: buckets of its words, word pairs and word parts."""

import itertools
import re
import zlib

SHORTEST_PART, LONGEST_PART = 3, 5
_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")


def buckets(query: str, size: int) -> list[int]:
    """Bucket numbers in [0, size) of a normalised query; CRC-32, so the same in every process and on every machine.

    >>> buckets("corona", 100) == buckets("corona", 100)
    True
    >>> buckets("", 100)
    []
    """
    words = _WORD.findall(query)
    grams = [f"w {word}" for word in words] + [f"b {a} {b}" for a, b in itertools.pairwise(words)]
    for word in words:
        marked = f"<{word}>"
        for length in range(SHORTEST_PART, LONGEST_PART + 1):
            grams += [f"c {marked[i : i + length]}" for i in range(len(marked) - length + 1)]
    return [zlib.crc32(gram.encode("utf-8", "surrogatepass")) % size for gram in grams]
