"""Why it says so: maps, lead shares, and tests of both."""
