"""Keeps tokens out of other people's log lines: urllib3 logs whole URLs, and DingTalk's token stands in the query."""

from __future__ import annotations

import logging
import re
from typing import Final

#: Who logs URLs: each request at DEBUG, each retry at WARNING.
LOGGERS: Final = ("urllib3.connectionpool", "urllib3.util.retry")

_QUERY: Final = re.compile(r"\?[^\s'\")]*")


class WithoutQuery(logging.Filter):
    """Cuts the query off every URL in a record; what the line says otherwise stays."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: the line is kept, shortened."""
        record.msg = _QUERY.sub("?…", record.getMessage())
        record.args = ()
        return True


def quieten() -> None:
    """Put the filter on urllib3's loggers, once in a process."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(one, WithoutQuery) for one in logger.filters):
            logger.addFilter(WithoutQuery())
