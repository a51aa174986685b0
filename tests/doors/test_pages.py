"""The pages on pools: each block runs here, against the real packages."""

import pytest
import serving  # noqa: F401  (puts tests/py on the path)
from documents import RUNNABLE, Folder, blocks

PAGES = ["docs/multiprocessing.md", "docs/joblib.md", "docs/dask.md", "docs/ray.md"]


@pytest.mark.parametrize("page", PAGES)
def test_each_block_of_a_page_runs_and_prints_what_it_says(page, tmp_path):
    folder = Folder(tmp_path)
    for block in blocks(page):
        if block.language in RUNNABLE or block.file:
            assert block.why_skipped() is None, (page, block.line)
            folder.run(block)
