"""Parts of the self-contained HTML reports of the commands. Pure; every text is escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from string import Template

from video_analysis.ops.compare.report_style import STYLE
from video_analysis.ops.compare.thumbnails import SIDE_PX, Thumbnail
from video_analysis.ops.html_document import document

BODY = Template("""<header>
<p class="soft">$kind</p>
<h1>$title</h1>
<p>$summary</p>
</header>
<main>
$sections
</main>
<footer>$footer</footer>""")


def page(kind: str, title: str, summary: str, sections: Iterable[tuple[str, str]], footer: str) -> str:
    """A page. `sections` are (heading, HTML); the other arguments are texts."""
    body = BODY.substitute(
        kind=escape(kind),
        title=escape(title),
        summary=escape(summary),
        sections="\n".join(f"<section><h2>{escape(heading)}</h2>{body}</section>" for heading, body in sections),
        footer=escape(footer),
    )
    return document(escape(f"{kind}: {title}"), STYLE, body)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts. One that is wider than the screen scrolls on its own."""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def cards(articles: Iterable[str]) -> str:
    """A grid of cards, each of which is HTML."""
    return f'<div class="vehicles">\n{chr(10).join(articles) or "<p>None.</p>"}\n</div>'


def picture(thumbnail: Thumbnail, name: str) -> str:
    """A picture, or the reason why it is missing."""
    if thumbnail.jpeg is None:
        return f'<p class="problem">No image: {escape(thumbnail.problem or "reason unknown")}</p>'
    encoded = base64.b64encode(thumbnail.jpeg).decode("ascii")
    return f'<img src="data:image/jpeg;base64,{encoded}" width="{SIDE_PX}" height="{SIDE_PX}" alt="{escape(name)}">'
