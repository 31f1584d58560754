"""`python -m ecgstudy` is the `ecgstudy` command."""

from ecgstudy.cli import main

if __name__ == "__main__":  # processes that trace pages import this module again
    main()
