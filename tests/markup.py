"""Markup of the book that no reader should ever meet as text."""

import re

# Roles, directives, their options, targets, the fences of boxes.
RAW = re.compile(
    r"\{[a-z]+(?::[a-z]+)?\}`|\{[a-z]+(?:-[a-z]+)+\}|\{prf:|^\s*:::|^\s*:[a-z]+:\s"
    r"|^\([\w-]+\)=|<details>|</?summary>",
    re.MULTILINE,
)
