"""What `point` and `models NAME` print, for every model: sums that are sums, forces that add up, pages that leave nothing out.

  python tests/test_pages.py --nessmap build/nessmap
"""

import json
import re

import harness

COLUMNS = 100

# settings beside the defaults and each choice of each variant, and the outcome that they must have
CASES = (
    ("pump_leak", ("dG_ATP=0",), "no_steady_state_growth"),
    ("pump_leak", ("dG_ATP=0", "Y_o=30"), "equilibrium"),
    ("pump_leak", ("variant.pump=const", "p_max=1e-5"), "no_steady_state_growth"),
    ("pump_leak", ("L_NKCC=1e-8", "L_KCC=1e-8"), "ness"),
    ("na_bath", ("variant.pump=const", "r=1e-6"), "no_steady_state_depletion"),
    ("na_bath", ("dG_ATP=0",), "equilibrium"),
    ("driven_cycle", ("F_c=100",), "ness"),
    ("barrier", ("f_AB1=3000",), "ness"),
    ("bathtub", ("q_in=0", "k_drain=0"), "equilibrium"),
    ("parallel_paths", ("kf1=100",), "ness"),
    ("carrier", ("S_o=10",), "equilibrium"),
)

# free species that a variant holds: all others must balance
HELD = {"nernst": {"Na_in", "K_in", "Cl_in", "Ca_in", "S_in"}, "driven_cycle": {"F", "W"}}

WORDS = {"ness": "not at equilibrium", "equilibrium": "nobody pays", "no_steady_state_growth": "grows without end",
         "no_steady_state_depletion": "runs out"}


def point(args, model, settings, *more):
    done = harness.run(args.nessmap, "point", "--model", model, *(word for s in settings for word in ("--set", s)), *more)
    assert done.returncode == 0 and not done.stderr, (model, settings, done)
    return done.stdout


def check_lines(checks, text, what):
    for line in text.splitlines():
        checks.check(len(line) <= COLUMNS, f"{what}: {len(line)} columns: {line}")
        checks.check(line == line.rstrip(), f"{what}: a blank ends the line {line!r}")
    checks.check(not re.search(r"\b-?(nan|inf)\b", text, re.IGNORECASE), f"{what}: a number that is none")


def check_sums(checks, sheet, model, what):
    outputs = sheet["outputs"]
    is_ness = sheet["outcome"] == "ness"
    dissipated = sheet["dissipated"]
    heat = sum(abs(value) for value in dissipated.values())
    checks.check(all(outputs[f"Tsigma_{path}"] == value for path, value in dissipated.items()), f"{what}: dissipation by path")
    checks.check(abs(sum(dissipated.values()) - outputs["Tsigma_total"]) <= 1e-12 * heat, f"{what}: dissipations do not add up")
    if is_ness:
        supplied = sum(sheet["supplied"].values())
        checks.check(heat > 0 and abs(supplied - outputs["Tsigma_total"]) <= 1e-9 * heat, f"{what}: who pays: {sheet['supplied']}")
        # a clamp's current runs through its electrode, and closes no loop of pathways
        is_clamped = abs(sheet["supplied"].get("clamp", 0)) > 1e-9 * heat
        turned = [loop["turns"] * loop["affinity"] for loop in sheet["loops"].values() if loop["turns"] != 0]
        checks.check(is_clamped or turned and abs(sum(turned) - outputs["Tsigma_total"]) <= 1e-8 * sum(map(abs, turned)),
                     f"{what}: loops dissipate {sum(turned)}, all is {outputs['Tsigma_total']}")

    for path, force in sheet["forces"].items():
        total = outputs[f"A_{path}"]
        checks.check(force["total"] == total, f"{what}: force of {path}")
        if force["chemical"] is not None:
            parts = [force[part] for part in ("chemical", "electrical", "other")]
            checks.check(abs(sum(parts) - total) <= 1e-12 * sum(map(abs, parts)), f"{what}: parts of the force of {path}: {force}")
        ion = path.removeprefix("leak_")
        if ion != path and f"dmu_chem_{ion}" in outputs:
            for part, value in (("chemical", "dmu_chem"), ("electrical", "dmu_el")):
                wanted = outputs[f"{value}_{ion}"]
                checks.check(abs(force[part] - wanted) <= 1e-9 * abs(wanted) + 1e-9, f"{what}: the {part} force of {path}: {force}")

    for species, books in sheet["balance"].items():
        flows = sum(books["in"].values()) - sum(books["out"].values())
        turnover = sum(books["in"].values()) + sum(books["out"].values())
        checks.check(abs(flows - books["sum"]) <= 1e-12 * turnover and abs(turnover - books["turnover"]) <= 1e-12 * turnover,
                     f"{what}: the flows of {species}: {books}")
        may_be_held = species in HELD.get(model, ())
        # what is left of equal one-way fluxes is rounding; at equilibrium that is all there is
        exchange = max((outputs[f"Jout_{path}"] for path in (*books["in"], *books["out"])), default=0)
        most = 1e-9 * turnover + 1e-11 * exchange if is_ness else 1e-7 * exchange
        checks.check(may_be_held or abs(books["sum"]) <= most, f"{what}: {species} does not balance: {books}")
        checks.check(may_be_held or not books["held"], f"{what}: {species} is said to be held")


def check_limits(args, checks, sheet, model, settings, what):
    """What would bring a steady state does, and a little less does not."""
    found = sheet["steady_state_where"]
    checks.check(found, f"{what}: nothing is said on where a steady state is")
    for limit in found:
        name, value = limit["parameter"], limit["value"]
        here = sheet["parameters"][name]
        checks.check((value < here) == (limit["side"] == "below"), f"{what}: side of {limit}")
        # from 0 on every value may do, and the first that was tried is told
        less = ((value + 0.02 * (here - value), False),) if here != 0 else ()
        for setting, is_steady in ((value, True), *less):
            others = [s for s in settings if not s.startswith(f"{name}=")]
            outcome = json.loads(point(args, model, (*others, f"{name}={setting!r}"), "--json"))["outcome"]
            checks.check((outcome in ("ness", "equilibrium")) == is_steady, f"{what}: at {name}={setting} the outcome is {outcome}")


def rows_of(text, heading):
    """The rows of a table, each with the lines that it goes on in."""
    table = re.search(rf"^{heading}.*\n((?:  .*\n)*)", text, re.MULTILINE)
    return re.sub(r"\n {6,}", " ", table[1]).splitlines() if table else []


def check_why(checks, sheet, text, what):
    """What is told of the course adds up: gains are what comes in less what goes out, changes lead from here to there."""
    verbs = []
    for row in rows_of(text, "what c[oa]mes? in"):
        found = re.fullmatch(r"  \w+ +in (.*); out (.*): it (gains|loses) ([-\d.e+]+)(, .*)?", row)
        if not checks.check(found, f"{what}: {row}"):
            continue
        came, went = (sum(float(flow.split()[0]) for flow in flows.split(", ") if flow != "nothing") for flows in found.groups()[:2])
        net = float(found[4]) if found[3] == "gains" else -float(found[4])
        verbs.append(found[3])
        # of three and four digits
        checks.check(abs(came - went - net) <= 6e-3 * abs(net) + 1e-3 * (came + went), f"{what}: {row}")
    if not sheet["outcome"].startswith("no_steady_state"):
        return
    grows = sheet["outcome"].endswith("growth")
    words = " ".join(text.split())
    checks.check("the course ends after" in words and ("as much after" in words if grows else "of it after" in words), f"{what}: no time is told")
    checks.check(("gains" if grows else "loses") in verbs, f"{what}: the fluxes are not told: {verbs}")
    for row in rows_of(text, "one of these alone"):
        found = re.match(r"  (\w+) .*; (?:([-\d.e+]+) times as much|1/([-\d.e+]+) of it)\)", row)
        if found:
            there = [limit["value"] / sheet["parameters"][found[1]] for limit in sheet["steady_state_where"] if limit["parameter"] == found[1]]
            told = float(found[2]) if found[2] else 1 / float(found[3])
            checks.check(any(abs(told / x - 1) < 6e-3 for x in there), f"{what}: {row}, not {there}")


def check_molecule(checks, sheet, text, what):
    """The table of one molecule says what the sheet says; trajectories are no part of a sheet."""
    outputs = sheet["outputs"]
    checks.check(not any(name.startswith("ssa_") for name in outputs), f"{what}: a sheet lists simulated outputs")
    is_walk = outputs.get("activity") is not None
    table = re.search(r"\none molecule.*\n.*\n((?:  .*\n)*)", text)
    if not checks.check((table is not None) == is_walk, f"{what}: whether one molecule is told") or not is_walk:
        return
    rows = {words[0]: words[1:] for words in map(str.split, table[1].splitlines())}
    for path in sheet["forces"]:
        wanted = [outputs[f"{family}_{path}"] for family in ("rate", "var", "fano", "tur")]
        if outputs[f"Jout_{path}"] == outputs[f"Jin_{path}"] == 0:
            continue
        # where nothing turns in the mean, there is no ratio either
        found = [float(word) for word in rows.get(path, ())]
        checks.check(len(found) in (2, 4) and all(abs(a - b) <= 6e-4 * abs(b) + 1e-9 for a, b in zip(found, wanted)),
                     f"{what}: {path} has {found} in the table, {wanted} in the sheet")
        checks.check(len(found) < 4 or found[3] >= 2 - 1e-3, f"{what}: {path} is below the bound: {found}")
    entropy = re.search(r"entropy production (\S+) k_B per second", table[1])
    checks.check(entropy and abs(float(entropy[1]) - outputs["sigma_molecule"]) <= 6e-4 * outputs["sigma_molecule"] + 1e-9,
                 f"{what}: entropy production of one molecule")


def check_sheet(args, checks, model, settings, expected=None):
    what = f"point {model} {' '.join(settings)}"
    sheet, text = json.loads(point(args, model, settings, "--json")), point(args, model, settings)
    check_lines(checks, text, what)
    check_why(checks, sheet, text, what)
    outcome = sheet["outcome"]
    checks.check(expected in (None, outcome), f"{what}: {outcome} in the place of {expected}")
    checks.check(WORDS.get(outcome, outcome) in " ".join(text.split()), f"{what}: the verdict is not told in words")
    if outcome in ("ness", "equilibrium"):
        check_sums(checks, sheet, model, what)
        check_molecule(checks, sheet, text, what)
        tables = text[text.index("\nfluxes"):text.index("\neach species")]
        checks.check(not re.search(r" - (?![A-Za-z0-9])|in - out", tables), f"{what}: a dash where a value exists:\n{tables}")
        checks.check("steady_state_where" not in sheet, f"{what}: a way out of a steady state")
    elif outcome.startswith("no_steady_state"):
        check_limits(args, checks, sheet, model, settings, what)
        checks.check("what happens" in text, f"{what}: the course is not told")
    return sheet


def check_page(args, checks, model, sheet):
    page = harness.run(args.nessmap, "models", model).stdout
    what = f"models {model}"
    check_lines(checks, page, what)
    words = set(re.findall(r"\w+", page))
    rows = {name: set(re.findall(r"^  (\w+)", section, re.MULTILINE)) for name, section in sections(page).items()}
    missing = set(sheet["parameters"]) - rows["parameters"]
    checks.check(not missing, f"{what}: parameters {missing} are missing")
    missing = set(sheet["outputs"]) - output_names(sections(page)["outputs"])
    checks.check(not missing, f"{what}: outputs {missing} are missing")
    is_walk = "sigma_molecule" in sheet["outputs"]
    lists = [line.split() for line in page.splitlines() if re.match("    ssa_(hist|forth|back)_", line)]
    checks.check([line[0].split("_")[1] for line in lists] == ["hist", "forth", "back"] * is_walk, f"{what}: lists {lists}")
    checks.check(all(line[1] == "..." and len(line) == 4 for line in lists), f"{what}: lists {lists}")
    started = harness.run(args.nessmap, "init", model).stdout
    checks.check(("# [stochastic]\n" in started) == is_walk, f"init {model}: whether trajectories are offered")
    missing = set(sheet["forces"]) - rows["pathways"]
    checks.check(not missing, f"{what}: pathways {missing} are missing")
    missing = set(sheet["balance"]) - rows["species"]
    checks.check(not missing, f"{what}: species {missing} are missing")
    for chord, loop in sheet["loops"].items():
        line = re.search(rf"^  {chord} +(.*(?:\n {{15,}}.*)*)", sections(page)["loops"], re.MULTILINE)
        through = set(re.findall(r"[A-Za-z_]\w*", line[1])) if line else set()
        checks.check(through == set(loop["paths"]), f"{what}: the loop of {chord}: {through}")
    checks.check(f"nessmap init {model}" in page, f"{what}: how to start")
    source = (harness.ROOT / "kernels" / "models" / f"{model}.c").read_text()
    head = set(re.findall(r"\w+", source[source.index("/*"):source.index("*/")]))
    checks.check(head <= words | {model}, f"{what}: the comment that opens its file: {head - words}")
    for config in sorted(harness.CONFIGS.glob("*.toml")):
        uses = f'model = "{model}"' in config.read_text()
        checks.check((f"configs/{config.name}" in page) == uses, f"{what}: {config.name}")
    for row in re.findall(r"param\((\w+), *\"([^\"]*)\", *[^,]+, *[^,]+, *[^,]+, *(\w+), *\"([^\"]*)\"\)", source):
        line = re.search(rf"^  {row[0]} +{re.escape(row[1])} .* {row[2]} (.*(?:\n {{20,}}.*)*)", page, re.MULTILINE)
        checks.check(line and " ".join(line[1].split()) == row[3], f"{what}: the row of {row}")
    return page


def output_names(text):
    """Families list their names in lines, the others have a row each."""
    names, is_list = set(), False
    for line in text.splitlines():
        if not line.startswith("   "):
            is_list = not line.startswith("  of ")
        else:
            words = re.sub(r"[*+]", " ", line).split()
            names.update(words if is_list else words[:1])
    return names


def sections(page):
    """The page by its headings, each named by its first word."""
    found = {}
    for part in page.split("\n\n"):
        heading, _, rows = part.partition("\n")
        if heading and not heading.startswith(" "):
            found[heading.split()[0]] = rows
    return found


def choices(page):
    """The choices beside the defaults, as settings."""
    rows = re.findall(r"^  (\w+) = (\w+) ", sections(page).get("variants", ""), re.MULTILINE)
    defaults = {}
    for variant, choice in rows:
        defaults.setdefault(variant, choice)
    return [f"variant.{variant}={choice}" for variant, choice in rows if defaults[variant] != choice]


def run_checks(args, checks):
    listing = harness.run(args.nessmap, "models").stdout
    check_lines(checks, listing, "models")
    for line in listing.splitlines():
        model, _, question = line.partition(" ")
        checks.check(question.strip().endswith("?"), f"models: {model} asks no question: {line}")
        sheet = check_sheet(args, checks, model, ())
        page = check_page(args, checks, model, sheet)
        for choice in choices(page):
            check_sheet(args, checks, model, (choice,))
    for case in CASES:
        check_sheet(args, checks, *case)


def test_pages():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
