"""Settings of the test run."""

from hypothesis import settings

# Machines that run the tests are shared and slow at times; a deadline would test them, not us.
settings.register_profile("chataudit", deadline=None, derandomize=True)
settings.load_profile("chataudit")
