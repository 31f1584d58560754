"""ecgstudy."""
