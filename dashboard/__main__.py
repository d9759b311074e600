"""Serve the dashboard of one state folder on the loopback interface."""

import argparse
import sys
from pathlib import Path

import uvicorn

from dashboard.app import build_app
from dashboard.guard import LOOPBACK


def main() -> int:
    """Parse the arguments and serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="Kempelen's state folder, as .kempelen")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1", choices=sorted(LOOPBACK), help="a loopback address")
    arguments = parser.parse_args()
    uvicorn.run(
        build_app(arguments.state),
        host=arguments.host,
        port=arguments.port,
        access_log=False,
        server_header=False,
        log_level="warning",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
