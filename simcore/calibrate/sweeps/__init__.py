"""One configuration against a scale: latencies, fees, and the worlds of its queue."""
