"""Records are named by what they hold, and refuse to contradict themselves."""

from kempelen.records import Example, TrainingSet


def test_a_training_set_is_named_by_its_content_in_any_order() -> None:
    one = Example(query="corona", label="health", weight=1.0, source="base")
    two = Example(query="beer", label="food", weight=1.0, source="base")
    assert TrainingSet(examples=(one, two)).digest == TrainingSet(examples=(two, one)).digest
    assert TrainingSet(examples=(one,)).digest != TrainingSet(examples=(two,)).digest
