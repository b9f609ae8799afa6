"""The background process behind ``fieldwork sandbox up --detach``: the state directory, then options as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fieldwork.errors import FieldworkError
from fieldwork.sandbox.up import Options, serve


def main(home: Path, options: Options) -> None:
    """Serve until told to stop; a refusal is left in ``failed.json`` for the process that waits."""
    try:
        serve(home, options)
    except FieldworkError as error:
        told = json.dumps({"happened": error.happened, "todo": error.todo})
        (home / "sandbox" / "failed.json").write_text(told, encoding="utf-8")
        sys.exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Options(**json.loads(sys.argv[2])))
