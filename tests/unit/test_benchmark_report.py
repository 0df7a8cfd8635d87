"""What benchmarks report: tables, verdicts and the published page."""

from __future__ import annotations

from pathlib import Path

from benchmarks.report import Section, at_least, at_most, load, measured, number, page, publish, render, save

ROOT = Path(__file__).resolve().parents[2]
MACHINE = {
    "date": "2026-01-02 03:04 UTC", "processor": "2 x Some CPU", "memory": "8 GB", "system": "Linux 6",
    "python": "3.11.7", "mlflow": "3.17.2", "sqlalchemy": "2.1", "commit": "abc1234",
}  # fmt: skip


def section() -> Section:
    made = Section("overhead", "Overhead", "How it was measured.", ["server", "ms"], notes=["A note."])
    made.add("plain", 6.184)
    made.add("ours", None)
    made.targets = [at_most("queries", 1, 2.0, ""), at_least("share", 90, 93.4)]
    return made


def test_the_page_in_the_documentation_is_made_of_the_published_figures() -> None:
    made = page(ROOT / "docs" / "performance.json")
    assert (ROOT / "docs" / "performance.md").read_text() == made, "run: python docs/make_performance.py"


def test_a_missed_target_is_reported_as_missed() -> None:
    assert at_most("queries", 1, 2.0).verdict == "**missed**"
    assert at_least("share", 90, 89.9).verdict == "**missed**"
    assert at_least("share", 90, 90.0).verdict == "met"


def test_what_nobody_waited_for_is_missed_however_small_its_bound_is() -> None:
    assert at_most("times", 2, 1.5, bound=True).verdict == "**missed**"
    assert at_most("times", 2, 1.5, bound=True).found == "> 1.50x"


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert at_most("times", 2, None).verdict == "not measured"


def test_numbers_have_three_figures() -> None:
    assert [number(n) for n in (1234.4, 12.34, 1.234, 0.0, 7, None)] == ["1234", "12.3", "1.23", "0", "7", "-"]


def test_a_section_is_a_table_with_its_targets_and_notes() -> None:
    assert render(section()) == (
        "## Overhead\n\nHow it was measured.\n\n"
        "| server | ms   |\n|--------|------|\n| plain  | 6.18 |\n| ours   | -    |\n\n"
        "| target  | wanted | found | verdict    |\n|---------|--------|-------|------------|\n"
        "| queries | <= 1   | 2.00  | **missed** |\n| share   | >= 90% | 93.4% | met        |\n\nA note."
    )


def test_the_page_says_where_it_was_measured_and_how_much_is_missed(tmp_path: Path) -> None:
    save(tmp_path / "figures.json", [section()], {"machine": MACHINE, "effort": "quick"})
    text = page(tmp_path / "figures.json")
    assert "measured on 2026-01-02 03:04 UTC: 2 x Some CPU, 8 GB" in text
    assert "They are figures of a `--quick` run" in text
    assert "2 targets, 1 missed." in text


def test_figures_are_read_as_they_were_written(tmp_path: Path) -> None:
    save(tmp_path / "figures.json", [section()], {"machine": MACHINE})
    assert ([section()], {"machine": MACHINE}) == load(tmp_path / "figures.json")


def test_a_run_replaces_the_published_sections_that_it_measured(tmp_path: Path) -> None:
    results, published = tmp_path / "results.json", tmp_path / "published.json"
    other = Section("scale", "Scale", "", ["a"])
    save(published, [section(), other], {"machine": MACHINE, "effort": "full"})
    again = section()
    again.measured = measured(MACHINE | {"commit": "def5678"}, "quick", 2.04, 31.5)
    save(results, [again, Section("new", "New", "", ["a"])], {"machine": MACHINE | {"commit": "def5678"}})
    publish(results, published)
    sections, about = load(published)
    assert [each.name for each in sections] == ["overhead", "scale", "new"]
    assert about["machine"]["commit"] == "abc1234"
    assert render(sections[0]).splitlines()[4] == (
        "Measured on 2026-01-02 03:04 UTC: `--quick`, with smaller sizes and fewer rounds; 2 x Some CPU, 8 GB, MLflow "
        "3.17.2, commit def5678; the machine's load was 2.0 before and 31.5 after."
    )
