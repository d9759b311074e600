"""A tiny server in place of a real one, with the bad habits of real ones to choose from."""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer


class Server(ThreadingTCPServer):
    """Not http.server's own, which asks the name service for the name of its address."""

    allow_reuse_address = True
    daemon_threads = True


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"status": "ok", "server": self.server.known_as}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--known-as", required=True)
    arguments.add_argument("--habit", default="none")
    given = arguments.parse_args()
    print("first line of", given.known_as, "sigint", signal.getsignal(signal.SIGINT), flush=True)  # noqa: T201 - its log
    if given.habit == "in-a-child":  # like MLflow, whose parent only watches
        sys.exit(subprocess.run([*without_habit(sys.orig_argv)], check=False).returncode)
    if given.habit == "breaks":
        sys.exit("the database is of another version")
    if given.habit == "silent":
        time.sleep(600)
    if given.habit == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    port = moved(given.port) if given.habit == "moves" else given.port
    server = Server(("0.0.0.0" if given.habit == "open" else "127.0.0.1", port), Answer)  # noqa: S104 - a bad habit
    server.known_as = "somebody else" if given.habit == "wrong" else given.known_as
    server.serve_forever()


def without_habit(argv: list[str]) -> list[str]:
    return [*argv[: argv.index("--habit")]]


def moved(port: int) -> int:
    """The next free port when this one is busy, without a word: Label Studio's habit."""
    with socket.socket() as caller:
        busy = caller.connect_ex(("127.0.0.1", port)) == 0
    return port + 1 if busy else port


if __name__ == "__main__":
    os.umask(0o022)
    main()
