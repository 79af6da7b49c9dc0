"""`python -m validationrun` is the same as the command `validationrun`."""

import sys

from validationrun.cli import main

sys.exit(main())
