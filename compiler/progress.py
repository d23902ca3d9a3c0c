"""What long work says while it goes on: the one type of the callback `progress`, and that of `note`."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]
"""It is called with what is being done now, a phrase such as "reading the model"; the next one takes its place."""

Note = Callable[[str], None]
"""It is called with a sentence that the user should see and that stays."""


def silent(_: object) -> None:
    """Does nothing; it stands for a callback that was not given."""
