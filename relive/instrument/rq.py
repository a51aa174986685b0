"""RQ: a session for each job that a worker performs.

    rq worker --job-class relive.instrument.rq.Job       # or RQ_JOB_CLASS in the environment

RQ imports this module where it is named so; nothing else does."""

from typing import Any

from rq.job import Job as _Job

from relive.instrument import tasks

__all__ = ["Job"]


class Job(_Job):  # type: ignore[misc]
    """RQ's job, performed inside a session."""

    def perform(self) -> Any:
        """Performs the job; what it raises ends the session and goes on."""
        began = tasks.begin("rq", self.id, self.func_name, queue=self.origin)
        error = None
        try:
            return super().perform()
        except BaseException as raised:
            error = raised
            raise
        finally:
            tasks.end(began, error)
            del error
