"""Start a command in a session of its own, tell its process id, and go.

Run as a script, by file name, so that it imports nothing but the standard library. A small process
of its own is needed for two reasons: the server must ask for Ctrl-C and SIGTERM as usual even when
`kempelen up` was started with `&` (which ignores SIGINT for all descendants, and Prefect then never
stops); and whoever called `up` must not become the parent of servers that outlive it.
"""

import os
import signal
import sys


def main(log: str, command: list[str]) -> None:
    """Run `command` detached, its output appended to `log`; print its process id."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        sys.stdout.write(f"{pid}\n")
        return
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(written, 1)
    os.dup2(written, 2)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        os.write(2, f"{command[0]} cannot be run: {error}\n".encode())
        os._exit(127)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
