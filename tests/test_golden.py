"""Golden cases, solved elsewhere to 30 and more digits, through the `table` design of the program.

One table per variant combination; every number that the file can say is compared (golden_map.py).

  python tests/test_golden.py --nessmap build/nessmap [--golden FOLDER]
"""

import csv
import json
import pathlib

import golden_map
import golden_map_baths
import golden_map_nernst
import golden_map_neuron
import golden_map_paths
import golden_map_pump
import harness

MAPS = (
    golden_map,
    golden_map_baths,
    golden_map_nernst,
    golden_map_neuron,
    golden_map_paths,
    golden_map_pump,
)


def write_scan(folder, model, choices, cases):
    """The table and its configuration. Numbers are written so that they are read back bit for bit."""
    columns = golden_map.columns_of(model, cases)
    with open(folder / "cases.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([repr(x) for x in row] for row in zip(*columns.values(), strict=True))
    variant = "".join(f'{k} = "{v}"\n' for k, v in choices.items())
    (folder / "cases.toml").write_text(
        f'model = "{model.name}"\n'
        + (f"[variant]\n{variant}" if variant else "")
        + '[design]\nkind = "table"\nfile = "cases.csv"\n'
        '[output]\nvariables = ["*"]\nprecision = "f64"\n' + model.solver
    )


def compare_group(model, words, group, path, worst, checks):
    """Returns the number of cases that agree in all that is compared."""
    n_agree = 0
    with harness.Results(path) as results:
        if not checks.check(
            results.outcome.shape == (len(group),),
            f"{model.name} {words}: {results.outcome.shape} points",
        ):
            return 0
        table = {name: results[name] for name in results.names()}
        columns = {
            name: values
            for name, values in table.items()
            if values.shape == results.outcome.shape and values.dtype.kind in "fiu"
        }
        for index, case in enumerate(group):
            row = {name: float(values[index]) for name, values in columns.items()}
            flags = {name for name in results.flag_masks if results.flag_is(name)[index]}
            wrong = golden_map.compare_case(
                case, model, results.outcome_word(index), flags, row, worst
            )
            n_agree += checks.check(
                not wrong, f"{model.name} {case['id']} {case['kind']}: " + "; ".join(wrong)
            )
    return n_agree


def check_keys(model, cases, checks):
    """Every key of the golden file is compared or is named as not compared, with a reason."""
    for case in cases:
        compared = {item.key for item in model.compare(case)}
        for key in case["expect"]:
            checks.check(
                key in compared
                or key in model.not_compared
                or not case["expect"].get("exists", True),
                f"{model.name} {case['id']}: nothing is said about the golden key {key}",
            )


def run_model(args, model, checks):
    path = args.golden / f"{model.golden or model.name}.json"
    if not path.is_file():
        checks.check(args.golden != harness.ROOT / "tests" / "golden", f"{path} is missing")
        print(f"{path.stem}: {path} is not there, skipped")
        return
    golden = json.loads(path.read_text())["cases"]
    cases = [one for case in golden for one in model.expand(case)]
    check_keys(model, cases, checks)
    worst = {}
    n_agree = 0
    for words, (choices, group) in golden_map.group_cases(model, cases).items():
        with harness.scratch() as name:
            folder = pathlib.Path(name)
            write_scan(folder, model, choices, group)
            done = harness.run(
                args.nessmap, "run", "cases.toml", "-o", "out.nc", "--quiet", cwd=folder
            )
            if not checks.check(
                done.returncode == 0,
                f"{model.name} {words}: exit {done.returncode}, {done.stderr.strip()}",
            ):
                if not (folder / "out.nc").exists():
                    continue
            n_agree += compare_group(model, words, group, folder / "out.nc", worst, checks)
    print(f"{path.stem}: {n_agree} of {len(cases)} cases agree; worst of each quantity:")
    for key, (ratio, error, reference, case_id) in sorted(
        worst.items(), key=lambda item: -item[1][0]
    ):
        print(
            f"  {key:24s} {ratio:9.2e} of the tolerance: error {error:9.2e} of {reference: .6e} in {case_id}"
        )


def add_arguments(parser):
    parser.add_argument(
        "--golden",
        type=pathlib.Path,
        default=harness.ROOT / "tests" / "golden",
        help="folder with pump_leak.json and driven_cycle.json",
    )


def run_checks(args, checks):
    args.golden = args.golden.resolve()
    for golden in MAPS:
        for model in golden.MODELS:
            run_model(args, model, checks)


def test_golden():
    harness.run_in_pytest(__doc__, run_checks, add_arguments)


if __name__ == "__main__":
    harness.main(__doc__, run_checks, add_arguments)
