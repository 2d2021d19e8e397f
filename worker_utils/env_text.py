"""Refuses values of variables that hold what a file's syntax, an editor or a web page left in them. Pure.

systemd removes quotes around a value and carriage returns, and keeps comments behind a value; other programs differ.
The text of a value is not quoted in an error: it may be a secret.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping

from video_analysis.worker_utils.errors import ConfigurationError

QUOTES = ("'", '"')
_TYPOGRAPHIC_QUOTES = tuple("‘’‚‛“”„‟′″«»‹›＂＇´")
_QUOTED = re.compile(r"""(?<![^\s=])(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")""", re.DOTALL)
"""A part in quotes that begins at the start of a word or behind `=`, as in a DSN of libpq."""
_COMMENT = re.compile(r"(?:^|\s)#|#\s(?!\s*[a-z_]+\s*=)")
"""Also without a space before it: of `"value" # comment` systemd makes `value# comment`. A `#` that
ends a field of a DSN is none: the next name and `=` follow."""
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_INVISIBLE = {"Cc", "Cf", "Zs", "Zl", "Zp"}
"""Unicode's categories of control and format characters, and of spaces and separators."""


def check(named: Mapping[str, str], any_characters: Collection[str] = ()) -> None:
    """ConfigurationError names each variable that has a wrong value, and the reason.

    Only values of the variables in `any_characters` may have visible characters beyond ASCII.
    """
    faults = {
        name: fault
        for name, text in sorted(named.items())
        if (fault := _fault(text, is_ascii=name not in any_characters))
    }
    if faults:
        raise ConfigurationError("; ".join(f"{name}: {fault}" for name, fault in faults.items()))


def _fault(text: str, *, is_ascii: bool) -> str | None:
    stripped = text.strip(" \t")
    if "\r" in text:
        return "has a carriage return; save the environment file with LF line ends"
    if _CONTROL.search(text):
        return "has a line break or another control character; remove it"
    if _COMMENT.search(_QUOTED.sub("''", text)):
        return "has a comment behind the value; write the comment on a line of its own"
    if not stripped:
        return "has no value; give one or remove the line"
    if stripped.startswith(QUOTES) or (stripped.endswith(QUOTES) and stripped.count(stripped[-1]) % 2):
        return "has a quote that is part of the value; remove the quotes"
    return next((_character(one) for one in stripped if _is_wrong(one, stripped, is_ascii=is_ascii)), None)


def _is_wrong(character: str, text: str, *, is_ascii: bool) -> bool:
    if character.isascii():
        return False
    is_outside = character in _TYPOGRAPHIC_QUOTES and character in (text[0], text[-1])
    return is_ascii or is_outside or _is_byte(character) or unicodedata.category(character) in _INVISIBLE


def _is_byte(character: str) -> bool:
    """Python represents a byte that is not UTF-8 as a character of this range."""
    return "\udc80" <= character <= "\udcff"


def _character(character: str) -> str:
    if _is_byte(character):
        return f"has the byte 0x{ord(character) - 0xDC00:02X}, which is not UTF-8; remove it, or save the file as UTF-8"
    name = unicodedata.name(character, "no name").lower()
    return f"has the character U+{ord(character):04X} ({name}); remove it, or replace it by a plain one"
