"""What templates of any DAG may ask: ``{{ macros.fieldwork.version() }}``. All else is in the package."""

from airflow.plugins_manager import AirflowPlugin


def version() -> str:
    """The installed version of Fieldwork."""
    from importlib.metadata import version as installed

    return installed("fieldwork")


class FieldworkPlugin(AirflowPlugin):
    """Registers the macro."""

    name = "fieldwork"
    macros = [version]  # noqa: RUF012  # Airflow reads a class attribute
