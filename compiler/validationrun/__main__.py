"""`python -m validationrun` is the same as the command `validationrun`."""

from validationrun.cli import main

main()
