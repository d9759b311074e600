"""Work on a profile that is done once for as long as somebody holds it: at every look the reference is the same."""

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from weakref import finalize

from kempelen.profile import Profile

P = ParamSpec("P")
T = TypeVar("T")


def once(function: Callable[Concatenate[Profile, P], T]) -> Callable[Concatenate[Profile, P], T]:
    """Remember what `function` says about a profile, and about hashable arguments after it, until that profile is gone.

    Profiles are told apart by identity: they are frozen, and to compare two takes longer than most work on them. An
    answer must not hold the profile, which would then never be gone; nobody may write into it.
    """
    known: dict[int, dict[Hashable, T]] = {}

    @wraps(function)
    def remembered(profile: Profile, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if id(profile) not in known:
            known[id(profile)] = {}
            finalize(profile, known.pop, id(profile), None).atexit = False
        answers, question = known[id(profile)], (args, tuple(kwargs.items()))
        if question not in answers:
            answers[question] = function(profile, *args, **kwargs)
        return answers[question]

    return remembered
