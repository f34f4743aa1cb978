"""``python -m spanbook`` is ``spanbook``."""

import sys

from .cli import main

sys.exit(main())
