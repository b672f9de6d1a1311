"""What a run leaves behind: requests, reports, fills, markouts and ledger samples, as Parquet, and their digest."""
