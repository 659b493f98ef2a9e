"""Escapes untrusted text for Slack, Markdown, streams and JSON.

Names of versions, paths and errors come from anyone who can send a request. Unescaped they could mention people in a
chat, add links to a ticket, or send control sequences to a terminal.
"""

import codecs
import re
import unicodedata

_WHITESPACE = re.compile(r"\s+")
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?")
_MENTION = re.compile(r"(?<![\w.+-])@(?=[\w<])")
"""Matches a mention; not an address (who@where)."""
_SCHEME = re.compile(r"(?<=[A-Za-z0-9])://")
_DOMAIN = re.compile(
    r"(?<=\bwww)\.|(?<=[a-z0-9])\.(?=[a-z]{2,24}/|(?:com|net|org|info|biz|io|dev|app|co|me|ru|cn|xyz|top|site|online|"
    r"shop|link|click|live|zip|ai|eu|de|uk|fr|us)\b(?!\.\w))",
    re.IGNORECASE,
)
"""Matches what chats turn into links without a scheme: a host with a path, and frequent top-level domains."""
_SLACK = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKDOWN = re.compile(r"[\\`*\[\]<>|~&#$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|(?<=:)//|(?<=www)\.")
_BLOCK_START = re.compile(r"^([-+=]|\d+(?=[.)](?:\s|$)))")
# Our own citations stay unescaped, unless hostile text after one would turn it into a link.
_CITATION = re.compile(r"\\\[((?:E\d+(?:\.\d+)?)|(?:M\.\d+))\\\](?![(\[:])")
_UNSEEN = (
    r"\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ue000-\uf8ff"
    r"\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff"
)
_FOR_TERMINAL = re.compile(f"[{_UNSEEN}]")
_FOR_FILE = re.compile(f"[\x00-\x08\x0b-\x1f{_UNSEEN}]")
ERRORS = "tsg_agent.escape"
"""Name of the codec error handler that escapes unencodable characters."""


def utf8(text: str) -> str:
    """A text that UTF-8 can encode: lone surrogates become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def one_line(text: object, limit: int | None = None) -> str:
    """Untrusted text for use inside a sentence.

    One line, without control, escape and direction-changing characters; truncated to `limit` characters.
    """
    words = _visible(_WHITESPACE.sub(" ", _ANSI.sub("", str(text)))).strip()
    if limit is not None and len(words) > limit:
        return words[: limit - 1].rstrip() + "…"
    return words


def lines(text: object) -> str:
    """Like one_line for several lines: keeps line breaks and indentation."""
    kept = _ANSI.sub("", str(text)).expandtabs(4).splitlines()
    return "\n".join(_visible(line).rstrip() for line in kept)


def _visible(text: str) -> str:
    if text.isprintable():  # fast path for most texts
        return text
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))


def slack(text: str) -> str:
    """Lines of text for Slack or another chat, without mentions and links."""
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
    """Any text as a code block that it cannot close."""
    block = lines(text)
    ticks = "`" * max(3, _longest_run(block) + 1)
    return f"{ticks}text\n{block}\n{ticks}"


def printed(text: str, *, terminal: bool) -> str:
    r"""Text for a stream: invisible characters are written as \uXXXX, which JSON decodes to the same text.

    A terminal gets our own colour sequences, and no other control sequences.
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
