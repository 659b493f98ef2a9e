"""Who hears of an answer while it is made."""


class Listener:
    """What a question is told while it is worked on. This one does not listen."""

    drafts = False
    """Whether the model's words are wanted as it writes them."""

    def doing(self, what: str) -> None:
        """A step that is being taken: a tool, a second try, the check."""

    def draft(self, text: str) -> None:
        """The model's words so far. Nothing of them has been checked; an empty text takes them back."""
