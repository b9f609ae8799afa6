"""``python -m fieldwork`` is ``fieldwork``."""

from fieldwork.cli import main

main()
