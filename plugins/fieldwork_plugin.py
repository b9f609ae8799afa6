"""What Airflow gets from us beside the DAGs: a macro, and the page of a run with its button.

Templates of any DAG may ask ``{{ macros.fieldwork.version() }}``. The page is at ``/fieldwork/runs/<run id>``.
"""

from functools import cached_property

from airflow.plugins_manager import AirflowPlugin


def version() -> str:
    """The installed version of Fieldwork."""
    from importlib.metadata import version as installed

    return installed("fieldwork")


class FieldworkPlugin(AirflowPlugin):
    """Registers them; what only the api-server needs is imported when it asks."""

    name = "fieldwork"
    macros = [version]  # noqa: RUF012  # Airflow reads a class attribute

    @cached_property
    def operator_extra_links(self) -> list[object]:
        """The button; our own tasks carry it."""
        from fieldwork.orchestration.links import RunPage

        return [RunPage()]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, object]]:
        """The pages."""
        from fieldwork.orchestration.links import PREFIX
        from fieldwork.orchestration.pages import build_app

        return [{"app": build_app(), "url_prefix": PREFIX, "name": "Fieldwork"}]
