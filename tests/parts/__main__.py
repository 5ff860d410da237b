"""Fetches what the tests on real parts need, or says in one line what is missing: `python -m tests.parts`."""

from __future__ import annotations

import sys

from tests.parts.jars import kafka_classpath
from tests.parts.needs import RealPartsError, check_needs


def main() -> None:
    """Exit with 0 once everything is there."""
    try:
        check_needs()
        kafka_classpath()
    except RealPartsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
