"""Ports on the loopback: free ones are chosen at random, below those that the kernel hands out by itself."""

import secrets
import socket
from collections.abc import Container

from kempelen.errors import KempelenError

HOST = "127.0.0.1"

# Above 32767 Linux picks the near end of any outgoing connection: a remembered port would often be taken.
_FIRST, _LAST = 20_000, 32_000
_ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as ear:
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            ear.bind((HOST, port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    """Whether some program, ours or not, accepts connections there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as caller:
        caller.settimeout(1.0)
        return caller.connect_ex((HOST, port)) == 0


def choose(taken: Container[int]) -> int:
    """A free port that is not among the `taken` ones."""
    for _ in range(_ATTEMPTS):
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        if port not in taken and is_free(port):
            return port
    raise KempelenError(
        f"None of {_ATTEMPTS} ports between {_FIRST} and {_LAST} on {HOST} is free.",
        hint="Something holds thousands of ports on this machine; end it and try again.",
    )
