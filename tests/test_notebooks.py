"""Every notebook runs from top to bottom and draws; as text and as notebook it is the same, and holds no output.

One kernel is shared, and emptied before each notebook: what takes long is loading the libraries.
"""

from __future__ import annotations

import os
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
TEXTS = sorted(FOLDER.glob("*.py"))
PICTURES = {"01": 3, "02": 2, "03": 2, "04": 3, "05": 1, "06": 3, "07": 2}
CELL_SECONDS = 90


@pytest.fixture(scope="module")
def kernel():
    """A kernel with the settings as shipped."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("ORDERWATCH_")}
    client = NotebookClient(
        nbformat.v4.new_notebook(),
        kernel_name="python3",
        timeout=CELL_SECONDS,
        resources={"metadata": {"path": FOLDER}},
    )
    with client.setup_kernel(env=bare):
        yield client


def pictures(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output for output in outputs if "image/png" in output.get("data", {})]


def test_the_notebooks_are_there():
    assert [path.stem[:2] for path in TEXTS] == list(PICTURES)
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == {path.stem for path in TEXTS}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_the_text_and_the_notebook_are_one(path):
    notebook = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    repaired = f"run: jupytext --sync notebooks/{path.name}"
    assert jupytext.writes(notebook, fmt="py:percent") == path.read_text(), repaired


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_its_output(path):
    notebook = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    stripped = (
        f"run: jupyter nbconvert --clear-output --inplace {path.with_suffix('.ipynb').relative_to(FOLDER.parent)}"
    )
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells), stripped


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_it_explains_itself_before_it_computes(path):
    cells = jupytext.read(path).cells
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith(f"# {int(path.stem[:2])}. ")
    words = sum(len(cell.source.split()) for cell in cells if cell.cell_type == "markdown")
    assert words > 300


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_it_runs_from_top_to_bottom_and_draws(path, kernel):
    notebook = jupytext.read(path)
    notebook.cells.insert(0, nbformat.v4.new_code_cell("%reset -f"))
    kernel.nb = notebook
    for index, cell in enumerate(notebook.cells):
        kernel.execute_cell(cell, index)
    assert len(pictures(notebook)) == PICTURES[path.stem[:2]]
