"""The pieces of HTML that a report is made of. Each takes plain text and escapes it; what is HTML already is `Html`."""

from __future__ import annotations

import base64
import html
import re
from typing import Iterable, Sequence

# text, page, lines and rules, links: on both grounds at least 4.5 to 1, as WCAG AA asks
LIGHT = {
    "ink": "#1c2329",
    "soft": "#4a545c",
    "paper": "#ffffff",
    "shade": "#f1f4f6",
    "rule": "#b5bec5",
    "link": "#0b5c9e",
}
DARK = {
    "ink": "#e8ecef",
    "soft": "#b9c3ca",
    "paper": "#14191d",
    "shade": "#20272c",
    "rule": "#4d5a63",
    "link": "#8cc4f5",
}

_STYLE = """\
:root { color-scheme: light dark; %(light)s }
@media (prefers-color-scheme: dark) { :root { %(dark)s } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
header, main, footer, nav ol { max-width: 66rem; margin: 0 auto; padding: 0 1.1rem; }
header { padding-top: 1.6rem; }
footer { padding-bottom: 2rem; color: var(--soft); font-size: .9rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .4rem; }
h2 { font-size: 1.35rem; margin: 2.4rem 0 .6rem; padding-top: .5rem; border-top: 2px solid var(--rule); }
h3 { font-size: 1.08rem; margin: 1.6rem 0 .4rem; }
h1, h2, h3, p, li, td, th, figcaption { overflow-wrap: break-word; }
p, li { max-width: 46rem; }
a { color: var(--link); }
nav { background: var(--shade); margin-top: 1rem; }
nav ol { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.3rem; padding-top: .5rem; padding-bottom: .5rem; }
.lede, .soft { color: var(--soft); }
.skip { position: absolute; left: -100rem; }
.skip:focus { position: static; display: inline-block; padding: .5rem 1.1rem; }
.wide { overflow-x: auto; margin: .8rem 0; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .92rem; }
caption { text-align: left; color: var(--soft); padding: 0 0 .3rem; }
caption span { display: inline-block; position: sticky; left: 0; max-width: min(100vw - 2.2rem, 46rem); }
th, td { padding: .28rem .9rem .28rem 0; min-width: 4rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule); }
thead th { border-bottom: 2px solid var(--rule); }
tbody th { font-weight: 600; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
thead th.n { white-space: normal; }
pre, code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .86rem; }
p code, li code { overflow-wrap: anywhere; }
td code { white-space: nowrap; }
pre { background: var(--shade); padding: .7rem .9rem; margin: .6rem 0; overflow-x: auto; line-height: 1.4; }
details { margin: .6rem 0; }
summary { cursor: pointer; color: var(--link); }
figure { margin: 1rem 0; }
figure .wide { margin: 0; background: #ffffff; border: 1px solid var(--rule); }
figure img { display: block; width: 100%%; height: auto; }
figcaption { margin-top: .5rem; max-width: 46rem; }
@media (max-width: 45rem) {
  body { font-size: .97rem; }
  h1 { font-size: 1.4rem; }
  td:last-child:not(.n) { min-width: 17rem; }
  .wide tbody th { position: sticky; left: 0; background: var(--paper); }
  figure img { min-width: 40rem; }
  th, td { padding-right: .7rem; }
}
@media print {
  :root { color-scheme: light; %(light)s }
  body { font-size: 9.5pt; }
  nav, .skip { display: none; }
  .wide { overflow: visible; }
  .wide tbody th { position: static; }
  figure img { min-width: 0; max-height: 20cm; object-fit: contain; }
  pre { white-space: pre-wrap; }
  td code { white-space: normal; }
  h2, h3, figcaption { break-after: avoid; }
  figure, tr { break-inside: avoid; }
}
"""


class Html(str):
    """Text that is HTML already."""


def escape(text: object) -> Html:
    return text if isinstance(text, Html) else Html(html.escape(str(text)))


def join(parts: Iterable[object]) -> Html:
    return Html("\n".join(escape(part) for part in parts if part))


def paragraph(*words: object, kind: str = "") -> Html:
    """Words that follow each other, plain or HTML."""
    attribute = f' class="{kind}"' if kind else ""
    return Html(f"<p{attribute}>" + "".join(escape(word) for word in words) + "</p>")


def bullets(lines: Iterable[object]) -> Html:
    items = "\n".join(f"<li>{escape(line)}</li>" for line in lines)
    return Html(f"<ul>\n{items}\n</ul>" if items else "")


def code(text: object) -> Html:
    return Html(f"<code>{escape(text)}</code>")


def heading(text: object) -> Html:
    return Html(f"<h3>{escape(text)}</h3>")


def preformatted(text: str, label: str) -> Html:
    """Text whose columns stay; keyboards can scroll it."""
    return Html(f'<pre tabindex="0" role="region" aria-label="{escape(label)}">{escape(text.rstrip())}</pre>')


def details(summary: object, *inner: object) -> Html:
    return Html(f"<details>\n<summary>{escape(summary)}</summary>\n{join(inner)}\n</details>")


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[−-]?[\d,.]+(\s×\s10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+|e[−+-]?\d+)?( ?%)?|≈ 0|none|", text) is not None


def table(caption: str, header: Sequence[object], rows: Iterable[Sequence[object]]) -> Html:
    """The first cell of each row names it; columns of numbers are set to the right."""
    rows = [list(row) for row in rows]
    is_number = [all(_is_number(str(row[i])) for row in rows) for i in range(len(header))]
    kinds = [' class="n"' if i > 0 and is_number[i] else "" for i in range(len(header))]
    head = "".join(f'<th scope="col"{kind}>{escape(text)}</th>' for text, kind in zip(header, kinds))
    lines = []
    for row in rows:
        cells = [f"<td{kind}>{escape(text)}</td>" for text, kind in zip(row[1:], kinds[1:])]
        lines.append(f'<tr><th scope="row">{escape(row[0])}</th>{"".join(cells)}</tr>')
    return Html(
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(caption)}">\n<table>\n'
        f"<caption><span>{escape(caption)}</span></caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n"
        + "\n".join(lines)
        + "\n</tbody>\n</table>\n</div>"
    )


def figure(png: bytes, size: tuple[int, int], text: str, numbers: Html) -> Html:
    """A picture with its text alternative, which readers who see see below it, and the table of its numbers.

    size: width and height on the page in CSS pixels, where there is room
    """
    data = base64.b64encode(png).decode()
    return Html(
        f'<figure>\n<div class="wide" role="group" tabindex="0" aria-label="picture" style="max-width: {size[0]}px">'
        f'<img src="data:image/png;base64,{data}" width="{size[0]}" height="{size[1]}" alt="{escape(text)}"></div>\n'
        f'<figcaption>{escape(text)}</figcaption>\n{details("The numbers of this picture", numbers)}\n</figure>'
    )


def section(name: str, title: str, *parts: object) -> tuple[str, str, Html]:
    """name: the anchor, a word"""
    return name, title, join(parts)


def page(title: str, lede: str, sections: Sequence[tuple[str, str, Html]], foot: str) -> str:
    """The whole document."""
    palettes = {
        key: " ".join(f"--{name}: {value};" for name, value in colours.items())
        for key, colours in (("light", LIGHT), ("dark", DARK))
    }
    links = "\n".join(f'<li><a href="#{name}">{escape(text)}</a></li>' for name, text, _ in sections)
    body = "\n".join(
        f'<section aria-labelledby="{name}">\n<h2 id="{name}">{escape(text)}</h2>\n{inner}\n</section>'
        for name, text, inner in sections
    )
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{_STYLE % palettes}</style>
</head>
<body>
<a class="skip" href="#content">To the content</a>
<header>
<h1>{escape(title)}</h1>
<p class="lede">{escape(lede)}</p>
</header>
<nav aria-label="Parts of this report">
<ol>
{links}
</ol>
</nav>
<main id="content">
{body}
</main>
<footer>
<p>{escape(foot)}</p>
</footer>
</body>
</html>
"""
