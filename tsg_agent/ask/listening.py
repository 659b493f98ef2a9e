"""Progress of an answer."""


class Listener:
    """Callbacks for the progress of an answer. This base class ignores them."""

    drafts = False
    """Whether to stream the model's text to `draft`."""

    def doing(self, what: str) -> None:
        """A step begins: a tool, a retry, the check of the sentences."""

    def draft(self, text: str) -> None:
        """The model's text so far, unchecked. An empty text withdraws it."""
