"""Keep runs, versions and the champion in an MLflow server, so that every step may be repeated.

Every run and every version carries the key it was asked for by (tag `kempelen.key`), and is looked
up by it before it is made. Look-up and making are two steps, and MLflow offers no lock between them.
Two processes that make a thing of the same key at once are therefore told apart afterwards:

- Versions are numbered by the server one after the other, so whoever looks after making sees every
  version with a smaller number. The smallest stays, and everybody else deletes their own.
- Of two finished runs the one that ended first stays; the other is marked as superseded.
"""

import re
import tempfile
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from connectors.registry import _mlflow_client as client
from connectors.registry._mlflow_predictor import loaded
from kempelen.errors import BadData, ConnectorRefused
from kempelen.protocols import ModelRegistry, Predictor
from kempelen.records import ModelVersion, SavedModel

KEY, TYPE, SUPERSEDED = "kempelen.key", "kempelen.model_type", "kempelen.superseded"
ALIAS = "champion"
LONGEST_DESCRIPTION = 4_900
"""Below the 5,000 characters that MLflow's column holds; SQLite takes more, PostgreSQL does not."""

LARGEST_METRIC = 1e9
"""Larger metrics are cut: a server would refuse an infinite one."""

_EPOCH = date(1970, 1, 1).toordinal()
_FULL_DESCRIPTION = "description.md"
_KEY_FORM = re.compile(r"[\w.:/@+=-]{1,250}")
_OUR_TAGS = ("kempelen.", "labour.")


class MlflowRegistry:
    """The versions of one model."""

    def __init__(self, uri: str, model: str, experiment: str) -> None:
        self._uri = uri
        self._model = model
        self._experiment = experiment
        self._client = client.client(uri)

    def log_run(  # noqa: PLR0913 - a run is exactly these things
        self,
        *,
        key: str,
        model_type: str,
        saved: SavedModel,
        params: Mapping[str, str],
        metrics: Mapping[str, float],
        documents: Mapping[str, str],
    ) -> str:
        """The run id of the run with this key; logged on the first call, found on later ones.

        A run that a kill left unfinished is marked KILLED and made anew. BadData for an unusable key.
        """
        _check_key(key)
        with client.speaking(self._uri):
            experiment_id = self._experiment_id()
            finished = self._runs(experiment_id, key, "FINISHED")
            if finished:
                return str(finished[0].info.run_id)
            for left in self._runs(experiment_id, key, "RUNNING"):
                self._client.set_terminated(left.info.run_id, "KILLED")
            tags = {KEY: key, TYPE: model_type}
            run_id = self._client.create_run(experiment_id, tags=tags, run_name=model_type).info.run_id
            self._fill(run_id, saved, params, metrics, documents)
            first, *doubles = self._runs(experiment_id, key, "FINISHED")
            for double in doubles:
                self._client.set_tag(double.info.run_id, SUPERSEDED, first.info.run_id)
            return str(first.info.run_id)

    def register(self, run_id: str, *, key: str, model_type: str, tags: Mapping[str, str]) -> ModelVersion:
        """The version with this key; made on the first call, found on later ones.

        ConnectorRefused when the run holds no model; BadData for an unusable key or tag.
        """
        _check_key(key)
        _check_tags(tags)
        with client.speaking(self._uri):
            if not self._versions(key):
                self._ensure_model()
                model_id = self._model_of(run_id)
                self._client.create_model_version(
                    self._model,
                    f"models:/{model_id}",
                    run_id=run_id,
                    model_id=model_id,
                    tags={**tags, KEY: key, TYPE: model_type},
                )
            first, *doubles = self._versions(key)
            for double in doubles:
                self._forget(double)
            return first

    def versions(self) -> list[ModelVersion]:
        """All versions of the model, oldest first; none when the model is unknown."""
        with client.speaking(self._uri):
            return self._versions()

    def load(self, version: str) -> Predictor:
        """The version, loaded once in this process. ConnectorRefused when it does not exist or cannot answer."""
        return loaded(self._uri, self._model, version)

    def champion(self) -> str | None:
        """The version the alias `champion` points to, or None."""
        with client.speaking(self._uri):
            model = self._registered_model()
            return None if model is None or ALIAS not in model.aliases else str(model.aliases[ALIAS])

    def set_champion(self, version: str) -> None:
        """Point the alias there. The last writer wins: who may promote is decided before this is called."""
        with client.speaking(self._uri):
            self._client.set_registered_model_alias(self._model, ALIAS, version)

    def attach(
        self,
        version: str,
        *,
        documents: Mapping[str, str],
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
    ) -> None:
        """Write documents to the version's run and tags and a description to the version; repeatable.

        A description too long for MLflow is cut at a line, and points to the document that holds all of it.
        """
        _check_tags(tags or {})
        with client.speaking(self._uri):
            run_id = self._run_id(version)
            shown, documents = _shortened(description or "", documents)
            for name, content in documents.items():
                self._client.log_text(run_id, content, name)
            for name, value in (tags or {}).items():
                self._client.set_model_version_tag(self._model, version, name, value)
            if description is not None:
                self._client.update_model_version(self._model, version, shown)

    def documents(self, version: str) -> list[str]:
        """The documents of the version's run: files at its top, and those one folder down."""
        with client.speaking(self._uri):
            run_id = self._run_id(version)
            found = list(self._client.list_artifacts(run_id))
            for folder in [one for one in found if one.is_dir]:
                found += self._client.list_artifacts(run_id, folder.path)
        return sorted(one.path for one in found if not one.is_dir)

    def document(self, version: str, name: str) -> str | None:
        """The text of a document at the top of the version's run, None where there is none of that name."""
        with client.speaking(self._uri):
            run_id = self._run_id(version)
            if name not in {one.path for one in self._client.list_artifacts(run_id)}:
                return None
            with tempfile.TemporaryDirectory() as folder:
                return Path(self._client.download_artifacts(run_id, name, folder)).read_text(encoding="utf-8")

    def log_metrics(self, version: str, metrics: Mapping[str, float], at: datetime) -> None:
        """Figures of a moment in the version's life; their step is the day, counted from 1970. Infinity is cut.

        The same figures of the same moment may be written again.
        """
        from mlflow.entities import Metric

        millis, day = int(at.timestamp() * 1000), at.date().toordinal() - _EPOCH
        entries = [Metric(name, min(value, LARGEST_METRIC), millis, day) for name, value in metrics.items()]
        with client.speaking(self._uri):
            self._client.log_batch(self._run_id(version), metrics=entries)

    def _run_id(self, version: str) -> str:
        return str(self._client.get_model_version(self._model, version).run_id)

    # ------------------------------------------------------------ runs

    def _experiment_id(self) -> str:
        """Found, or made; somebody else may make it in between."""
        if found := self._client.get_experiment_by_name(self._experiment):
            return str(found.experiment_id)
        try:
            return str(self._client.create_experiment(self._experiment, artifact_location=_artifacts_beside(self._uri)))
        except _mlflow_exception() as error:
            if error.error_code != client.PRESENT:
                raise
            return str(self._client.get_experiment_by_name(self._experiment).experiment_id)

    def _runs(self, experiment_id: str, key: str, status: str) -> list[Any]:
        """Runs with the key in a status, the one that ended first before the others."""
        found = self._client.search_runs(
            [experiment_id], filter_string=f"tags.`{KEY}` = '{key}' and attributes.status = '{status}'"
        )
        return sorted(found, key=lambda run: (run.info.end_time or 0, run.info.run_id))

    def _fill(
        self,
        run_id: str,
        saved: SavedModel,
        params: Mapping[str, str],
        metrics: Mapping[str, float],
        documents: Mapping[str, str],
    ) -> None:
        """Everything into the run; it becomes FINISHED when all is there, FAILED when not."""
        import mlflow

        with client.fluent(self._uri), mlflow.start_run(run_id=run_id, nested=True):
            mlflow.log_params(dict(params))
            mlflow.log_metrics(dict(metrics))
            for name, content in documents.items():
                mlflow.log_text(content, name)
            mlflow.pyfunc.log_model(
                name="model",
                python_model=saved.serving_file,
                artifacts=dict(saved.artifacts),
                pip_requirements=list(saved.requirements),
            )

    # ------------------------------------------------------------ versions

    def _registered_model(self) -> Any | None:
        try:
            return self._client.get_registered_model(self._model)
        except _mlflow_exception() as error:
            if error.error_code != client.ABSENT:
                raise
            return None

    def _ensure_model(self) -> None:
        if self._registered_model() is not None:
            return
        try:
            self._client.create_registered_model(self._model)
        except _mlflow_exception() as error:
            if error.error_code != client.PRESENT:
                raise

    def _model_of(self, run_id: str) -> str:
        outputs = self._client.get_run(run_id).outputs
        if outputs is None or not outputs.model_outputs:
            raise ConnectorRefused(
                f"the run {run_id} holds no model.", system=client.SYSTEM, hint="Register what log_run has returned."
            )
        return str(outputs.model_outputs[-1].model_id)

    def _versions(self, key: str | None = None) -> list[ModelVersion]:
        wanted = f"name = '{self._model}'" + ("" if key is None else f" and tag.`{KEY}` = '{key}'")
        found: list[Any] = []
        token: str | None = None
        while token is None or token:
            page = self._client.search_model_versions(wanted, max_results=1_000, page_token=token)
            found, token = found + list(page), page.token or ""
        return sorted((self._record(version) for version in found), key=lambda version: int(version.version))

    def _record(self, version: Any) -> ModelVersion:
        return ModelVersion(
            model=self._model,
            version=str(version.version),
            model_type=version.tags.get(TYPE, "unknown"),
            mlflow_run_id=version.run_id or "",
            tags=dict(version.tags),
        )

    def _forget(self, double: ModelVersion) -> None:
        try:
            self._client.delete_model_version(self._model, double.version)
        except _mlflow_exception() as error:
            if error.error_code != client.ABSENT:  # its maker has deleted it already
                raise


def _mlflow_exception() -> Any:
    from mlflow.exceptions import MlflowException

    return MlflowException


def _artifacts_beside(uri: str) -> str | None:
    """Where a bare SQLite file keeps artifacts: beside it. A server decides by itself."""
    if not uri.startswith("sqlite:///"):
        return None
    return (Path(uri.removeprefix("sqlite:///")).resolve().parent / "artifacts").as_uri()


def _shortened(description: str, documents: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    """The description as MLflow can hold it, and the documents, with the whole of it when it was cut."""
    if len(description) <= LONGEST_DESCRIPTION:
        return description, documents
    pointer = f"\n\n*(Cut here. The whole text is the artifact `{_FULL_DESCRIPTION}` of this version's run.)*"
    room = LONGEST_DESCRIPTION - len(pointer)
    end = description.rfind("\n", 0, room)
    return description[: end if end > 0 else room] + pointer, {**documents, _FULL_DESCRIPTION: description}


def _check_key(key: str) -> None:
    if not _KEY_FORM.fullmatch(key):
        raise BadData(f"{key!r} cannot be a key.", hint="Use up to 250 letters, digits and any of _ . : / @ + = -")


def _check_tags(tags: Mapping[str, str]) -> None:
    for name in tags:
        if not name.startswith(_OUR_TAGS):
            raise BadData(f"The tag {name!r} is none of ours.", hint=f"Begin it with {' or '.join(_OUR_TAGS)}.")


def build(uri: str, model: str, experiment: str | None = None) -> ModelRegistry:
    """The versions of `model` at `uri` (`http://...` or `sqlite:////...`); runs go into `experiment`."""
    return MlflowRegistry(uri, model, experiment or model)
