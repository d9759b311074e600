"""A saved model names no module of this project, and answers the same where the project cannot be imported."""

import ast
import importlib.util
import json
import os
import pickletools
import re
import subprocess
import sys
import sysconfig
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.registry.mlflow import build as mlflow_registry
from kempelen import text
from kempelen.plugins import available, build
from kempelen.protocols import Classifier
from kempelen.records import Example, TrainingSet
from models import _ngrams

ROOT = Path(__file__).resolve().parents[2]
OURS = {folder.name for folder in ROOT.iterdir() if (folder / "__init__.py").exists()}
SERVING = sorted((ROOT / "models").glob("_serve_*.py"))
QUERIES = ["corona", "Corona  BEER!", "fever and cough", "", "\N{BEER MUG}", "\uff23orona", "x" * 100_000, "naïve café"]

every_model = pytest.mark.parametrize("name", available("models"))
every_serving_file = pytest.mark.parametrize("file", SERVING, ids=lambda file: file.stem)

CHILD = """
import json, os, sys
sys.path.append(sys.argv[1])  # the libraries, without the .pth file that leads to the project
for module in json.loads(sys.argv[2]):
    try:
        __import__(module)
    except ModuleNotFoundError:
        continue
    sys.exit(f"{module} can be imported here: this proves nothing")
import mlflow
queries, answers = json.loads(sys.argv[4]), {}
for name, folder in json.loads(sys.argv[3]).items():
    answers[name] = mlflow.pyfunc.load_model(folder).predict(queries)
print("ANSWERS" + json.dumps(answers))
"""


def toy(name: str) -> Classifier:
    words = {"food_and_drink": ("beer", "wine", "corona"), "health": ("fever", "cough", "doctor")}
    examples = tuple(
        Example(query=f"{word} {i}", label=label, weight=1.0, source="toy")
        for label, group in words.items()
        for word in group
        for i in range(4)
    )
    classifier: Classifier = build("models", name, {}).fit(TrainingSet(examples=examples), 1)
    return classifier


@pytest.fixture(scope="module")
def classifiers() -> dict[str, Classifier]:
    return {name: toy(name) for name in available("models")}


@pytest.fixture(scope="module")
def folders(classifiers: dict[str, Classifier], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each classifier, logged to MLflow as the cycle does it, and where MLflow has put the files."""
    home = tmp_path_factory.mktemp("mlflow")
    registry = mlflow_registry(f"sqlite:///{home}/mlflow.db", "queries")
    for name, classifier in classifiers.items():
        saved = classifier.save(tmp_path_factory.mktemp(name))
        registry.log_run(key=name, model_type=name, saved=saved, params={}, metrics={}, documents={})
    logged = [file.parent for file in home.rglob("MLmodel")]
    return {name: folder for folder in logged for name in classifiers if (folder / f"serve_{name}.py").exists()}


@pytest.fixture(scope="module")
def answers_elsewhere(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `python -I` in an empty folder answers, without the project."""
    where = {name: str(folder) for name, folder in folders.items()}
    arguments = [sysconfig.get_path("purelib"), json.dumps(sorted(OURS)), json.dumps(where), json.dumps(QUERIES)]
    child = subprocess.run(
        [sys.executable, "-I", "-S", "-c", CHILD, *arguments],
        cwd=tmp_path_factory.mktemp("empty"),
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    found: dict[str, Any] = json.loads(child.stdout.partition("ANSWERS")[2])
    return found


def modules_named_in(file: Path) -> set[str]:
    """Top-level modules that a saved file names, read without loading it (an indicator, not a security scan)."""
    if not zipfile.is_zipfile(file):
        return _in_json(file.read_text())
    with zipfile.ZipFile(file) as archive:
        pickles = [archive.read(member) for member in archive.namelist() if member.endswith(".pkl")]
        documents = [archive.read(member).decode() for member in archive.namelist() if member.endswith(".json")]
    return set().union(*map(_in_pickle, pickles), *map(_in_json, documents))


def _in_json(document: str) -> set[str]:
    return set(re.findall(r'"__module__": "(\w+)', document))


def _in_pickle(document: bytes) -> set[str]:
    strings: list[str] = []
    found: set[str] = set()
    for opcode, argument, _ in pickletools.genops(document):
        if opcode.name == "GLOBAL":
            found.add(str(argument).split(" ")[0].split(".")[0])
        elif opcode.name == "STACK_GLOBAL":
            found.add(strings[-2].split(".")[0])
        elif isinstance(argument, str):
            strings.append(argument)
    return found


@every_model
def test_a_saved_model_names_libraries_and_no_project_module(name: str, folders: dict[str, Path]) -> None:
    files = [file for file in (folders[name] / "artifacts").rglob("*") if file.is_file()]
    named = set().union(*(modules_named_in(file) for file in files))
    assert named & {"sklearn", "torch", "numpy"}, "the reader has to find something, or it proves nothing"
    assert not named & OURS


@every_serving_file
def test_a_serving_file_imports_libraries_and_no_project_module(file: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
    assert imported - set(sys.stdlib_module_names) <= {"mlflow", "numpy", "skops", "sklearn", "torch"}


@every_model
def test_no_code_of_the_project_was_packed_beside_it(name: str, folders: dict[str, Path]) -> None:
    packed = {file.name for file in folders[name].rglob("*.py")}
    assert packed == {f"serve_{name}.py"}


@every_model
def test_it_answers_the_same_where_the_project_cannot_be_imported(
    name: str, classifiers: dict[str, Classifier], answers_elsewhere: dict[str, Any]
) -> None:
    ours, labels = classifiers[name].predict(QUERIES), classifiers[name].labels
    theirs = answers_elsewhere[name]
    table = np.array([[answer["probabilities"][label] for label in labels] for answer in theirs])
    np.testing.assert_allclose(table, ours, rtol=1e-6)
    assert [answer["label"] for answer in theirs] == [labels[i] for i in ours.argmax(axis=1)]
    np.testing.assert_allclose([answer["confidence"] for answer in theirs], ours.max(axis=1), rtol=1e-6)


@pytest.fixture(scope="module", params=SERVING, ids=lambda file: file.stem)
def serving(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """A serving file, run as MLflow runs it."""
    spec = importlib.util.spec_from_file_location(f"checked_{request.param.stem}", request.param)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow warns of its own type hints when it is imported
        spec.loader.exec_module(module)
    return module


@settings(max_examples=300, deadline=None, derandomize=True)
@given(query=st.text(st.characters(), max_size=80) | st.text("aB'\u2019 \t?!.,;\uff23\u0130ß\u2028\x00", max_size=40))
def test_a_serving_file_sees_the_query_that_the_classifier_saw(serving: ModuleType, query: str) -> None:
    assert serving.normalise(query) == text.normalise(query)
    if hasattr(serving, "buckets"):
        normalised = text.normalise(query)
        assert serving.buckets(normalised, 997) == _ngrams.buckets(normalised, 997)


def test_a_serving_file_cuts_long_texts_where_the_classifier_does(serving: ModuleType) -> None:
    longest = "é " * text.LONGEST_QUERY
    assert serving.normalise(longest) == text.normalise(longest)
    assert serving.LONGEST_QUERY == text.LONGEST_QUERY


def test_buckets_are_the_same_on_every_machine() -> None:
    # The last three digits of the CRC-32 of "w a" and of "c <a>".
    assert _ngrams.buckets("a", 1_000) == [563, 407]
