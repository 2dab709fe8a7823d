"""What settings are when nobody says, for those who read settings and those who go without."""

PAUSE_TARGET = 0.01  # seconds: what a service of a few ms a request can hide
GARBAGE_BUDGET = 0.1  # of the memory in use
HEADROOM = 0.1  # of the container's limit
POOL_SIZE = 100  # idle objects
MONITOR_INTERVAL = 5.0  # seconds
ALERT_CLEAR = 0.9  # of an alert's threshold
