"""The page of a run, served by Airflow's api-server to people who may see it there.

Nothing is stored: the page is made from the warehouse when it is asked for, so it is found by the run's id alone and
there is no file to be reached. Airflow does not guard a plugin's application; every route here asks who it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from fieldwork.errors import ConfigError, FieldworkError

if TYPE_CHECKING:
    from fastapi import FastAPI

#: Beside the page's own policy: not in a frame, not kept, not guessed at.
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def build_app() -> FastAPI:
    """The application; for the api-server alone: it costs a second or two to import what guards it."""
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
    from airflow.api_fastapi.core_api.security import requires_access_view
    from fastapi import Depends, FastAPI
    from fastapi.responses import HTMLResponse, PlainTextResponse, Response

    guard = Depends(requires_access_view(AccessView.PLUGINS))
    app = FastAPI(title="Fieldwork", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[guard])

    @app.get("/runs/{run_id:path}")
    def page_of_run(run_id: str) -> Response:
        try:
            page, policy = _render(run_id)
        except ConfigError:
            return PlainTextResponse("There is no such run.", status_code=404, headers=HEADERS)
        except FieldworkError as error:
            told = f"The page cannot be made now ({error.code}). Is the warehouse there?"
            return PlainTextResponse(told, status_code=503, headers=HEADERS)
        return HTMLResponse(page, headers={**HEADERS, "Content-Security-Policy": f"{policy}; frame-ancestors 'none'"})

    return app


def _render(run_id: str) -> tuple[str, str]:
    from fieldwork.orchestration.sessions import warehouse_url
    from fieldwork.quality.page import facts, render
    from fieldwork.settings import load
    from fieldwork.warehouse.engine import open_engine

    settings = load()
    if settings.warehouse_url is None:
        settings = replace(settings, warehouse_url=warehouse_url())
    engine = open_engine(settings)
    try:
        return render.page(facts.collect(engine, settings, run_id), settings.time_zone), render.policy()
    finally:
        engine.dispose()
