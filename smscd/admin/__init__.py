"""Health, metrics, HTTP and the control socket."""
