"""One Hypothesis profile for all tests: the same cases everywhere, no deadline (compiling counts as slow)."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "mmsim", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("mmsim")
