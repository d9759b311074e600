"""Is another round worth asking? Not when the question is settled, little is gained, or the budget is spent."""

from dataclasses import dataclass

from cycle.app import App
from cycle.budget import seconds_asked
from cycle.judging import paired, questions_for
from cycle.records import Cycle, Round
from cycle.settle import labels_so_far
from cycle.training_data import base_examples, split, training_set
from kempelen.errors import NotEnoughData
from kempelen.protocols import Classifier
from kempelen.records import GateReport

_HOUR_S = 3600


@dataclass(frozen=True, kw_only=True)
class Provisional:
    """A challenger trained on the answers so far, and what the gate says of it; None where it cannot say yet."""

    classifier: Classifier
    verdict: GateReport | None

    @property
    def accuracy(self) -> float | None:
        """What it reaches on today's traffic, as far as audited answers tell."""
        return self.verdict.checks[0].challenger_accuracy if self.verdict else None


def provisional(app: App, cycle: Cycle) -> Provisional | None:
    """Train the first model type on what the cycle's answers support by now; None before they support anything.

    The gate is asked the question that it will be asked at the end. Each of the rounds' questions has its
    part of the gate's alpha, so that asking early costs no more false promotions.
    """
    labels = labels_so_far(app, cycle.cycle_id)
    if not (cycle.trains and labels):
        return None
    base, validation = split(base_examples(app.settings), app.settings.training)
    examples, _ = training_set(app, base, so_far=(cycle, labels))
    classifier = app.learners(app.settings.model.types[0]).fit(examples, app.settings.training.seed)
    questions = questions_for(app, cycle, labels, examples, validation)
    try:
        verdict = app.gate.judge(paired(app.registry.load(cycle.champion), classifier, questions))
    except NotEnoughData:
        verdict = None
    return Provisional(classifier=classifier, verdict=verdict)


def why_stop(app: App, cycle: Cycle, now: Provisional | None, past: list[Round]) -> str:
    """Why no further round is asked, in a sentence; empty to go on."""
    if now is None or now.verdict is None or now.accuracy is None:
        return ""
    if app.settings.selection.stop_when_settled and now.verdict.passed:
        return f"the gate's question is settled: {now.verdict.checks[0].summary}"
    return _too_little_gained(app, cycle, now.accuracy, past)


def _too_little_gained(app: App, cycle: Cycle, accuracy: float, past: list[Round]) -> str:
    """Whether an hour of the last round brought less than an hour must."""
    least = app.settings.selection.min_gain_per_hour
    before = past[-1].challenger_accuracy
    if before is None or not least:
        return ""
    hours = seconds_asked(app, cycle) / len(past) / _HOUR_S
    gain = (accuracy - before) / hours if hours else 0.0
    if gain >= least:
        return ""
    return f"an hour of asking brings {max(0.0, gain):.1%} of today's traffic, less than the {least:.1%} it must bring"
