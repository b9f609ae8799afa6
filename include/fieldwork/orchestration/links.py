"""From a task in Airflow's pages to the page of its run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

#: Where the pages are mounted in Airflow's api-server.
PREFIX: Final = "/fieldwork"


class RunPage(BaseOperatorLink):
    """A button on the task: what came in this run, what was set aside and why."""

    name = "Page of the run"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """The page's address under that of Airflow; there is a page as soon as the run is planned."""
        from airflow.sdk.configuration import conf

        root = urlsplit(conf.get("api", "base_url", fallback="/")).path.rstrip("/")
        return f"{root}{PREFIX}/runs/{quote(ti_key.run_id, safe='')}"


def with_page(task: Any) -> Any:
    """The task, with the button."""
    task.operator.operator_extra_links = (RunPage(),)
    return task
