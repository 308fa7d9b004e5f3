"""The course's machinery: chapters are built, checked, run, handed out and marked.

A chapter itself imports only what a reader meets there: `check`, `check_parameters`, `explore`,
`record`, `show`, `stored`.
"""

from mtlkit.course.chapters import stored
from mtlkit.course.checks import check
from mtlkit.course.figures import explore, record, show
from mtlkit.course.parameters import check_parameters

__all__ = ["check", "check_parameters", "explore", "record", "show", "stored"]
