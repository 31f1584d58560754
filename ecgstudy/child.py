"""`python -m ecgstudy.child VERB ...`: a verb of the `ecgstudy` command, in a process that ends with its parent."""

if __name__ == "__main__":
    from ecgstudy import lifeline

    lifeline.end_with_parent()
    from ecgstudy.cli import main

    main()
