"""Spark as Ibis speaks to it, with results that come over as Arrow tables."""

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import ibis
import ibis.expr.operations as ops
from ibis.backends.pyspark import Backend
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.formats.pyarrow import PyArrowData
from pyspark.sql import SparkSession

from kempelen.errors import ConfigError

if TYPE_CHECKING:
    import ibis.expr.types as ir

_BACKEND = ibis.pyspark
"""Named once: that is when Ibis registers its options for Spark, which every query looks up."""

_ON_THIS_MACHINE = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
"""Spark on this machine is nobody else's business: it listens on no other interface, and shows no pages."""


class _Compiler(PySparkCompiler):  # type: ignore[misc]  # Ibis has no types
    """With a function that Spark has had since 3.0, and that Ibis 12 knows of for Databricks alone."""

    SIMPLE_OPS = {ops.BitOr: "bit_or"}  # noqa: RUF012 - Ibis has it so


class ArrowSpark(Backend):  # type: ignore[misc]  # Ibis has no types
    """Ibis 12 fetches Spark's results as Python objects and then pandas; Spark 4 can hand over Arrow itself."""

    compiler = _Compiler()

    def to_pyarrow(self, expr: Any, /, **options: Any) -> Any:
        """The result of an expression, as Arrow."""
        table = expr.as_table()
        self._run_pre_execute_hooks(table)
        result = self._session.sql(self.compile(table, **options)).toArrow()
        return expr.__pyarrow_result__(PyArrowData.convert_table(result, table.schema()))

    def days(self, folder: str) -> "ir.Table":
        """The Parquet files in the folders `date=YYYY-MM-DD` of a folder, with the column `date`."""
        folder = folder.rstrip("/")
        # Only the days: beside them, PredictionLog keeps spools, at which Spark would stop.
        days = re.sub(r"([\\*?\[\]{}])", r"\\\1", folder) + "/date=*"
        view = "kempelen_" + folder.encode().hex()
        self._session.read.option("basePath", folder).parquet(days).createOrReplaceTempView(view)
        return self.table(view)


def connect(url: str) -> ArrowSpark:
    """The process's Spark session; started, if there is none, as the query of the URL says.

    `ibis.connect` would set everything again on the running session, which Spark refuses for most settings.

    Raises ConfigError for a URL with an address in it, which would mean nothing.
    """
    address = urlsplit(url)
    if address.netloc or address.path.strip("/"):
        raise ConfigError(
            f"[prediction_log] url is {url}, and Spark's address is one of its settings.",
            hint="Write pyspark://?spark.master=spark://host:7077, or pyspark://?spark.remote=sc://host:15002.",
        )
    settings = dict(parse_qsl(address.query))
    if "spark.remote" not in settings:
        settings.setdefault("spark.master", "local[*]")
        if settings["spark.master"].startswith("local"):
            settings = _ON_THIS_MACHINE | settings
    spark: ArrowSpark = ArrowSpark().connect(SparkSession.builder.config(map=settings).getOrCreate())
    return spark
