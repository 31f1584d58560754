"""`make bench`: how long things take, beside what a user would pick instead."""
