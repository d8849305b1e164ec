"""What lokid starts.

launch       servers, on the first request; they stop when idle
supervise    the program between lokid and them, so that nothing outlives it
children     what they see of the environment, and the one line that some are run for
"""
