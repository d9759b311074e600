"""The command line: `kempelen COMMAND`.

Exit codes: 0 done, 1 a clear error, 2 wrong usage, 3 done but something needs a person.
With `--json` standard output holds one document and nothing else.
"""

import os
import sys
from typing import NoReturn

from cyclopts import App, CycloptsError

from console import output
from console.commands import alarms, answering, books, labour, loop, people, schedule, servers
from console.commands.common import DONE, ERROR, WRONG_USAGE
from kempelen import __version__
from kempelen.errors import KempelenError

INTERRUPTED = 130

app = App(
    name="kempelen",
    version=__version__,
    help="Keep a deployed model right, and keep books of the human effort behind it.",
    suppress_keyboard_interrupt=False,
)
for command in (
    *(servers.up, servers.status, servers.down, servers.doctor, servers.dashboard),
    *(loop.init, loop.demo, loop.watch, loop.collect, loop.retrain, schedule.schedule),
    *(books.champion, people.asked, people.invite, people.archive, answering.answer),
):
    app.command(command)
app.command(alarms.app)
app.command(labour.app)


def main() -> None:
    """Run a command; end with its exit code."""
    debug = "--debug" in sys.argv
    try:
        code = app(exit_on_error=False, print_error=True, result_action="return_value")
    except CycloptsError:
        code = WRONG_USAGE
    except KempelenError as error:
        if debug:
            raise
        output.show_error(error)
        code = ERROR
    except KeyboardInterrupt:
        output.remark("Stopped. Run it again to go on.")
        _leave_at_once(INTERRUPTED)
    except OSError as error:
        if debug:
            raise
        output.show_error(_of_the_machine(error))
        code = ERROR
    sys.stdout.flush()
    sys.exit(code if isinstance(code, int) else DONE)


def _leave_at_once(code: int) -> NoReturn:
    """Without waiting for threads that still want to reach servers which may be gone: a kill is harmless, too."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _of_the_machine(error: OSError) -> KempelenError:
    """A full disk or a forbidden folder, wherever it was met."""
    where = f" ({error.filename})" if error.filename else ""
    return KempelenError(
        f"The machine refused: {os.strerror(error.errno) if error.errno else error}{where}.",
        hint="`kempelen doctor` checks disk and permissions. Nothing already recorded was lost; run the command again.",
    )


if __name__ == "__main__":
    main()
