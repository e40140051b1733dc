"""The ways out: a bound ESME, an upstream SMSC, a GSM modem, an emulated network."""
