"""What callers may do, and the words in which they are refused."""
