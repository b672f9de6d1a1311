"""Tapes: recorded market rows of one instrument in Parquet; write, read, validate, convert, synthesise."""
