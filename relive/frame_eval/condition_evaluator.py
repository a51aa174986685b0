"""The seed's name for relive.debug.conditions."""

from relive.debug.conditions import (
    COMPARE,
    CONST,
    JUMP_IF_FALSE,
    JUMP_IF_TRUE,
    LOAD,
    NOT,
    ConditionEvaluator,
    make_condition,
    parse,
    read_names,
    simple_program,
)

__all__ = [
    "COMPARE",
    "CONST",
    "JUMP_IF_FALSE",
    "JUMP_IF_TRUE",
    "LOAD",
    "NOT",
    "ConditionEvaluator",
    "make_condition",
    "parse",
    "read_names",
    "simple_program",
]
