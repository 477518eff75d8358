"""nessmap-report: whole and accessible HTML of every layout, below 2 MB, whose numbers are those of the file.

    test_report.py [--nessmap build/nessmap] [--full]

The fast form has a blank in the place of each picture; --full draws them, of every layout that the program writes, and
looks at a page in a browser where there is one.
"""

import contextlib
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from unittest import mock

import netCDF4
import numpy as np

import harness
from test_tools import LAYOUTS, make, refused

sys.path.insert(0, str(harness.ROOT / "tools"))

from matplotlib.figure import Figure
from nessmap_tools import Refused, plot, report
from nessmap_tools.report import page, pictures, words

MOST_BYTES = 2_000_000
VOID = {"meta", "img", "br", "link", "hr", "input"}
FAILED = ("left_domain", "not_converged")

# half a bath of sodium below zero: failures that everybody can count
FAILING = """
[design]
kind = "random"
n = 300
seed = 5
[[random]]
name = "Na_o"
dist = "normal"
mean = 10
sd = 10
[[random]]
name = "g_Na"
dist = "loguniform"
min = 0.01
max = 10
[output]
variables = ["V", "sigma_total"]
[limits]
max_failed = 1.0
"""
MAP = harness.sets(
    **{"axis.dG_ATP.n": 12, "axis.g_Na.n": 300, "output.variables": '["V", "Na_i", "P_ATP", "sigma_total"]'}
)


class Page(HTMLParser):
    """What a page holds: elements with their attributes, its text, and whether its tags are balanced."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.mistakes, self._open = [], [], [], []
        self.feed(text)
        self.close()
        self.mistakes += [f"<{tag}> is never closed" for tag in self._open]
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), tuple(self._open)))
        if len(dict(attrs)) != len(attrs):
            self.mistakes.append(f"<{tag}> says an attribute twice")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.mistakes.append(f"</{tag}> closes another element")

    def handle_data(self, data):
        if not self._open or self._open[-1] != "style":
            self.texts.append(data)

    def all(self, tag):
        return [attrs for name, attrs, _ in self.elements if name == tag]

    def n_inside(self, tag, outer):
        return sum(name == tag and outer in above for name, _, above in self.elements)


# --- the page as HTML ---------------------------------------------------------------------------------------------


def check_html(checks, what, text):
    """Parses the page; says what is wrong with it as HTML, as a page for everybody, and as a file by itself."""
    found = Page(text)
    checks.check(text.startswith("<!DOCTYPE html>\n"), f"{what}: no doctype")
    checks.check(not found.mistakes, f"{what}: {found.mistakes[:3]}")
    checks.check(len(text.encode()) < MOST_BYTES, f"{what}: {len(text.encode())} bytes")

    ids = [attrs["id"] for _, attrs, _ in found.elements if "id" in attrs]
    checks.check(len(ids) == len(set(ids)), f"{what}: an id stands twice in {ids}")
    links = [attrs.get("href", "") for attrs in found.all("a")]
    checks.check(links and all(link[:1] == "#" and link[1:] in ids for link in links), f"{what}: links {links}")
    labels = [attrs["aria-labelledby"] for _, attrs, _ in found.elements if "aria-labelledby" in attrs]
    checks.check(set(labels) <= set(ids), f"{what}: labels {labels}")

    # nothing runs, nothing is loaded
    names = {tag for tag, _, _ in found.elements}
    checks.check(not names & {"script", "link", "iframe", "object", "embed", "base", "form"}, f"{what}: {names}")
    checks.check(
        not [key for _, attrs, _ in found.elements for key in attrs if key.startswith("on")], f"{what}: a handler"
    )
    sources = [
        attrs[key] for _, attrs, _ in found.elements for key in ("src", "srcset", "data", "poster") if key in attrs
    ]
    checks.check(all(src.startswith("data:image/png;base64,") for src in sources), f"{what}: loads {sources}")
    style = "".join(re.findall(r"<style>(.*?)</style>", text, re.DOTALL))
    checks.check("url(" not in style and "@import" not in style, f"{what}: the style loads something")

    # headings, landmarks, words for pictures and tables
    checks.check(found.all("html")[0].get("lang") == "en", f"{what}: no language")
    landmarks = {tag: len(found.all(tag)) for tag in ("header", "nav", "main", "footer", "h1", "title")}
    checks.check(set(landmarks.values()) == {1}, f"{what}: {landmarks}")
    levels = [int(tag[1]) for tag, _, _ in found.elements if re.fullmatch("h[1-6]", tag)]
    checks.check(all(b - a <= 1 for a, b in zip(levels, levels[1:])), f"{what}: levels of headings {levels}")
    images = found.all("img")
    checks.check(all(len(attrs.get("alt", "")) > 10 for attrs in images), f"{what}: a picture without words")
    counts = {
        len(images),
        len(found.all("figure")),
        found.n_inside("table", "figure"),
        found.n_inside("figcaption", "figure"),
    }
    checks.check(len(counts) == 1, f"{what}: pictures, captions and tables: {counts}")
    tables = len(found.all("table"))
    checks.check(tables > 0 and len(found.all("caption")) == tables, f"{what}: captions of {tables} tables")
    checks.check(
        all(attrs.get("scope") in ("col", "row") for attrs in found.all("th")), f"{what}: a head without scope"
    )
    return found


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def check_contrast(checks):
    """Texts on both grounds of both palettes reach the 4.5 to 1 of WCAG AA."""
    for palette in (page.LIGHT, page.DARK):
        for ink in ("ink", "soft", "link"):
            for ground in ("paper", "shade"):
                pair = sorted((luminance(palette[ink]), luminance(palette[ground])))
                ratio = (pair[1] + 0.05) / (pair[0] + 0.05)
                checks.check(ratio >= 4.5, f"contrast of {ink} on {ground}: {ratio:.2f}")


def check_words(checks):
    """Every outcome and flag of status.h has its words."""
    status = (harness.ROOT / "include" / "nessmap" / "status.h").read_text()
    for kind, known in (("outcome", words.OUTCOMES), ("flag", words.FLAGS)):
        named = re.findall(rf"^    {kind}\((\w+), ", status, re.MULTILINE)
        checks.check(named and set(named) == set(known), f"{kind}s of status.h: {set(named) ^ set(known)}")


# --- its numbers --------------------------------------------------------------------------------------------------


def summary_of(stdout):
    """The program's own words on one line."""
    return " ".join(stdout.split())


def check_map(args, checks, folder):
    """One map: what the page says is what the program said, and what the file holds."""
    done = harness.run(
        args.nessmap, "run", harness.CONFIGS / "pump_leak_phase.toml", *MAP, "-o", folder / "map.nc", cwd=folder
    )
    checks.check(done.returncode == 0, f"map: {done.stderr}")
    said = summary_of(done.stdout)
    out = folder / "map.html"
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        code = report.main([str(folder / "map.nc")])
    checks.check(code == 0 and stdout.getvalue() == f"{out}\n", f"map: exit {code}, {stdout.getvalue()!r}")
    text = out.read_text()
    found = check_html(checks, "map", text)
    checks.check(len(found.all("img")) >= 3, "map: a map and two budgets are wanted")

    # shares and counts; where classes lie
    shares = re.findall(r"[\d.]+ % \([\d,]+ points?\)", said)
    checks.check(len(shares) == 3 and all(share in found.text for share in shares), f"map: {shares} of {said}")
    for name, side, value, unit, inside in re.findall(r"where (\w+) ([<>]) (-?[\d.]+) (\S+) \(([^;]+);", said):
        readable = value.replace("-", "−")
        wanted = rf"where {name} {side} {re.escape(readable[:4])}[\d.]* \S+.*? \({re.escape(inside)};"
        checks.check(re.search(wanted, found.text), f"map: {wanted} of {unit}")
    with netCDF4.Dataset(folder / "map.nc") as file:
        file.set_auto_mask(False)
        ness = np.asarray(file["outcome"][...]).ravel() == 1
        cost = np.where(ness, np.asarray(file["sigma_total"][...]).ravel(), np.nan)
        voltage = 1e3 * np.asarray(file["V"][...], dtype=float).ravel()[ness]
        n_audited = int(np.count_nonzero(np.asarray(file["flags"][...]) & 64))
    for word, index in (("most", np.nanargmax(cost)), ("least", np.nanargmin(cost))):
        checks.check(f"The {word} costly steady state Point {index}:" in found.text, f"map: {word} costly is {index}")
        line = f"nessmap point --from map.nc --index {index}"
        checks.check(
            line in found.text and "who pays, and where it goes" in found.text, f"map: no balance sheet of {index}"
        )
    for value in (np.median(voltage), voltage.min(), voltage.max()):
        checks.check(f"{value:.4g}".replace("-", "−") in found.text, f"map: {value} mV")
    checks.check(f"Audit of {n_audited} points" in found.text, f"map: {n_audited} were audited")
    checks.check(
        "fingerprint" in found.text and "2 threads" in found.text or "1 thread" in found.text, "map: no run log"
    )
    checks.check("nessmap verify map.nc" in found.text, "map: how to verify")

    # the same page again
    report.write(folder / "map.nc", folder / "again.html")
    checks.check((folder / "again.html").read_bytes() == out.read_bytes(), "map: another page of the same file")
    return folder / "map.nc"


def check_failures(args, checks, folder):
    """Points that failed, break the second law, or that the audit finds otherwise."""
    path = make(args, checks, folder, "failing", FAILING)
    with netCDF4.Dataset(path, "a") as file:
        file.set_auto_mask(False)
        codes = [file["outcome"].flag_meanings.split().index(word) for word in FAILED]
        failed = np.flatnonzero(np.isin(file["outcome"][...], codes))
        sodium = file["Na_o"][...]
        # flags that no shipped scan raises
        flags = file["flags"]
        masks = dict(zip(flags.flag_meanings.split(), flags.flag_masks))
        flags[7] |= masks["second_law_violated"]
        flags[9] |= masks["audit_disagrees"] | masks["audited"]
    text = Page(report.report(path)).text
    law, audit = text.index("Points that break the second law"), text.index("Points on which the audit disagrees")
    lines = [f"nessmap point --from failing.nc --index {i}" for i in failed]
    checks.check(len(failed) > 21 and all(line in text[:law] for line in lines[:20]), "failing: the first 20")
    checks.check(f"{lines[20]} " not in text, "failing: one more than 20")
    checks.check(f"{len(failed)} points failed" in text, f"failing: {len(failed)}")
    checks.check(f"{sodium[failed[0]]:.4g} mM".replace("-", "−") in text, "failing: parameters")
    checks.check("1 point: " in text[law:audit] and "--index 7 " in text[law:audit], "flags: the second law")
    checks.check("1 point: " in text[audit:] and "--index 9 " in text[audit:], "flags: the audit")
    checks.check("1 of them" in text, "flags: the audit in words")
    check_reduced(args, checks, folder, failed, sodium)


def check_reduced(args, checks, folder, failed, sodium):
    """The same failures by their indices alone; what the program would add is missed without it, and said so."""
    path = make(args, checks, folder, "reduced", FAILING + '[[reduce]]\nkind = "summary"\n')
    first = f"Na_o = {sodium[failed[0]]:.4g} mM".replace("-", "−")
    with mock.patch.dict(os.environ, NESSMAP_BIN=str(folder / "nowhere")):
        text = Page(report.report(path)).text
    checks.check(f"{len(failed)} points failed" in text, f"reduced: {len(failed)}")
    checks.check(
        "the program nessmap is not" in text and first not in text, "reduced: silent on the lack of the program"
    )
    checks.check(f"--index {failed[0]} " in text, "reduced: no line to look closer")
    if args.full:
        checks.check(first in Page(report.report(path)).text, f"reduced: {first}")


def check_escaping(checks, path):
    """What stands in a file stays text."""
    mean = "<script>alert(\"1\")</script> & 'b' <b>"
    hostile = path.with_name("hostile & <i>.nc")
    shutil.copy(path, hostile)
    with netCDF4.Dataset(hostile, "a") as file:
        file.title = mean
        file.summary = f"<img src=x onerror=alert(2)> {mean}"
        file["V"].long_name = mean
        file.nessmap_config = f"# {mean}\n" + file.nessmap_config.replace("[fixed]", "[fixed]\n'<u>' = '<s>'", 1)
    found = check_html(checks, "hostile", report.report(hostile))
    checks.check(not {tag for tag, _, _ in found.elements} & {"script", "b", "i", "u", "s"}, "hostile: became HTML")
    checks.check(found.text.count(mean) >= 4, "hostile: is lost")


def check_refusals(checks, folder, path):
    (folder / "text.nc").write_text("no NetCDF")
    with netCDF4.Dataset(folder / "foreign.nc", "w") as file:
        file.title = "of somebody else"
    for what, file, word in (
        ("a text", "text.nc", "not a NetCDF file"),
        ("another's file", "foreign.nc", "nessmap_schema"),
        ("no file", "none.nc", "no such file"),
    ):
        refused(checks, what, word, report.write, folder / file)
        checks.check(not (folder / file).with_suffix(".html").exists(), f"{what}: left a page")
    before = path.read_bytes()
    refused(checks, "the file itself", "-o", report.write, path, path)
    checks.check(path.read_bytes() == before, "the file itself: was written")
    with contextlib.redirect_stderr(io.StringIO()) as stderr:
        code = report.main([str(folder / "text.nc")])
    checks.check(code == 2 and stderr.getvalue().count("\n") == 1, f"exit {code}: {stderr.getvalue()}")
    with mock.patch.object(pictures, "MOST_BYTES", 10):
        refused(checks, "pictures beyond the page", "2 MB", pictures.embed, [pictures.Drawn("map", blank(path))])


# --- every layout -------------------------------------------------------------------------------------------------


def blank(path, kind=None, **options):
    """In the place of a picture, which others test."""
    return plot.Picture(
        Figure(figsize=(1.0, 1.0)), f"a blank picture of kind {kind}", plot.Table(["name", "value"], [["a", "1"]])
    )


def check_layouts(args, checks, folder, names):
    for name in names:
        path = make(args, checks, folder, name.replace(" ", "_"), LAYOUTS[name][0])
        found = check_html(checks, name, report.report(path))
        with netCDF4.Dataset(path) as file:
            counts = np.atleast_1d(getattr(file, "nessmap_outcome_counts", []))
        # each outcome that occurs is said with its number
        for n in counts[counts > 0]:
            checks.check(f"({n:,} point" in found.text, f"{name}: {n} points are not said")
        checks.check(("time course" in found.text) if name == "trace" else len(counts) > 0, f"{name}: no counts")


def check_partial(args, checks, folder):
    """A run that was stopped: what is there, and how much is not."""
    scan = [
        harness.CONFIGS / "pump_leak_follow.toml",
        *harness.sets(**{"axis.dG_ATP.n": 4000}),
        "--threads",
        "1",
        "--quiet",
    ]
    done = harness.run(
        "timeout", "--preserve-status", "-s", "USR1", "0.5", args.nessmap, "run", *scan, "-o", "part.nc", cwd=folder
    )
    checks.check(done.returncode == 75, f"partial: exit {done.returncode}, {done.stderr}")
    done = harness.run(args.nessmap, "assemble", "part.nc.parts", "--partial", cwd=folder)
    checks.check(done.returncode == 0, f"partial: {done.stderr}")
    with netCDF4.Dataset(folder / "part.partial.nc") as file:
        n_left = int(file.nessmap_n_not_run)
    text = check_html(checks, "partial", report.report(folder / "part.partial.nc")).text
    checks.check(n_left > 0 and f"Not computed yet: {n_left:,} points" in text, f"partial: {n_left}")
    checks.check("INTERRUPTED" in text, "partial: its run log")


def check_browser(checks, path):
    """A headless browser takes the page for a page: its picture has ink, also at the width of a phone."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        harness.not_run("a report in a headless browser (no chromium here)")
        return
    from matplotlib.image import imread

    for width in (1280, 500):
        shot = path.with_suffix(f".{width}.png")
        command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [
            f"--user-data-dir={path.parent / 'browser'}",
            f"--window-size={width},3000",
            f"--screenshot={shot}",
            path.as_uri(),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if not checks.check(shot.is_file(), f"{browser}: exit {done.returncode}, {done.stderr[-300:]}"):
            return
        picture = imread(shot)[..., :3]
        checks.check(picture.shape[1] == width, f"a picture of {picture.shape}")
        checks.check(np.mean(picture.min(axis=2) < 0.9) > 0.02, f"{width} pixels: an empty page")


def run_checks(args, checks):
    check_contrast(checks)
    check_words(checks)
    drawn = contextlib.nullcontext() if args.full else mock.patch.object(plot, "draw", blank)
    with harness.scratch() as name, mock.patch.dict(os.environ, NESSMAP_BIN=str(args.nessmap)), drawn:
        folder = pathlib.Path(name)
        path = check_map(args, checks, folder)
        check_failures(args, checks, folder)
        check_escaping(checks, path)
        check_refusals(checks, folder, path)
        check_layouts(args, checks, folder, LAYOUTS if args.full else ("bins", "sobol", "refined", "trace"))
        if args.full:
            check_partial(args, checks, folder)
            check_browser(checks, folder / "map.html")


def test_report():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
