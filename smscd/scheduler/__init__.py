"""What is due now: retry ladder, validity, active window, pace per destination."""
