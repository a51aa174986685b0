"""The pages on servers, task queues and pools: each block runs here, against the real packages."""

from importlib.util import find_spec

import pytest
import serving  # noqa: F401  (puts tests/py on the path)
from documents import RUNNABLE, Folder, blocks

NAMES = ["gunicorn", "uvicorn", "celery", "rq", "huey", "multiprocessing", "joblib", "dask", "ray"]


@pytest.mark.parametrize("name", NAMES)
def test_each_block_of_a_page_runs_and_prints_what_it_says(name, tmp_path):
    if name == "ray" and find_spec("ray") is None:
        pytest.skip("no wheel of ray for this Python yet")
    folder, page = Folder(tmp_path), f"docs/{name}.md"
    for block in blocks(page):
        if (block.language in RUNNABLE or block.file) and block.mark("not run") is None:
            assert block.why_skipped() is None, (page, block.line)
            try:
                folder.run(block)
            except AssertionError as error:
                raise AssertionError(f"{page}:{block.line}: {error}") from None
