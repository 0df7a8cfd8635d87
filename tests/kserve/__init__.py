"""The storage initializer, run as KServe runs it, against real servers."""
