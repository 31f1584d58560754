"""`python -m ecgstudy` is the `ecgstudy` command."""

from ecgstudy.cli import main

main()
