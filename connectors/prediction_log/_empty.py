"""What is said of a window without predictions: what was looked for, where, and what may be the matter."""

from datetime import date

from kempelen.errors import NotEnoughData


def nothing(  # noqa: PLR0913 - a question in full
    first: date, last: date, model_version: str | None, *, where: object, asked: str, loaded: str = ""
) -> NotEnoughData:
    """The error of a window that is empty.

    `asked` is a question about the whole log, for a window of all versions; `loaded` ends the question whether the
    service logs with that version.
    """
    if model_version is None:
        return NotEnoughData(f"The log has no prediction from {first} to {last} ({where}).", hint=asked)
    return NotEnoughData(
        f"The log has no prediction of model version {model_version} from {first} to {last} ({where}).",
        hint=f"Does the service log with model_version={model_version!r}{loaded}?",
    )
