"""The file mapped onto the settings of every room: schema, load, check, diff."""
