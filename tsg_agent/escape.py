"""Text on its way to another place, written so that it is text there: for Slack, for Markdown, for a stream, for JSON.

Names of versions, paths and errors come from whoever can send a request. In a chat they could call everybody, in a
ticket link to anywhere, on a terminal move the cursor or turn the words around.
"""

import codecs
import re
import unicodedata

_WHITESPACE = re.compile(r"\s+")
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?")
_MENTION = re.compile(r"(?<![\w.+-])@(?=[\w<])")
"""What calls somebody; an address (who@where) does not."""
_SCHEME = re.compile(r"(?<=[A-Za-z0-9])://")
_DOMAIN = re.compile(
    r"(?<=\bwww)\.|(?<=[a-z0-9])\.(?=[a-z]{2,24}/|(?:com|net|org|info|biz|io|dev|app|co|me|ru|cn|xyz|top|site|online|"
    r"shop|link|click|live|zip|ai|eu|de|uk|fr|us)\b(?!\.\w))",
    re.IGNORECASE,
)
"""What a chat makes a link although it names no scheme: a path's host, and the commonest domains."""
_SLACK = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKDOWN = re.compile(r"[\\`*\[\]<>|~&#$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|(?<=:)//|(?<=www)\.")
_BLOCK_START = re.compile(r"^([-+=]|\d+(?=[.)](?:\s|$)))")
# Our own citations stay readable in the source; one that a hostile text would turn into a link does not.
_CITATION = re.compile(r"\\\[((?:E\d+(?:\.\d+)?)|(?:M\.\d+))\\\](?![(\[:])")
_UNSEEN = (
    r"\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ue000-\uf8ff"
    r"\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff"
)
_FOR_TERMINAL = re.compile(f"[{_UNSEEN}]")
_FOR_FILE = re.compile(f"[\x00-\x08\x0b-\x1f{_UNSEEN}]")
ERRORS = "tsg_agent.escape"
"""The name under which a stream finds how to write what its encoding lacks."""


def utf8(text: str) -> str:
    """A text that can be sent: lone surrogates, which are no characters outside of Python, become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def one_line(text: object, limit: int | None = None) -> str:
    """Telemetry's or a person's text, fit to stand inside a sentence.

    One line, without control, escape and direction-changing characters; cut to `limit` characters.
    """
    words = _visible(_WHITESPACE.sub(" ", _ANSI.sub("", str(text)))).strip()
    if limit is not None and len(words) > limit:
        return words[: limit - 1].rstrip() + "…"
    return words


def lines(text: object) -> str:
    """The same for text of several lines: line breaks and indentation stay."""
    kept = _ANSI.sub("", str(text)).expandtabs(4).splitlines()
    return "\n".join(_visible(line).rstrip() for line in kept)


def _visible(text: str) -> str:
    if text.isprintable():  # nearly every text; it has none of these
        return text
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))


def slack(text: str) -> str:
    """Lines of text as a message for Slack, or another chat: they call nobody, and link to nothing."""
    words = _DOMAIN.sub("[.]", _SCHEME.sub("[:]//", _unmentioned(lines(text))))
    return re.sub("[&<>]", lambda found: _SLACK[found.group()], words)


def markdown(text: object) -> str:
    """Any text as literal Markdown on one line."""
    words = _MARKDOWN.sub(lambda m: "".join(f"\\{c}" for c in m.group()), _unmentioned(one_line(text)))
    words = _CITATION.sub(r"[\1]", words)
    return _BLOCK_START.sub(lambda m: f"\\{m.group()}" if not m.group().isdigit() else f"{m.group()}\\", words)


def markdown_code(text: object) -> str:
    """Any text as a code span."""
    words = one_line(text).replace("|", "¦") or " "
    ticks = "`" * (_longest_run(words) + 1)
    pad = " " if "`" in words else ""
    return f"{ticks}{pad}{words}{pad}{ticks}"


def markdown_block(text: str) -> str:
    """Any text as a block of code, line by line, that nothing in it can close."""
    block = lines(text)
    ticks = "`" * max(3, _longest_run(block) + 1)
    return f"{ticks}text\n{block}\n{ticks}"


def printed(text: str, *, terminal: bool) -> str:
    r"""Text as a stream gets it: what is not seen is written as \uXXXX, which JSON reads as what it was.

    A terminal gets our own colours; no other control sequence is in what is printed.
    """
    return (_FOR_TERMINAL if terminal else _FOR_FILE).sub(lambda found: _code(found.group()), text)


def _unmentioned(text: str) -> str:
    return _MENTION.sub("@ ", text)


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def _code(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n : n + 2].hex()}" for n in range(0, len(units), 2))


def _unencodable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_code, error.object[error.start : error.end])), error.end


codecs.register_error(ERRORS, _unencodable)
