"""The frame of every self-contained HTML report: head, and the part of the style sheet that all of them share."""

from __future__ import annotations

from string import Template

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #f6f7f8; --sheet: #ffffff; --ink: #1b2126; --soft: #5a656e; --line: #d9dee2; --fill: #2f6690;
  --track: #e6eaed; --mark: #fff3d6; --mark-ink: #7a4d00; --bad: #a3231c; --bad-paper: #fdecea; --good: #1d6b3a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181b; --sheet: #1d2327; --ink: #e6eaed; --soft: #9aa6af; --line: #343c42; --fill: #6ea8d6;
    --track: #2b3338; --mark: #3a3017; --mark-ink: #f0c977; --bad: #ff9b92; --bad-paper: #3a1f1d; --good: #7fcf9c;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.25rem 1rem 3rem; max-width: 75rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: anywhere;
}
h1 { margin: 0; font-size: 1.6rem; line-height: 1.2; }
h2 { margin: 0 0 .6rem; font-size: 1rem; }
section { margin-top: 1.5rem; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .3rem .5rem .3rem 0; text-align: left; vertical-align: top; font-weight: inherit; }
tbody tr { border-top: 1px solid var(--line); }
.differs { background: var(--mark); }
.vehicle img { display: block; width: 100%; height: auto; border-radius: 2px; }
.vehicle table { table-layout: fixed; }
@media print { .vehicle { break-inside: avoid; } }
"""
"""One column on a phone; light or dark, as the browser is set."""
DOCUMENT = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<link rel="icon" href="data:,">
<style>$style</style>
</head>
<body>
$body
</body>
</html>
""")


def document(title: str, style: str, body: str) -> str:
    """A whole document. `title` and `body` are HTML, with every text escaped; `style` has the rules of this report."""
    return DOCUMENT.substitute(title=title, style=STYLE + style, body=body)
