"""relive schema: what each verb prints with --json."""

from __future__ import annotations

from relive import schemas
from relive.cli import OK, common
from relive.cli.options import Parser, Word
from relive.config import nearest
from relive.errors import ReliveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List


def main(words: List[str]) -> int:
    """Prints the JSON schema of each kind of row, or the names and versions of all schemas."""
    args = Parser(
        "schema", "What each verb prints with --json, as JSON Schema.",
        Word("VERB", "a verb; without it, names and versions of all schemas", least=0),
        common.JSON,
    ).parse(words)  # fmt: skip
    if args.verb is not None and args.verb not in schemas.SCHEMAS:
        raise ReliveError(
            "ERR_NOT_FOUND",
            f"{args.verb!r} has no schema of its own{nearest(args.verb, schemas.SCHEMAS)}"
            f" (relive schema lists them; of events: relive dump --schema)",
        )
    if args.json or args.verb is not None:
        common.emit(schema="relive.schema", version=1)
    for verb in [args.verb] if args.verb is not None else schemas.SCHEMAS:
        version, _, kinds = schemas.SCHEMAS[verb]
        if args.verb is not None:
            for kind, fields in schemas.rows_of(verb):
                common.emit(verb=verb, version=version, row=kind, fields=fields)
        elif args.json:
            common.emit(verb=verb, schema=f"relive.{verb}", version=version, rows=list(kinds))
        else:
            print(f"relive.{verb:<10} {version}  rows: {', '.join(kinds)}")
    return OK
